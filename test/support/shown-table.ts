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
  const page = readFileSync(join(ROOT, 'docs', 'reference', 'prefect.md'), 'utf8');
  const section = /^## What clients show\n([\s\S]*?)^## /m.exec(page)?.[1] ?? '';
  const lines = section.split('\n').slice(section.split('\n').findIndex((line) => line.startsWith('| row | client |')) + 2);
  const rows = lines.slice(0, lines.indexOf('')).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((text) => text.trim()),
  );
  return rows.flatMap(([row = '', client = '', ...texts]) =>
    SITUATIONS.flatMap((situation, index) => {
      const text = texts[index] ?? '';
      const commands = [...client.matchAll(/`prefect ([^`]+)`/g)].map((match) => match[1] ?? '');
      return text === '' ? [] : [{ row, situation, client, commands, text }];
    }),
  );
}
