import { isMap, isScalar, isSeq, type Node } from 'yaml';
import type { FieldPath, Place } from '../objects.ts';
import { parseSpan } from './library-yaml.ts';
import { plainKey } from './scalar.ts';
import { markAt, type Span } from './span.ts';

/** A document of which even the complete reader's tree is not too large to be made again for a place. */
const MAX_PARSED = 1 << 21;

/**
 * Finds places when they are asked for: the text is read again then, so that nothing is kept but where the document stands. The
 * last tree is held weakly, as findings of one object come together.
 */
export class Places {
  readonly #file: string;
  #lastSpan: Span | undefined;
  #lastTree: WeakRef<Node> | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Of a scalar its own place, of a map or a list that of its name; of what is not written the nearest that is. */
  placeOf(span: Span, path: FieldPath): Place {
    return this.#place(span, path, false);
  }

  /** The place of the name of a field. */
  nameOf(span: Span, path: FieldPath): Place {
    return this.#place(span, path, true);
  }

  #place(span: Span, path: FieldPath, isName: boolean): Place {
    const tree = this.#tree(span);
    if (tree === undefined) return this.placeAt(span, textStart(span));
    return this.placeAt(span, span.start + offsetOf(tree, path, isName));
  }

  placeAt(span: Span, offset: number): Place {
    const { line, column } = markAt(span, offset);
    return { file: this.#file, line, column };
  }

  #tree(span: Span): Node | undefined {
    const last = this.#lastSpan === span ? this.#lastTree?.deref() : undefined;
    if (last !== undefined) return last;
    if (span.end - span.start > MAX_PARSED) return undefined;
    const parsed = parseSpan(span);
    if ('faults' in parsed || parsed.node === null) return undefined;
    this.#lastSpan = span;
    this.#lastTree = new WeakRef(parsed.node);
    return parsed.node;
  }
}

function offsetOf(root: Node, path: FieldPath, isName: boolean): number {
  let node: Node | null = root;
  let offset = startOf(root) ?? 0;
  for (const [index, step] of path.entries()) {
    if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step] as Node | null | undefined;
      if (item === undefined) return offset;
      node = item;
      offset = startOf(item) ?? offset;
      continue;
    }
    const pair = isMap(node) ? node.items.find(({ key }) => keyText(key) === String(step)) : undefined;
    if (pair === undefined) return offset;
    node = pair.value as Node | null;
    const key = startOf(pair.key as Node | null) ?? offset;
    const isValue = isScalar(node) && node.value !== '' && !(isName && index === path.length - 1);
    offset = isValue ? (startOf(node) ?? key) : key;
  }
  return offset;
}

function keyText(key: unknown): string | undefined {
  if (!isScalar(key) || typeof key.value !== 'string') return undefined;
  return key.type === 'PLAIN' ? plainKey(key.value) : key.value;
}

function startOf(node: Node | null): number | undefined {
  return node?.range?.[0];
}

/** Where the text itself starts, behind blank lines and comments. */
function textStart(span: Span): number {
  const match = /^(?:[ \t\r]*(?:#[^\n]*)?\n)*[ ]*/.exec(span.text.slice(span.start, Math.min(span.end, span.start + 65_536)));
  return span.start + (match?.[0].length ?? 0);
}
