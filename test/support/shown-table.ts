import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './prefect-environment.ts';

export const SITUATIONS = ['denied', 'away', 'expired'] as const;
export type Situation = (typeof SITUATIONS)[number];

/** A cell of "What clients show" in docs/reference/prefect.md. */
export interface Cell {
  readonly row: string;
  readonly situation: Situation;
  readonly client: string;
  /** Commands that the row names, without `prefect`. */
  readonly commands: readonly string[];
  /** What the client shows. */
  readonly text: string;
}

/** Every cell of the table that says something. */
export function shownTable(): readonly Cell[] {
  return rowsBelow('| row | client |').flatMap(([row = '', client = '', ...texts]) =>
    SITUATIONS.flatMap((situation, index) => {
      const text = texts[index] ?? '';
      const commands = [...client.matchAll(/`prefect ([^`]+)`/g)].map((match) => match[1] ?? '');
      return text === '' ? [] : [{ row, situation, client, commands, text }];
    }),
  );
}

/** Rows of the table of answers below it. */
export function answerTable(): readonly { readonly row: string; readonly answer: string; readonly when: string }[] {
  return rowsBelow('| row | answer |').map(([row = '', answer = '', when = '']) => ({ row, answer, when }));
}

/** The cells of each row of the table whose head begins so. */
function rowsBelow(head: string): readonly (readonly string[])[] {
  const lines = readFileSync(join(ROOT, 'docs', 'reference', 'prefect.md'), 'utf8').split('\n');
  const start = lines.findIndex((line) => line.startsWith(head));
  if (start < 0) throw new Error(`no table \`${head}\``);
  const rows = lines.slice(start + 2, lines.indexOf('', start));
  return rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((text) => text.trim()),
  );
}
