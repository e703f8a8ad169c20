export type Format = 'table' | 'json' | 'yaml';

/** Where a verb writes: data to one side, words about it to the other. No control character leaves on either. */
export interface Output {
  readonly format: Format;
  /** Data, on standard output: JSON or YAML for programs, `human()` for people. Nothing is printed for an empty text. */
  data(value: unknown, human: () => string): void;
  /** A sentence for the person, on standard error. */
  say(text: string): void;
}

/** The YAML library is loaded for its own format alone. */
export async function createOutput(format: Format): Promise<Output> {
  const yaml = format === 'yaml' ? await import('./yaml-text.ts') : undefined;
  const textOf = (value: unknown, human: () => string): string => {
    if (yaml !== undefined) return yaml.yamlText(value);
    return format === 'json' ? jsonText(value) : printableLines(human());
  };
  return {
    format,
    data(value, human) {
      const text = textOf(value, human);
      if (text !== '') process.stdout.write(`${text}\n`);
    },
    say(text) {
      process.stderr.write(`${printableLines(text)}\n`);
    },
  };
}

/** Columns for people: two spaces between, no lines, the last one as long as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * One line. What a record, a file or a server says may hold characters that move the cursor, change colours or turn the reading
 * direction (Unicode categories Cc and Cf, line and paragraph separators); each is shown as `�`.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '�');
}

/** As `printable`, line by line: the newlines are the command's own. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** The same JSON value with no raw control character: `JSON.stringify` leaves those from U+007F on as they are. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replace(/[\u007f-\u009f\p{Cf}\u2028\u2029]/gu, (found) =>
    // As UTF-16 units: JSON has no other escape (RFC 8259 §7).
    [...Array(found.length).keys()].map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}
