import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { FlowReader, INDICATORS } from './flow-yaml.ts';
import { plainKey, plainScalar, quotedText } from './scalar.ts';

/**
 * Reads the YAML that people and `kubectl` write: block maps and lists, scalars and flow values on one line, literal text.
 * Undefined is "not written that simply", never "wrong": the caller then asks the complete reader, which also finds the faults.
 * Twenty times as fast as that one, so that a cluster's dump is read in a second.
 */
export function readBlockYaml(text: string, start: number, end: number): JsonValue | undefined {
  return new BlockReader(text.slice(start, end)).document();
}

const MAX_DEPTH = 60;
/** YAML 1.2 §7.4: a key on the line of its value has at most 1024 characters. */
const MAX_KEY = 1000;
/** Tabs and carriage returns have rules of their own; `...` ends a document. */
const BEYOND = /[\t\r]|(?:^|\n)\.\.\./;
const SPACE = 0x20;
const DASH = 0x2d;
const COLON = 0x3a;
const HASH = 0x23;
const SINGLE_QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;

class BlockReader {
  readonly #text: string;
  readonly #end: number;
  /** The line under work: start of its first character that is no space, its end, and how far in the first character stands. */
  #from = 0;
  #to = 0;
  #indent = -1;
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
    this.#end = text.length;
  }

  document(): JsonValue | undefined {
    if (BEYOND.test(this.#text)) return undefined;
    this.#advance();
    if (this.#indent < 0) return null;
    const value = this.#node();
    return this.#indent < 0 ? value : undefined;
  }

  /** Goes to the next line that is neither blank nor a comment; `#indent` is -1 at the end. */
  #advance(): void {
    const text = this.#text;
    while (this.#next < this.#end) {
      const start = this.#next;
      let at = start;
      while (text.charCodeAt(at) === SPACE) at++;
      const newline = text.indexOf('\n', at);
      let to = newline < 0 || newline > this.#end ? this.#end : newline;
      this.#next = to + 1;
      if (at >= to || text.charCodeAt(at) === HASH) continue;
      while (text.charCodeAt(to - 1) === SPACE) to--;
      this.#from = at;
      this.#to = to;
      this.#indent = at - start;
      return;
    }
    this.#indent = -1;
  }

  #node(): JsonValue | undefined {
    if (++this.#depth > MAX_DEPTH) return undefined;
    const value = this.#isDash(this.#from) ? this.#list(this.#indent) : this.#map(this.#indent);
    this.#depth--;
    return value;
  }

  #isDash(at: number): boolean {
    return this.#text.charCodeAt(at) === DASH && (at + 1 >= this.#to || this.#text.charCodeAt(at + 1) === SPACE);
  }

  #list(indent: number): JsonValue | undefined {
    const items: JsonValue[] = [];
    while (this.#indent === indent && this.#isDash(this.#from)) {
      const item = this.#listItem(indent);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return this.#indent > indent ? undefined : items;
  }

  #listItem(indent: number): JsonValue | undefined {
    const dash = this.#from;
    const at = this.#skipSpaces(dash + 1);
    if (at >= this.#to || this.#isComment(at)) {
      this.#advance();
      return this.#indent > indent ? this.#node() : null;
    }
    const isMap = this.#isDash(at) ? false : this.#keyEnd(at);
    if (isMap === undefined) return undefined;
    if (!isMap && !this.#isDash(at)) return this.#inline(at, indent);
    // What follows the dash is a line of its own, as far in as it stands.
    this.#from = at;
    this.#indent = indent + at - dash;
    return this.#node();
  }

  #map(indent: number): JsonObject | undefined {
    const fields: Record<string, JsonValue> = Object.create(null);
    while (this.#indent === indent) {
      if (this.#isDash(this.#from)) return undefined;
      const colon = this.#keyEnd(this.#from);
      if (colon === undefined || colon === false) return undefined;
      const key = this.#key(this.#from, colon);
      if (key === undefined || key in fields) return undefined;
      const value = this.#field(colon + 1, indent);
      if (value === undefined) return undefined;
      fields[key] = value;
    }
    return this.#indent > indent ? undefined : fields;
  }

  #field(after: number, indent: number): JsonValue | undefined {
    const at = this.#skipSpaces(after);
    if (at < this.#to && !this.#isComment(at)) return this.#inline(at, indent);
    this.#advance();
    if (this.#indent > indent) return this.#node();
    if (this.#indent === indent && this.#isDash(this.#from)) {
      // A list may stand as far in as the field that it belongs to; the map goes on behind it.
      return this.#list(indent);
    }
    return null;
  }

  /** The colon behind a key that starts at `at`; false when there is none, undefined when it is not that simple. */
  #keyEnd(at: number): number | false | undefined {
    const text = this.#text;
    const first = text.charCodeAt(at);
    if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) {
      const close = this.#quoteEnd(at);
      if (close === undefined) return undefined;
      return text.charCodeAt(close) === COLON ? (this.#endsKey(close) ? close : undefined) : false;
    }
    if (first === 0x5b || first === 0x7b || first === 0x7c) return false;
    if (INDICATORS[first] === 1) return undefined;
    for (let i = at; i < this.#to; i++) {
      const code = text.charCodeAt(i);
      if (code === COLON && this.#endsKey(i)) return i;
      if (code === HASH && text.charCodeAt(i - 1) === SPACE) return false;
    }
    return false;
  }

  #endsKey(colon: number): boolean {
    return colon + 1 >= this.#to || this.#text.charCodeAt(colon + 1) === SPACE;
  }

  #key(from: number, colon: number): string | undefined {
    const first = this.#text.charCodeAt(from);
    if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) return this.#quoted(from, colon);
    if (colon - from > MAX_KEY) return undefined;
    const text = withoutTrailingSpaces(this.#text.slice(from, colon));
    if (text === '<<') return undefined;
    return plainKey(text);
  }

  /** A value on the line of its key or dash; `indent` is that of the map or list that it is in. */
  #inline(at: number, indent: number): JsonValue | undefined {
    const first = this.#text.charCodeAt(at);
    if (first === 0x7c) return this.#literal(at, indent);
    if (first === DOUBLE_QUOTE || first === SINGLE_QUOTE) {
      const close = this.#quoteEnd(at);
      if (close === undefined || !this.#isLineEnd(close)) return undefined;
      return this.#closed(this.#quoted(at, close), indent);
    }
    if (first === 0x5b || first === 0x7b) {
      const flow = new FlowReader(this.#text, at, this.#to);
      const value = flow.value();
      return value === undefined || !this.#isLineEnd(flow.at) ? undefined : this.#closed(value, indent);
    }
    return INDICATORS[first] === 1 || this.#isDash(at) ? undefined : this.#plain(at, indent);
  }

  /** Goes on behind a value that ended with its line. */
  #closed(value: JsonValue | undefined, indent: number): JsonValue | undefined {
    this.#advance();
    return this.#indent > indent ? undefined : value;
  }

  /** A plain scalar, also over several lines as `kubectl` folds long ones. */
  #plain(at: number, indent: number): JsonValue | undefined {
    const cut = this.#commentStart(at);
    let words = withoutTrailingSpaces(this.#text.slice(at, cut ?? this.#to));
    if (words.endsWith(':') || words.includes(': ')) return undefined;
    let lineEnd = this.#next;
    this.#advance();
    while (this.#indent > indent) {
      // Behind a comment or a blank line the rules are finer.
      if (cut !== undefined || this.#from - this.#indent !== lineEnd) return undefined;
      const more = this.#text.slice(this.#from, this.#to);
      if (more.endsWith(':') || more.includes(': ') || more.includes(' #')) return undefined;
      words += ` ${more}`;
      lineEnd = this.#next;
      this.#advance();
    }
    const value = plainScalar(words);
    return typeof value === 'number' && !Number.isFinite(value) ? undefined : value;
  }

  #commentStart(at: number): number | undefined {
    const found = this.#text.slice(at, this.#to).indexOf(' #');
    return found < 0 ? undefined : at + found;
  }

  #isComment(at: number): boolean {
    return this.#text.charCodeAt(at) === HASH;
  }

  #isLineEnd(at: number): boolean {
    const next = this.#skipSpaces(at);
    return next >= this.#to || (next > at && this.#isComment(next));
  }

  #skipSpaces(at: number): number {
    let next = at;
    while (next < this.#to && this.#text.charCodeAt(next) === SPACE) next++;
    return next;
  }

  /** Behind the closing quote, when it stands on this line. */
  #quoteEnd(at: number): number | undefined {
    const quote = this.#text.charCodeAt(at);
    for (let i = at + 1; i < this.#to; i++) {
      const code = this.#text.charCodeAt(i);
      if (code === 0x5c && quote === DOUBLE_QUOTE) i++;
      else if (code === quote) {
        if (quote === DOUBLE_QUOTE || this.#text.charCodeAt(i + 1) !== SINGLE_QUOTE) return i + 1;
        i++;
      }
    }
    return undefined;
  }

  #quoted(from: number, close: number): string | undefined {
    return quotedText(this.#text.slice(from, close));
  }

  /** `|` and `|-` with the indentation of the first line, which is not blank. */
  #literal(at: number, indent: number): JsonValue | undefined {
    const header = this.#text.slice(at + 1, this.#to);
    if (header !== '' && header !== '-') return undefined;
    const lines: string[] = [];
    let inner = -1;
    while (this.#next < this.#end) {
      const start = this.#next;
      const newline = this.#text.indexOf('\n', start);
      if (newline < 0 || newline >= this.#end) return undefined;
      let from = start;
      while (this.#text.charCodeAt(from) === SPACE) from++;
      const isBlank = from === newline;
      if (inner < 0) inner = isBlank ? -1 : from - start;
      if (inner <= indent || (isBlank && from - start > inner)) return undefined;
      if (!isBlank && from - start < inner) break;
      lines.push(isBlank ? '' : this.#text.slice(start + inner, newline));
      this.#next = newline + 1;
    }
    if (inner < 0) return undefined;
    while (lines.at(-1) === '') lines.pop();
    return this.#closed(`${lines.join('\n')}${header === '-' ? '' : '\n'}`, indent);
  }
}

/** Only spaces: other blanks are part of a scalar. */
function withoutTrailingSpaces(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === SPACE) end--;
  return text.slice(0, end);
}
