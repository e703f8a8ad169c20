import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';

export type Path = readonly (string | number)[];

/** 1-based. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A YAML text as data, with the place of each value and key. */
export interface Located {
  readonly data: unknown;
  readonly faults: readonly (Place & { readonly message: string })[];
  /** Where the value at `path` begins; where it is missing, the nearest enclosing thing that is there. */
  valueAt(path: Path): Place;
  /** Where the key that ends `path` stands. */
  keyAt(path: Path): Place;
}

/** Longest configuration text, in characters. */
const MAX_LENGTH = 1024 * 1024;
const START: Place = { line: 1, column: 1 };

/** Sentences for the error codes of the YAML parser; its own messages may quote the text, which may hold a secret. */
const FAULTS: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'this alias names no anchor above it',
  BAD_INDENT: 'this line is indented differently from its neighbours',
  BAD_SCALAR_START: 'a value cannot begin with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a nested block cannot stand on the line of its key',
  BLOCK_IN_FLOW: 'a block cannot stand inside `{}` or `[]`',
  DUPLICATE_KEY: 'this key stands twice in the same map',
  IMPOSSIBLE: 'this is not YAML',
  MISSING_CHAR: 'something is missing here: a quote, a comma, a bracket or a colon',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line',
  MULTIPLE_DOCS: 'the file must hold one document, without `---` between parts',
  TAB_AS_INDENT: 'a tab cannot indent YAML; use spaces',
  TAG_RESOLVE_FAILED: 'this tag is not known; plain YAML has none',
  UNEXPECTED_TOKEN: 'this does not belong here',
};

/** Never throws: what is not YAML is told in `faults`, and `data` is then undefined. */
export function locate(text: string): Located {
  if (text.length > MAX_LENGTH) return unreadable(`the file is longer than ${MAX_LENGTH} characters`);
  const counter = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, logLevel: 'silent', stringKeys: true });
    const places = createPlaces(document, counter);
    const faults = [...document.errors, ...document.warnings, ...deadAliases(document)].map((fault) => ({
      message: FAULTS[fault.code] ?? 'this is not valid YAML',
      ...placeOf(counter, fault.pos[0]),
    }));
    if (faults.length > 0) return { data: undefined, faults: faults.slice(0, 20), ...places };
    return { data: document.toJS({ maxAliasCount: 20 }), faults: [], ...places };
  } catch {
    // The parser recurses and counts aliases: what overflows either is an attack or an accident, not a configuration.
    return unreadable('the file is nested too deeply or repeats itself by aliases');
  }
}

/** The parser finds these only when it builds the data, and then without a place. */
function deadAliases(document: Document.Parsed): { readonly code: string; readonly pos: readonly [number] }[] {
  const found: { readonly code: string; readonly pos: readonly [number] }[] = [];
  visit(document, {
    Alias(_, node) {
      if (node.resolve(document) === undefined) found.push({ code: 'BAD_ALIAS', pos: [node.range?.[0] ?? 0] });
    },
  });
  return found;
}

function unreadable(message: string): Located {
  return { data: undefined, faults: [{ message, ...START }], valueAt: () => START, keyAt: () => START };
}

function createPlaces(document: Document.Parsed, counter: LineCounter): Pick<Located, 'valueAt' | 'keyAt'> {
  function walk(path: Path): { readonly key: Place; readonly value: Place } {
    let node = follow(document, document.contents);
    let value = node?.range ? placeOf(counter, node.range[0]) : START;
    let key = value;
    for (const segment of path) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(segment));
        if (pair === undefined) return { key: value, value };
        const written = isNode(pair.key) && pair.key.range ? placeOf(counter, pair.key.range[0]) : value;
        key = written;
        const below = isNode(pair.value) ? pair.value : null;
        value = below?.range && below.range[1] > below.range[0] ? placeOf(counter, below.range[0]) : written;
        node = follow(document, below);
      } else if (isSeq(node)) {
        const item: unknown = node.items[Number(segment)];
        if (!isNode(item)) return { key: value, value };
        if (item.range) value = placeOf(counter, item.range[0]);
        key = value;
        node = follow(document, item);
      } else return { key, value };
    }
    return { key, value };
  }
  return { valueAt: (path) => walk(path).value, keyAt: (path) => walk(path).key };
}

function follow(document: Document.Parsed, node: Node | null): Node | null {
  return isAlias(node) ? (node.resolve(document) ?? null) : node;
}

function placeOf(counter: LineCounter, offset: number): Place {
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** `targets[0].hosts[1]`; a key that is no plain word stands in quotes. */
export function pathText(path: Path): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(segment)) text += text === '' ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment.slice(0, 60))}]`;
  }
  return text;
}
