import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { plainKey, plainScalar } from './scalar.ts';
import type { Span } from './span.ts';

/** A fault in the writing; `at` is an offset in the file. */
export interface YamlFault {
  readonly code: 'YAML_SYNTAX' | 'DUPLICATE_FIELD' | 'YAML_ALIAS' | 'FILE_TOO_LARGE';
  readonly message: string;
  readonly at: number;
  readonly help?: string;
}

/**
 * Reads one YAML document completely, with aliases, merge keys, folded text and all. Values are those of Kubernetes' reader
 * (goyaml v2): see `plainScalar`. Stricter than that reader: duplicate fields, tags other than `!!str`, `!!map` and `!!seq`, and a
 * second document behind `...` are faults.
 */
export function readLibraryYaml(span: Span): { readonly value: JsonValue } | { readonly faults: readonly YamlFault[] } {
  const parsed = parseSpan(span);
  if ('faults' in parsed) return parsed;
  const reader = new NodeReader(span);
  try {
    const value = reader.value(parsed.node);
    return reader.faults.length > 0 ? { faults: reader.faults } : { value };
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    return { faults: [tooDeep(span.start)] };
  }
}

/** The tree of nodes of a document; their ranges count from the start of the span. */
export function parseSpan(span: Span): { readonly node: Node | null } | { readonly faults: readonly YamlFault[] } {
  let documents: readonly Document.Parsed<ParsedNode>[];
  try {
    const text = span.text.slice(span.start, span.end);
    const list = parseAllDocuments(text, {
      prettyErrors: false,
      schema: 'failsafe',
      uniqueKeys: false,
      merge: false,
      logLevel: 'silent',
    });
    documents = 'empty' in list ? [] : list;
  } catch (thrown) {
    // The library recurses over nesting and throws what it did not foresee.
    if (
      !(
        thrown instanceof RangeError ||
        thrown instanceof TypeError ||
        thrown instanceof SyntaxError ||
        thrown instanceof ReferenceError
      )
    )
      throw thrown;
    return {
      faults: [
        thrown instanceof RangeError
          ? tooDeep(span.start)
          : { code: 'YAML_SYNTAX', message: 'this cannot be read as YAML', at: span.start },
      ],
    };
  }
  const faults: YamlFault[] = documents.flatMap((document) =>
    [...document.errors, ...document.warnings].map((fault) => ({
      code: 'YAML_SYNTAX' as const,
      message: fault.message.charAt(0).toLowerCase() + fault.message.slice(1),
      at: span.start + fault.pos[0],
    })),
  );
  const second = documents[1];
  if (faults.length === 0 && second !== undefined) {
    faults.push({ code: 'YAML_SYNTAX', message: 'a second document that no `---` separates', at: span.start + second.range[0] });
  }
  // One missing bracket can make hundreds of follow-up faults.
  return faults.length > 0 ? { faults: faults.slice(0, 1) } : { node: documents[0]?.contents ?? null };
}

const MAX_DEPTH = 100;
/** Values that aliases may stand for, all together: far above any real file, far below what fills memory. */
const MAX_ALIASED = 100_000;
const PLAIN_TAGS: ReadonlySet<string> = new Set(['tag:yaml.org,2002:str', 'tag:yaml.org,2002:map', 'tag:yaml.org,2002:seq']);

interface Anchored {
  readonly value: JsonValue;
  readonly size: number;
  readonly isMap: boolean;
}

class NodeReader {
  readonly faults: YamlFault[] = [];
  readonly #span: Span;
  readonly #anchors = new Map<string, Anchored>();
  #size = 0;
  #aliased = 0;
  #depth = 0;
  /** How many flow collections (`[…]`, `{…}`) the reader is in. */
  #flows = 0;

  constructor(span: Span) {
    this.#span = span;
  }

  value(node: Node | null): JsonValue {
    if (node === null) return null;
    if (isAlias(node)) return this.#alias(node)?.value ?? null;
    const before = this.#size++;
    if (++this.#depth > MAX_DEPTH) {
      this.#depth--;
      return this.#fault('YAML_SYNTAX', node, `nested deeper than ${MAX_DEPTH} levels`);
    }
    if (node.tag !== undefined && !PLAIN_TAGS.has(node.tag)) this.#badTag(node);
    const isFlow = (isMap(node) || isSeq(node)) && node.flow === true;
    if (isFlow) this.#flows++;
    const value = isMap(node) ? this.#map(node) : isSeq(node) ? this.#list(node) : this.#scalar(node);
    if (isFlow) this.#flows--;
    this.#depth--;
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor === undefined) return value;
    if (!ANCHOR.test(anchor))
      this.#fault('YAML_ALIAS', node, `\`${anchor}\` is no name for an anchor`, 'use letters, digits, `_` and `-`');
    this.#anchors.set(anchor, { value, size: this.#size - before, isMap: isMap(node) });
    return value;
  }

  #list(node: YAMLSeq): JsonValue {
    return node.items.map((item) => (this.#isBarePair(item) ? this.#barePair(item) : this.value(item as Node | null)));
  }

  /** `[a: b]`, which the library reads as `[{a: b}]`. */
  #isBarePair(item: unknown): item is YAMLMap {
    return isMap(item) && item.flow === true && this.#span.text[this.#span.start + (item.range?.[0] ?? 0)] !== '{';
  }

  #barePair(item: YAMLMap): null {
    // `[2001:db8::]` is text in YAML 1.1 and a map in 1.2.
    return this.#fault('YAML_SYNTAX', item, 'YAML readers do not agree on this text', 'put it in quotes, or a map in braces');
  }

  #map(node: YAMLMap): JsonObject {
    const fields: Record<string, JsonValue> = Object.create(null);
    const written = new Set<string>();
    for (const pair of node.items) {
      const keyNode = pair.key as Node | null;
      const valueNode = pair.value as Node | null;
      if (isMergeKey(keyNode)) {
        // In goyaml v2 what is merged stands over fields written before, and under those written behind.
        for (const merged of this.#merged(valueNode)) Object.assign(fields, merged);
        continue;
      }
      const key = this.#key(keyNode, node);
      if (key === undefined) continue;
      if (written.has(key)) this.#fault('DUPLICATE_FIELD', keyNode ?? node, `the field \`${key}\` stands twice`);
      written.add(key);
      fields[key] = this.value(valueNode);
    }
    return fields;
  }

  #merged(node: Node | null): readonly JsonObject[] {
    if (isSeq(node)) return node.items.map((item) => this.#mergedMap(item as Node | null)).reverse();
    return [this.#mergedMap(node)];
  }

  #mergedMap(node: Node | null): JsonObject {
    if (isMap(node)) return this.value(node) as JsonObject;
    const anchored = node !== null && isAlias(node) ? this.#alias(node) : undefined;
    if (anchored?.isMap === true) return anchored.value as JsonObject;
    if (anchored !== undefined || node === null || !isAlias(node)) this.#fault('YAML_ALIAS', node, 'only a map can be merged');
    return {};
  }

  #alias(node: Alias): Anchored | undefined {
    const anchored = this.#anchors.get(node.source);
    if (anchored === undefined) {
      this.#fault('YAML_ALIAS', node, `there is no anchor \`${node.source}\` before this`);
      return undefined;
    }
    this.#size += anchored.size;
    this.#aliased += anchored.size;
    if (this.#aliased > MAX_ALIASED) {
      this.#fault('YAML_ALIAS', node, `aliases stand for more than ${MAX_ALIASED} values`, 'write the values out');
      return undefined;
    }
    return anchored;
  }

  #key(node: Node | null, map: YAMLMap): string | undefined {
    const named = node !== null && isAlias(node) ? this.#alias(node)?.value : undefined;
    if (typeof named === 'string') return named;
    if (!isScalar(node) || typeof node.value !== 'string') {
      this.#fault('YAML_SYNTAX', node ?? map, 'a field name must be a string');
      return undefined;
    }
    const isDisputed = node.anchor !== undefined || node.tag !== undefined || this.#isDisputedKey(node, node.value);
    const key = isDisputed ? undefined : isPlain(node) ? plainKey(node.value) : node.value;
    if (key === undefined) this.#fault('YAML_SYNTAX', node, 'a field name must be a string', 'put it in quotes');
    return key;
  }

  /** In brackets, `{a:}` is the field `a` in YAML 1.2 and the field `a:` in 1.1. */
  #isDisputedKey(node: Scalar, name: string): boolean {
    if (this.#flows === 0 || !isPlain(node)) return false;
    const end = this.#span.start + (node.range?.[1] ?? 0);
    return DISPUTED.test(name) || /^:[,}\]]/.test(this.#span.text.slice(end, end + 2));
  }

  #scalar(node: Node): JsonValue {
    if (!isScalar(node) || typeof node.value !== 'string') return null;
    if (!isPlain(node)) return this.#endsAtEnd(node) ? node.value.replace(/\n$/, '') : node.value;
    if (this.#flows > 0 && DISPUTED.test(node.value)) {
      return this.#fault('YAML_SYNTAX', node, 'YAML readers do not agree on this text', 'put it in quotes');
    }
    const value = plainScalar(node.value);
    if (typeof value !== 'number' || Number.isFinite(value)) return value;
    return this.#fault('YAML_SYNTAX', node, `\`${node.value}\` is no number that JSON has`, 'put it in quotes');
  }

  /** A block of text without a last newline in the file has none in its value; the library adds one. */
  #endsAtEnd(node: Scalar): boolean {
    if (node.type !== 'BLOCK_LITERAL' && node.type !== 'BLOCK_FOLDED') return false;
    const { text, start, end } = this.#span;
    return text[end - 1] !== '\n' && start + (node.range?.[1] ?? 0) >= end;
  }

  #badTag(node: Node): void {
    const name = (node.tag ?? '').replace('tag:yaml.org,2002:', '!!');
    this.#fault('YAML_SYNTAX', node, `the tag \`${name}\` is not read`, 'leave the tag out');
  }

  #fault(code: YamlFault['code'], node: Node | null, message: string, help?: string): null {
    const at = this.#span.start + (node?.range?.[0] ?? 0);
    if (this.faults.length < MAX_FAULTS) this.faults.push({ code, message, at, ...(help === undefined ? {} : { help }) });
    return null;
  }
}

const MAX_FAULTS = 20;
/** goyaml takes no others. */
const ANCHOR = /^[A-Za-z0-9_-]+$/;
/** In brackets, YAML 1.1 ends a plain scalar at `?` and does not start or end one with `:`. */
const DISPUTED = /\?|^:|:$/;

/** Without quotes and without a tag that makes it a string. */
function isPlain(node: Scalar): boolean {
  return node.type === 'PLAIN' && node.tag === undefined;
}

function isMergeKey(node: Node | null): boolean {
  return isScalar(node) && isPlain(node) && node.value === '<<';
}

function tooDeep(at: number): YamlFault {
  return { code: 'YAML_SYNTAX', message: 'nested too deeply to be read', at };
}
