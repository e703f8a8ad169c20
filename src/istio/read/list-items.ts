import { readBlockYaml } from './block-yaml.ts';
import { countLines, type Span } from './span.ts';

/** A list object taken apart without parsing it: what stands around the items, and where each item stands. */
export interface ListParts {
  /** The object with `items: []`, as text. */
  readonly frame: string;
  readonly items: readonly Span[];
  /** Of YAML, where each span starts with the dash and therefore reads as a list of one. */
  readonly isDashed: boolean;
}

/**
 * Takes apart `items:` of a `List` in block style, as `kubectl get -o yaml` prints it, so that one bad item hides no other and a
 * dump of a whole cluster is read piece by piece. Undefined for every other text.
 *
 * A line that starts with `- ` as far out as the first item cannot be inside an item: block text and folded scalars stand
 * further in. Should that fail, the pieces do not parse.
 */
export function yamlListParts(span: Span): ListParts | undefined {
  const { text, start, end } = span;
  const body = text.slice(start, end);
  const found = body.startsWith('items:\n') ? 0 : body.indexOf('\nitems:\n') + 1;
  if (found === 0 && !body.startsWith('items:\n')) return undefined;
  const head = start + found;
  const first = head + 7;
  const dash = /^ {0,8}- /.exec(text.slice(first, first + 12))?.[0];
  if (dash === undefined) return undefined;
  const items: Span[] = [];
  let itemStart = first;
  let line = span.line + countLines(text, start, first);
  let at = first;
  for (;;) {
    const next = nextLine(text, at, end);
    const isInside = next < end && isIndented(text, next, dash.length - 1);
    if (!isInside) {
      items.push({ text, start: itemStart, end: next, line, column: 1 });
      line += countLines(text, itemStart, next);
      itemStart = next;
      if (next >= end || !text.startsWith(dash, next)) break;
    }
    at = next;
  }
  const frame = `${text.slice(start, head)}items: []\n${text.slice(itemStart, end)}`;
  return readBlockYaml(frame, 0, frame.length) === undefined ? undefined : { frame, items, isDashed: true };
}

/** The same for JSON, as `kubectl get -o json` prints it. */
export function jsonListParts(span: Span): ListParts | undefined {
  const { text, start, end } = span;
  const open = skipBlanks(text, start);
  if (text[open] !== '{') return undefined;
  for (let at = skipBlanks(text, open + 1); text[at] === '"' && at < end; ) {
    const nameEnd = stringEnd(text, at, end);
    const value = skipBlanks(text, skipBlanks(text, nameEnd) + 1);
    if (text.slice(at, nameEnd) === '"items"' && text[value] === '[') return jsonItems(span, value);
    at = skipBlanks(text, valueEnd(text, value, end));
    if (text[at] !== ',') return undefined;
    at = skipBlanks(text, at + 1);
  }
  return undefined;
}

/** JSON objects that follow each other, as programs print them and `kubectl` reads them; the whole text when it is anything else. */
export function jsonValues(span: Span): readonly Span[] {
  const { text, start, end } = span;
  const values: Span[] = [];
  let line = span.line;
  let counted = start;
  for (let at = skipBlanks(text, start); at < end; ) {
    if (text[at] !== '{') return [span];
    const valueEndAt = valueEnd(text, at, end);
    line += countLines(text, counted, at);
    counted = at;
    const column = line === span.line ? span.column + at - start : at - text.lastIndexOf('\n', at);
    values.push({ text, start: at, end: valueEndAt, line, column });
    at = skipBlanks(text, valueEndAt);
  }
  return values.length > 1 ? values : [span];
}

function jsonItems(span: Span, open: number): ListParts | undefined {
  const { text, start, end } = span;
  const items: Span[] = [];
  let line = span.line;
  let counted = start;
  let at = skipBlanks(text, open + 1);
  while (text[at] === '{') {
    const itemEnd = valueEnd(text, at, end);
    line += countLines(text, counted, at);
    counted = at;
    const column = line === span.line ? span.column + at - start : at - text.lastIndexOf('\n', at);
    items.push({ text, start: at, end: itemEnd, line, column });
    at = skipBlanks(text, itemEnd);
    if (text[at] !== ',') break;
    at = skipBlanks(text, at + 1);
  }
  if (text[at] !== ']' || at >= end || items.length === 0) return undefined;
  return { frame: `${text.slice(start, open)}[]${text.slice(at + 1, end)}`, items, isDashed: false };
}

function nextLine(text: string, at: number, end: number): number {
  const newline = text.indexOf('\n', at);
  return newline < 0 || newline >= end ? end : newline + 1;
}

/** A line that belongs to an item: further in than the dash, blank, or a comment. */
function isIndented(text: string, at: number, indent: number): boolean {
  let from = at;
  while (text[from] === ' ') from++;
  return from - at >= indent || text[from] === '\n' || text[from] === '#';
}

function skipBlanks(text: string, at: number): number {
  let next = at;
  while (text[next] === ' ' || text[next] === '\n' || text[next] === '\r' || text[next] === '\t') next++;
  return next;
}

function stringEnd(text: string, at: number, end: number): number {
  for (let i = at + 1; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === 0x22) return i + 1;
  }
  return end;
}

/** Behind a value, by counting brackets; whether it is well formed is for its reader to say. */
export function valueEnd(text: string, at: number, end: number): number {
  let depth = 0;
  for (let i = at; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) i = stringEnd(text, i, end) - 1;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (--depth === 0) return i + 1;
      if (depth < 0) return i;
    } else if (code === 0x2c && depth === 0) return i;
  }
  return end;
}
