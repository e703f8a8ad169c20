import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import { type Diagnostic, nearestName } from '../core/diagnostic.ts';
import type { PolicyFile } from './port.ts';

const MAX_FILE_CHARACTERS = 1 << 20;
/** One missing bracket can make hundreds of follow-up faults. */
const MAX_SYNTAX_FAULTS = 10;

/** Collects what is wrong in all files, so that everything shows at once. */
export class Problems {
  readonly #list: Diagnostic[] = [];

  add(diagnostic: Diagnostic): void {
    this.#list.push(diagnostic);
  }

  /** In the order in which a reader meets them. */
  sorted(): readonly Diagnostic[] {
    const byFile = (a: Diagnostic, b: Diagnostic): number => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0);
    return [...this.#list].sort((a, b) => byFile(a, b) || a.line - b.line || a.column - b.column);
  }

  get hasErrors(): boolean {
    return this.#list.some((diagnostic) => diagnostic.severity === 'error');
  }
}

/** The documents of one YAML file, empty ones left out. Aliases, tags and duplicate keys are errors. */
export function readYaml(file: PolicyFile, problems: Problems): readonly YamlValue[] {
  const source: Source = { file, lines: new LineCounter(), problems };
  const fail = (code: string, message: string, line: number, column: number): void =>
    problems.add({ severity: 'error', code, message, file: file.path, line, column });
  if (file.text.length > MAX_FILE_CHARACTERS) {
    fail('FILE_TOO_LARGE', `the file is longer than ${MAX_FILE_CHARACTERS} characters`, 0, 0);
    return [];
  }
  try {
    const documents = parseAllDocuments(file.text, {
      lineCounter: source.lines,
      prettyErrors: false,
      intAsBigInt: true,
      uniqueKeys: true,
      schema: 'core',
      merge: false,
    });
    if ('empty' in documents) return [];
    const values: YamlValue[] = [];
    for (const document of documents) {
      const faults = [...document.errors, ...document.warnings];
      for (const fault of faults.slice(0, MAX_SYNTAX_FAULTS)) {
        const { line, col } = source.lines.linePos(fault.pos[0]);
        const message = fault.code === 'DUPLICATE_KEY' ? 'the same field stands twice' : lowerFirst(fault.message);
        fail(fault.code === 'DUPLICATE_KEY' ? 'DUPLICATE_FIELD' : 'YAML_SYNTAX', message, line, col);
      }
      const contents = document.contents as Node | null;
      const isEmpty = contents === null || (isScalar(contents) && contents.value === null);
      if (faults.length === 0 && !isEmpty) values.push(new YamlValue(source, contents, ''));
    }
    return values;
  } catch (thrown) {
    // The library recurses over nesting, so that a hostile file ends in a RangeError.
    if (!(thrown instanceof RangeError || thrown instanceof TypeError || thrown instanceof SyntaxError)) throw thrown;
    fail('YAML_SYNTAX', 'the file cannot be read as YAML', 0, 0);
    return [];
  }
}

interface Source {
  readonly file: PolicyFile;
  readonly lines: LineCounter;
  readonly problems: Problems;
}

export interface Mark {
  readonly line: number;
  readonly column: number;
}

export type FieldNeeds = Readonly<Record<string, 'required' | 'optional'>>;

/** One YAML value with its place. The readers report what does not fit and then yield undefined. */
export class YamlValue {
  readonly path: string;
  readonly #source: Source;
  readonly #node: Node | null;
  readonly #parent: Node | null;

  constructor(source: Source, node: Node | null, path: string, parent: Node | null = null) {
    this.#source = source;
    this.#node = node;
    this.#parent = parent;
    this.path = path;
  }

  get file(): string {
    return this.#source.file.path;
  }

  get mark(): Mark {
    const offset = this.#node?.range?.[0] ?? this.#parent?.range?.[0];
    if (offset === undefined) return { line: 0, column: 0 };
    const { line, col } = this.#source.lines.linePos(offset);
    return { line, column: col };
  }

  get isList(): boolean {
    return isSeq(this.#node);
  }

  get isMap(): boolean {
    return isMap(this.#node);
  }

  /** Place of a character of this string: exact in plain, quoted without escapes and literal block style, else its start. */
  markAt(offset: number): Mark {
    const node = this.#node;
    const start = this.mark;
    if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return start;
    const text = this.#source.file.text;
    const quoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0;
    const from = node.range[0] + quoted;
    if (text.startsWith(node.value, from)) {
      const { line, col } = this.#source.lines.linePos(from + offset);
      return { line, column: col };
    }
    if (node.type !== 'BLOCK_LITERAL') return start;
    const before = node.value.slice(0, offset).split('\n');
    const lineInBlock = before.length - 1;
    const sourceLine = text.split('\n')[start.line + lineInBlock] ?? '';
    const valueLine = node.value.split('\n')[lineInBlock] ?? '';
    const indent = sourceLine.indexOf(valueLine);
    return indent < 0 ? start : { line: start.line + 1 + lineInBlock, column: indent + (before.at(-1) ?? '').length + 1 };
  }

  error(code: string, message: string, options: { readonly help?: string | undefined; readonly at?: Mark } = {}): undefined {
    this.#report('error', code, message, options);
    return undefined;
  }

  warning(code: string, message: string, help?: string): void {
    this.#report('warning', code, message, { help });
  }

  #report(
    severity: 'error' | 'warning',
    code: string,
    message: string,
    options: { readonly help?: string | undefined; readonly at?: Mark },
  ): void {
    const { line, column } = options.at ?? this.mark;
    const base = { severity, code, message, file: this.file, line, column };
    const path = this.path === '' ? {} : { path: this.path };
    this.#source.problems.add({ ...base, ...path, ...(options.help === undefined ? {} : { help: options.help }) });
  }

  /** The fields of a map, of which only the named ones may be there. */
  fields(needs: FieldNeeds): ReadonlyMap<string, YamlValue> | undefined {
    const entries = this.entries();
    if (entries === undefined) return undefined;
    const found = new Map<string, YamlValue>();
    for (const { name, key, value } of entries) {
      if (Object.hasOwn(needs, name)) {
        found.set(name, value);
        continue;
      }
      const near = nearestName(name, Object.keys(needs));
      const help = near === undefined ? `fields are ${backticks(Object.keys(needs))}` : `did you mean \`${near}\`?`;
      key.error('UNKNOWN_FIELD', `\`${name}\` is not a field here`, { help });
    }
    for (const [name, need] of Object.entries(needs)) {
      if (need === 'required' && !entries.some((entry) => entry.name === name))
        this.error('MISSING_FIELD', `\`${name}\` is missing`);
    }
    return found;
  }

  /** The entries of a map with free names. */
  entries(): readonly { readonly name: string; readonly key: YamlValue; readonly value: YamlValue }[] | undefined {
    if (!isMap(this.#node)) return this.#wrongType('a map');
    const entries: { name: string; key: YamlValue; value: YamlValue }[] = [];
    for (const pair of this.#node.items) {
      const key = pair.key as Node;
      const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
      const keyValue = new YamlValue(this.#source, key, this.path);
      if (name === undefined) {
        keyValue.error('WRONG_TYPE', 'a field name must be a string');
        continue;
      }
      const path = this.path === '' ? name : `${this.path}.${name}`;
      const value = pair.value as Node | null;
      entries.push({ name, key: new YamlValue(this.#source, key, path), value: new YamlValue(this.#source, value, path, key) });
    }
    return entries;
  }

  items(): readonly YamlValue[] | undefined {
    if (!isSeq(this.#node)) return this.#wrongType('a list');
    return this.#node.items.map((item, index) => new YamlValue(this.#source, item as Node, `${this.path}[${index}]`, this.#node));
  }

  /** A list that holds something. */
  someItems(): readonly YamlValue[] | undefined {
    const items = this.items();
    return items?.length === 0 ? this.error('WRONG_VALUE', 'the list is empty') : items;
  }

  /** A string that is not empty. */
  string(): string | undefined {
    const value = this.scalar();
    if (typeof value !== 'string') return this.#wrongType('a string');
    return value === '' ? this.error('WRONG_VALUE', 'the text is empty') : value;
  }

  strings(): readonly string[] | undefined {
    const items = this.someItems()?.map((item) => item.string());
    return items?.every((item) => item !== undefined) ? (items as string[]) : undefined;
  }

  choice<Word extends string>(words: readonly Word[]): Word | undefined {
    const value = this.string();
    if (value === undefined) return undefined;
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    const near = nearestName(value, words);
    const help = near === undefined ? `it may be ${backticks(words)}` : `did you mean \`${near}\`?`;
    return this.error('WRONG_VALUE', `\`${value}\` is not possible here`, { help });
  }

  /** A whole number from `least` up to 2^53. */
  integer(least: number): number | undefined {
    const value = this.scalar();
    if (typeof value !== 'bigint') return this.#wrongType('a whole number');
    if (value < BigInt(least) || value > BigInt(Number.MAX_SAFE_INTEGER)) {
      return this.error('WRONG_VALUE', `\`${value}\` must be at least ${least} and below 2^53`);
    }
    return Number(value);
  }

  /** Whole numbers are bigints, others numbers. Undefined for lists, maps and aliases. */
  scalar(): string | bigint | number | boolean | null | undefined {
    const value = isScalar(this.#node) ? this.#node.value : this.#node === null ? null : undefined;
    return value === null || ['string', 'bigint', 'number', 'boolean'].includes(typeof value) ? (value as string) : undefined;
  }

  #wrongType(wanted: string): undefined {
    if (isAlias(this.#node)) return this.error('YAML_ALIAS', 'aliases are not read', { help: 'write the value out' });
    return this.error('WRONG_TYPE', `this must be ${wanted}, not ${this.#typeName()}`);
  }

  #typeName(): string {
    if (isMap(this.#node)) return 'a map';
    if (isSeq(this.#node)) return 'a list';
    const value = this.scalar();
    if (value === null || value === undefined) return 'empty';
    return typeof value === 'string' ? 'a string' : typeof value === 'boolean' ? 'a boolean' : 'a number';
  }
}

export function backticks(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
