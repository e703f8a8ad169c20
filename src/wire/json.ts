import { Problem } from '../core/problem.ts';
import type { JsonValue } from './call.ts';

export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Object members of the whole document. */
  readonly maxKeys: number;
}

export const JSON_LIMITS: JsonLimits = { maxBytes: 4 * 1024 * 1024, maxDepth: 64, maxKeys: 100_000 };

/**
 * A JSON document (RFC 8259) as every parser must read it, or a Problem: what parsers read differently is refused. Objects
 * have no prototype, so `__proto__` is a name like any other.
 *
 * Throws JSON_ENCODING (not UTF-8, or a byte order mark), JSON_INVALID (grammar, `NaN`, an escaped lone surrogate, a number beyond
 * double range), JSON_DUPLICATE_KEY, JSON_TOO_DEEP, JSON_TOO_MANY_KEYS, BODY_TOO_LARGE. Messages name line and column, never content.
 *
 * Numbers are doubles: an integer beyond 2^53 loses digits. A decision must not hang on such digits; the body is forwarded as
 * its own bytes, so the upstream sees them all.
 */
export function parseJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): JsonValue {
  const { maxBytes } = { ...JSON_LIMITS, ...limits };
  if (bytes.byteLength > maxBytes) {
    throw new Problem({
      code: 'BODY_TOO_LARGE',
      kind: 'too_large',
      message: `the JSON document is larger than ${maxBytes} bytes`,
    });
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) throw encoding('starts with a byte order mark');
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    throw encoding('is not UTF-8');
  }
  return new Reader(text, { ...JSON_LIMITS, ...limits }).document();
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const HEX4 = /^[0-9A-Fa-f]{4}$/;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** A recursive-descent reader; recursion is bounded by `maxDepth`. */
class Reader {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #depth = 0;
  #keys = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  document(): JsonValue {
    this.#blanks();
    const value = this.#value();
    this.#blanks();
    if (this.#at < this.#text.length) throw this.#invalid('text after the end of the document');
    return value;
  }

  #value(): JsonValue {
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b: // {
        return this.#object();
      case 0x5b: // [
        return this.#array();
      case 0x22: // "
        return this.#string();
      case 0x74: // t
        return this.#literal('true', true);
      case 0x66: // f
        return this.#literal('false', false);
      case 0x6e: // n
        return this.#literal('null', null);
      default:
        return this.#number();
    }
  }

  #object(): JsonValue {
    this.#enter();
    const object: Record<string, JsonValue> = Object.create(null);
    this.#blanks();
    if (this.#take(0x7d)) return this.#leave(object);
    for (;;) {
      const keyAt = this.#at;
      if (this.#text.charCodeAt(keyAt) !== 0x22) throw this.#invalid('expected a member name in quotes');
      const key = this.#string();
      if (key in object) throw this.#problem('JSON_DUPLICATE_KEY', 'an object has the same name twice', keyAt);
      if (++this.#keys > this.#limits.maxKeys) {
        throw this.#problem('JSON_TOO_MANY_KEYS', `more than ${this.#limits.maxKeys} members`, keyAt, 'too_large');
      }
      this.#blanks();
      if (!this.#take(0x3a)) throw this.#invalid('expected `:`');
      this.#blanks();
      object[key] = this.#value();
      this.#blanks();
      if (this.#take(0x7d)) return this.#leave(object);
      if (!this.#take(0x2c)) throw this.#invalid('expected `,` or `}`');
      this.#blanks();
    }
  }

  #array(): JsonValue {
    this.#enter();
    const array: JsonValue[] = [];
    this.#blanks();
    if (this.#take(0x5d)) return this.#leave(array);
    for (;;) {
      array.push(this.#value());
      this.#blanks();
      if (this.#take(0x5d)) return this.#leave(array);
      if (!this.#take(0x2c)) throw this.#invalid('expected `,` or `]`');
      this.#blanks();
    }
  }

  #enter(): void {
    if (++this.#depth > this.#limits.maxDepth) {
      throw this.#problem('JSON_TOO_DEEP', `nested deeper than ${this.#limits.maxDepth} levels`, this.#at, 'too_large');
    }
    this.#at++;
  }

  #leave<T>(value: T): T {
    this.#depth--;
    return value;
  }

  #string(): string {
    const text = this.#text;
    const start = ++this.#at;
    let at = start;
    for (; ; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      if (code === 0x5c) return this.#escapedString(start, at);
      // NaN beyond the end fails the comparison, too.
      if (!(code >= 0x20)) throw this.#badCharacter(at);
    }
    this.#at = at + 1;
    return text.slice(start, at);
  }

  /** The rest of a string from its first escape at `at` on. */
  #escapedString(start: number, at: number): string {
    const text = this.#text;
    let value = text.slice(start, at);
    let from = at;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      if (code === 0x5c) {
        value += text.slice(from, at);
        this.#at = at;
        value += this.#escape();
        at = this.#at;
        from = at;
      } else {
        if (!(code >= 0x20)) throw this.#badCharacter(at);
        at++;
      }
    }
    this.#at = at + 1;
    return value + text.slice(from, at);
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    const simple = Object.hasOwn(SIMPLE_ESCAPES, letter) ? SIMPLE_ESCAPES[letter] : undefined;
    if (simple !== undefined) {
      this.#at += 2;
      return simple;
    }
    const unit = this.#unicodeEscape();
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    // A lone half becomes U+FFFD in one parser, an error or three bytes in another.
    const low = unit <= 0xdbff && this.#text[this.#at] === '\\' ? this.#unicodeEscape() : 0;
    if (low < 0xdc00 || low > 0xdfff) throw this.#invalid('an escaped surrogate without its other half');
    return String.fromCharCode(unit, low);
  }

  #unicodeEscape(): number {
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (this.#text[this.#at + 1] !== 'u' || !HEX4.test(digits)) throw this.#invalid('an escape that JSON does not have');
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#invalid(this.#at >= this.#text.length ? 'the document ends too early' : 'expected a value');
    const value = Number(match[0]);
    if (!Number.isFinite(value)) throw this.#invalid('a number beyond the range of a double');
    this.#at += match[0].length;
    return value;
  }

  #literal<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#invalid('expected a value');
    this.#at += word.length;
    return value;
  }

  #blanks(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #badCharacter(at: number): Problem {
    this.#at = at;
    return this.#invalid(at >= this.#text.length ? 'a string without its end' : 'a control character in a string');
  }

  #invalid(what: string): Problem {
    return this.#problem('JSON_INVALID', what, this.#at);
  }

  #problem(code: string, what: string, at: number, kind: 'invalid' | 'too_large' = 'invalid'): Problem {
    return new Problem({ code, kind, message: `the JSON document cannot be read at ${position(this.#text, at)}: ${what}` });
  }
}

/** Line and column count from 1, the column in UTF-16 units. */
function position(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  return `line ${line}, column ${at - before.lastIndexOf('\n')}`;
}

function encoding(what: string): Problem {
  return new Problem({ code: 'JSON_ENCODING', kind: 'invalid', message: `the JSON document ${what}` });
}
