/** A value that has a canonical form: no floating-point numbers, no undefined. */
export type CanonicalValue =
  | null
  | boolean
  | number
  | string
  | readonly CanonicalValue[]
  | { readonly [name: string]: CanonicalValue };

export type CanonicalObject = { readonly [name: string]: CanonicalValue };

/**
 * The one text of a value: RFC 8785 (keys in order of UTF-16 code units, no white space, the string escapes of ECMAScript), with
 * integers only, so that any language writes the same bytes. Throws a TypeError for a number that is not a safe integer.
 */
export function canonicalText(value: CanonicalValue): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TypeError('a canonical number is a safe integer');
    return String(value === 0 ? 0 : value);
  }
  if (value === null || typeof value === 'boolean') return String(value);
  let text = '';
  if (isList(value)) {
    for (const item of value) text += text === '' ? canonicalText(item) : `,${canonicalText(item)}`;
    return `[${text}]`;
  }
  const keys = Object.keys(value);
  if (!isSorted(keys)) keys.sort();
  for (const key of keys) text += `${text === '' ? '' : ','}${quoted(key)}:${canonicalText(value[key] ?? null)}`;
  return `{${text}}`;
}

/** The canonical text of a string. Most need no escape, and finding that out is far cheaper than the general way. */
export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text.toWellFormed());
}

function isSorted(keys: readonly string[]): boolean {
  for (let index = 1; index < keys.length; index++) if ((keys[index - 1] ?? '') > (keys[index] ?? '')) return false;
  return true;
}

const PLAIN = /^[ !#-[\]-~]*$/;

/**
 * Text that no terminal, page or log line can be tricked with: control characters, line separators and bidirectional controls
 * stand as `\u001b`, lone surrogates as U+FFFD, and what exceeds `max` UTF-16 units is cut with a mark that says how much.
 */
export function safeText(text: string, max: number): string {
  const visible = UNSAFE.test(text) ? text.replace(UNSAFE_ALL, escapeCharacter) : text;
  if (visible.length <= max) return visible.toWellFormed();
  const mark = `…(+${visible.length - max})`;
  const kept = visible.slice(0, Math.max(0, max - mark.length));
  // A pair of surrogates is not cut in half: half of one would be replaced and mean another text.
  const whole = /[\ud800-\udbff]$/.test(kept) ? kept.slice(0, -1) : kept;
  return `${whole.toWellFormed()}${mark}`;
}

/** `safeText` in its canonical form. */
export function safeQuoted(text: string, max: number): string {
  return text.length <= max && PLAIN.test(text) ? `"${text}"` : quoted(safeText(text, max));
}

/** Limits of a value that is made plain; each is far above what a call that is meant well holds. */
export interface PlainLimits {
  readonly depth: number;
  readonly text: number;
  readonly members: number;
}

/**
 * Any value as a canonical one: big integers and floating-point numbers become text, dates RFC 3339, unknown things `null`;
 * depth, lists and texts are cut.
 */
export function plainValue(value: unknown, limits: PlainLimits, depth = 0): CanonicalValue {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return safeText(value, limits.text);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : String(value);
  if (typeof value === 'bigint') {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
      ? Number(value)
      : safeText(String(value), limits.text);
  }
  if (typeof value !== 'object') return null;
  if (value instanceof Date) return timeText(value.getTime());
  if (depth >= limits.depth) return '…';
  if (Array.isArray(value)) {
    const kept = value.slice(0, limits.members).map((item) => plainValue(item, limits, depth + 1));
    return value.length > limits.members ? [...kept, `…(+${value.length - limits.members})`] : kept;
  }
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  const kept = entries
    .slice(0, limits.members)
    .map(([name, member]) => [safeText(name, 256), plainValue(member, limits, depth + 1)] as const);
  if (entries.length > limits.members) kept.push(['…', `…(+${entries.length - limits.members})`]);
  return Object.fromEntries(kept);
}

/** RFC 3339 in UTC with milliseconds; a time outside of what a date can hold is the epoch. */
export function timeText(timeMs: number): string {
  const whole = Math.abs(timeMs) <= 8.64e15 ? Math.trunc(timeMs) : 0;
  const second = Math.floor(whole / 1_000);
  // Entries that follow one another are mostly of one second, and a date is slow to write out.
  if (second !== lastSecond.second) lastSecond = { second, text: new Date(second * 1_000).toISOString().slice(0, -4) };
  return `${lastSecond.text}${String(whole - second * 1_000).padStart(3, '0')}Z`;
}

let lastSecond = { second: Number.NaN, text: '' };

/** C0, DEL, C1, LINE and PARAGRAPH SEPARATOR, and the bidirectional controls of UAX #9. */
const UNSAFE_CLASS = '[\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]';
const UNSAFE = new RegExp(UNSAFE_CLASS);
const UNSAFE_ALL = new RegExp(UNSAFE_CLASS, 'g');

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function isList(value: CanonicalValue): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}
