import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { plainKey, plainScalar, quotedText } from './scalar.ts';

const MAX_DEPTH = 60;
const SPACE = 0x20;

/** Characters with which no plain scalar starts; a dash is not among them, as `-1` is one. */
export const INDICATORS = new Uint8Array(65536);
for (const character of '?:,[]{}#&*!|>\'"%@`') INDICATORS[character.charCodeAt(0)] = 1;

/** Reads a flow value (`[a, b]`, `{a: b}`) that ends on its line. Undefined is "not written that simply", as in `readBlockYaml`. */
export class FlowReader {
  readonly #text: string;
  readonly #to: number;
  #at: number;
  #depth = 0;

  constructor(text: string, at: number, to: number) {
    this.#text = text;
    this.#at = at;
    this.#to = to;
  }

  /** Behind what was read. */
  get at(): number {
    return this.#at;
  }

  value(): JsonValue | undefined {
    if (++this.#depth > MAX_DEPTH) return undefined;
    const first = this.#text[this.#at];
    const value = first === '[' ? this.#list() : first === '{' ? this.#map() : this.#scalar(first);
    this.#depth--;
    return value;
  }

  #list(): JsonValue | undefined {
    const items: JsonValue[] = [];
    this.#step();
    while (!this.#take(']')) {
      const item = this.value();
      if (item === undefined || !this.#isSeparated(']')) return undefined;
      items.push(item);
    }
    return items;
  }

  #map(): JsonObject | undefined {
    const fields: Record<string, JsonValue> = Object.create(null);
    this.#step();
    while (!this.#take('}')) {
      const key = this.#key();
      if (key === undefined || key in fields || !this.#take(':')) return undefined;
      const before = this.#at;
      this.#skipSpaces();
      if (this.#at === before) return undefined;
      const value = this.value();
      if (value === undefined || !this.#isSeparated('}')) return undefined;
      fields[key] = value;
    }
    return fields;
  }

  #key(): string | undefined {
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") {
      const key = this.#scalar(first);
      return typeof key === 'string' ? key : undefined;
    }
    const text = this.#plain();
    return text !== undefined && text !== '<<' && plainKey(text) === text ? text : undefined;
  }

  #scalar(first: string | undefined): JsonValue | undefined {
    if (first === '"' || first === "'") {
      const pattern = first === '"' ? DOUBLE_QUOTED : SINGLE_QUOTED;
      pattern.lastIndex = this.#at;
      const match = pattern.exec(this.#text);
      if (match === null || this.#at + match[0].length > this.#to) return undefined;
      this.#at += match[0].length;
      return quotedText(match[0]);
    }
    const text = this.#plain();
    if (text === undefined) return undefined;
    const value = plainScalar(text);
    return typeof value === 'number' && !Number.isFinite(value) ? undefined : value;
  }

  #plain(): string | undefined {
    PLAIN.lastIndex = this.#at;
    const match = PLAIN.exec(this.#text);
    if (match === null) return undefined;
    const text = match[0].replace(/ +$/, '');
    this.#at += text.length;
    return this.#at > this.#to ? undefined : text;
  }

  /** After an item: a comma, or the closing bracket, which stays. */
  #isSeparated(close: string): boolean {
    this.#skipSpaces();
    if (this.#text[this.#at] === ',') {
      this.#step();
      return this.#at < this.#to;
    }
    return this.#text[this.#at] === close && this.#at < this.#to;
  }

  #take(character: string): boolean {
    if (this.#at >= this.#to || this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #step(): void {
    this.#at++;
    this.#skipSpaces();
  }

  #skipSpaces(): void {
    while (this.#at < this.#to && this.#text.charCodeAt(this.#at) === SPACE) this.#at++;
  }
}

const DOUBLE_QUOTED = /"(?:[^"\\\n]|\\[^\n])*"/y;
const SINGLE_QUOTED = /'(?:[^'\n]|'')*'/y;
const PLAIN = /(?:[^\s,[\]{}:#&*!|>'"%@`?-]|-(?=[^\s,[\]{}]))(?:[^,[\]{}:#?\n]|:(?=[^\s,[\]{}]))*/y;
