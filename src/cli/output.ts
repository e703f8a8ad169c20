import { stringify } from 'yaml';

export type Format = 'table' | 'json' | 'yaml';

/** Where a verb writes: data to one side, words about it to the other. */
export interface Output {
  readonly format: Format;
  /** Data, on standard output: JSON or YAML for programs, `human()` for people. */
  data(value: unknown, human: () => string): void;
  /** A sentence for the person, on standard error. */
  say(text: string): void;
}

export function createOutput(format: Format): Output {
  return {
    format,
    data(value, human) {
      const text =
        format === 'json' ? JSON.stringify(value, undefined, 2) : format === 'yaml' ? stringify(value).trimEnd() : human();
      if (text !== '') process.stdout.write(`${text}\n`);
    },
    say(text) {
      process.stderr.write(`${text}\n`);
    },
  };
}

/** Columns for people: two spaces between, no lines, the last one as long as it is. Control characters never reach a terminal. */
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

export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '�');
}
