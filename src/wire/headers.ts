import { Problem } from '../core/problem.ts';

/** RFC 9110 §5.6.2 `token`. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5 `field-value`, with obs-text; strings are Latin-1 as Node yields them. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const MAX_FIELDS = 256;
/** Characters of all names and values together. */
const MAX_TOTAL = 65_536;

interface Field {
  readonly name: string;
  readonly lower: string;
  readonly value: string;
}

/**
 * Header fields in the order they came, immutable. Names match without regard to case; nothing is joined, so that a name
 * that stands twice is seen as such: one reader taking the first and another the last is how identity headers are forged.
 */
export class HeaderList {
  readonly #fields: readonly Field[];

  private constructor(fields: readonly Field[]) {
    this.#fields = fields;
  }

  static readonly empty: HeaderList = new HeaderList([]);

  /**
   * From Node's `rawHeaders` (name, value, name, value, …). Pseudo-headers of HTTP/2 are not fields: leave them out before.
   * Throws HEADER_INVALID (a name that is no token, a value with control characters) and HEADERS_TOO_LARGE.
   */
  static fromRaw(raw: readonly string[]): HeaderList {
    if (raw.length % 2 !== 0) throw invalid('a header name has no value');
    if (raw.length > 2 * MAX_FIELDS) throw tooLarge();
    const fields: Field[] = [];
    let total = 0;
    for (let i = 0; i < raw.length; i += 2) {
      const field = fieldOf(raw[i] ?? '', raw[i + 1] ?? '');
      total += field.name.length + field.value.length;
      if (total > MAX_TOTAL) throw tooLarge();
      fields.push(field);
    }
    return new HeaderList(fields);
  }

  /** The only value of `name`; undefined when absent. Throws HEADER_AMBIGUOUS when the name stands twice, even with equal values. */
  get(name: string): string | undefined {
    const lower = name.toLowerCase();
    let found: Field | undefined;
    for (const field of this.#fields) {
      if (field.lower !== lower) continue;
      if (found !== undefined) {
        throw new Problem({ code: 'HEADER_AMBIGUOUS', kind: 'invalid', message: `header \`${lower}\` stands more than once` });
      }
      found = field;
    }
    return found?.value;
  }

  getAll(name: string): readonly string[] {
    const lower = name.toLowerCase();
    let values: string[] | undefined;
    for (const field of this.#fields) {
      if (field.lower !== lower) continue;
      if (values === undefined) values = [field.value];
      else values.push(field.value);
    }
    // Most names that are asked for are not there.
    return values ?? NONE;
  }

  has(name: string): boolean {
    const lower = name.toLowerCase();
    for (const field of this.#fields) if (field.lower === lower) return true;
    return false;
  }

  /** Pairs of lower-case name and value, in order, duplicates as they came. */
  *entries(): IterableIterator<readonly [lowerName: string, value: string]> {
    for (const field of this.#fields) yield [field.lower, field.value];
  }

  /** The list without these names, or without the fields for which the predicate (of the lower-case name) holds. */
  without(drop: string | Iterable<string> | ((lowerName: string) => boolean)): HeaderList {
    const test = typeof drop === 'function' ? drop : matcher(drop);
    const kept = this.#fields.filter((field) => !test(field.lower));
    return kept.length === this.#fields.length ? this : new HeaderList(kept);
  }

  /** The list with exactly this one value for `name`; all former values are gone. Throws HEADER_INVALID. */
  with(name: string, value: string): HeaderList {
    const field = fieldOf(name, value);
    const kept = this.#fields.filter((other) => other.lower !== field.lower);
    return new HeaderList([...kept, field]);
  }

  /** As `with` for each of these fields, in one pass: a head that gets ten of them is not copied ten times. */
  withAll(fields: Readonly<Record<string, string>>): HeaderList {
    return this.changed(() => false, fields);
  }

  /** As `without`, then `withAll`, in one pass. */
  changed(isDropped: (lowerName: string) => boolean, fields: Readonly<Record<string, string>>): HeaderList {
    const added: Field[] = [];
    for (const name in fields) if (Object.hasOwn(fields, name)) added.push(fieldOf(name, fields[name] ?? ''));
    const changed: Field[] = [];
    for (const field of this.#fields) {
      if (!isDropped(field.lower) && !added.some((one) => one.lower === field.lower)) changed.push(field);
    }
    if (added.length === 0 && changed.length === this.#fields.length) return this;
    changed.push(...added);
    return new HeaderList(changed);
  }

  /** The list with one more field; for `Set-Cookie` and its like. Throws HEADER_INVALID. */
  append(name: string, value: string): HeaderList {
    return new HeaderList([...this.#fields, fieldOf(name, value)]);
  }

  /** Name, value, name, value, …; names as they came. What `http.request` takes as `headers`. */
  toRaw(): string[] {
    const raw: string[] = [];
    for (const field of this.#fields) raw.push(field.name, field.value);
    return raw;
  }
}

const NONE: readonly string[] = [];

function fieldOf(name: string, value: string): Field {
  if (!TOKEN.test(name)) throw invalid('a header name holds a character that is not allowed');
  const lower = name.toLowerCase();
  if (!VALUE.test(value)) throw invalid(`header \`${lower}\` holds a control character or one beyond Latin-1`);
  return { name, lower, value: trimOws(value) };
}

/** Optional whitespace around a value is no part of it (RFC 9110 §5.5). */
function trimOws(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isOws(value.charCodeAt(start))) start++;
  while (end > start && isOws(value.charCodeAt(end - 1))) end--;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function matcher(names: string | Iterable<string>): (lowerName: string) => boolean {
  if (typeof names === 'string') {
    const only = names.toLowerCase();
    return (lower) => lower === only;
  }
  const set = new Set<string>();
  for (const name of names) set.add(name.toLowerCase());
  return (lower) => set.has(lower);
}

function invalid(message: string): Problem {
  return new Problem({ code: 'HEADER_INVALID', kind: 'invalid', message });
}

function tooLarge(): Problem {
  return new Problem({
    code: 'HEADERS_TOO_LARGE',
    kind: 'too_large',
    status: 431,
    message: 'the request has too many or too large headers',
  });
}
