/** A stretch of a file: one document, or one item of a list. Offsets are UTF-16 units, lines and columns count from 1. */
export interface Span {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

export interface DocumentSpan extends Span {
  /** Text behind `---` that is no comment; such a line separates nothing in Kubernetes' reader but is an error. */
  readonly badSeparator: string | undefined;
}

/**
 * The documents of a file, as Kubernetes' reader splits it: at each line that starts with `---`. (In YAML, too, such a line ends
 * a document even inside a block of text.)
 */
export function splitDocuments(text: string): readonly DocumentSpan[] {
  const documents: DocumentSpan[] = [];
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  let badSeparator: string | undefined;
  for (;;) {
    const separator = text.startsWith('---', start) ? start : text.indexOf('\n---', start) + 1;
    const isLast = separator === 0 && !text.startsWith('---', start);
    const end = isLast ? text.length : separator;
    if (end > start || badSeparator !== undefined) documents.push({ text, start, end, line, column: 1, badSeparator });
    if (isLast) return documents;
    const next = Math.min(lineEnd(text, separator) + 1, text.length);
    const rest = text.slice(separator + 3, next).trim();
    badSeparator = rest === '' || rest.startsWith('#') ? undefined : rest;
    line += countLines(text, start, next);
    start = next;
  }
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

export function countLines(text: string, start: number, end: number): number {
  let lines = 0;
  for (let at = text.indexOf('\n', start); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

/** The line and column of an offset of the file that the span's text is of. */
export function markAt(span: Span, offset: number): { readonly line: number; readonly column: number } {
  const lines = countLines(span.text, span.start, offset);
  if (lines === 0) return { line: span.line, column: span.column + offset - span.start };
  return { line: span.line + lines, column: offset - span.text.lastIndexOf('\n', offset - 1) };
}
