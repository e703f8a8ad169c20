import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PORTS } from './demo-ports.ts';
import { demoTable, type TableOptions } from './table.ts';

const OPTIONS: TableOptions = {
  ports: DEFAULT_PORTS,
  people: [
    { email: 'ada@acme.example', role: 'engineer', password: 'aaaa-bbbb-cccc' },
    { email: 'lee@acme.example', role: 'lead', password: 'dddd-eeee-ffff' },
    { email: 'vic@acme.example', role: 'viewer', password: 'gggg-hhhh-jjjj' },
  ],
  command: 'npm run -s fairlead --',
  prefectProgram: '.fairlead/demo/prefect-3.9.1/bin/prefect',
  folder: '.fairlead/demo',
};

/** Compares with the file in `cases/`; `UPDATE_GOLDEN=1` writes it. */
function expectGolden(name: string, text: string): void {
  const file = join(import.meta.dirname, 'cases', name);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
}

describe('the table', () => {
  it('tells addresses, logins and five things to try', () => {
    expectGolden('table.txt', demoTable(OPTIONS));
  });

  it('names nothing of Prefect where there is none', () => {
    const text = demoTable({ ...OPTIONS, prefectProgram: undefined });
    expectGolden('table-without-prefect.txt', text);
    expect(text).not.toMatch(/prefect/i);
  });

  it('fits a terminal', () => {
    const longest = Math.max(
      ...demoTable(OPTIONS)
        .split('\n')
        .map((line) => line.length),
    );
    expect(longest).toBeLessThanOrEqual(110);
  });
});
