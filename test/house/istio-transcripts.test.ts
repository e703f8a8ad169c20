import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runVerb } from '../support/cli.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

interface Shown {
  readonly page: string;
  readonly command: string;
  readonly output: readonly string[];
}

/** Calls of the istio verbs in console blocks, each with the output that the page shows. */
function transcripts(page: string): readonly Shown[] {
  const blocks = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(
    (match) => match[1] ?? '',
  );
  const shown: (Shown & { output: string[] })[] = [];
  for (const block of blocks.filter((text) => text.includes('$ fairlead istio '))) {
    for (const line of block.trimEnd().split('\n')) {
      if (line.startsWith('$ ')) shown.push({ page, command: line.slice(2), output: [] });
      else shown.at(-1)?.output.push(line);
    }
  }
  return shown;
}

/** As a shell: words apart by blanks, single quotes hold words together. */
function words(command: string): readonly string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

/** A line `…` stands for any number of lines. */
function pattern(output: readonly string[]): RegExp {
  const escaped = output.map((line) =>
    line === '…' ? '(?:.*\\n)*?' : `${line.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('…', '.*')}\\n`,
  );
  return new RegExp(`^${escaped.join('')}\\n*$`);
}

describe('the transcripts of istio verbs in the documentation', () => {
  const all = PAGES.flatMap(transcripts);

  for (const { page, command, output } of all) {
    it(`${page}: ${command}`, async () => {
      const { stdout } = await runVerb(words(command).slice(1), { cwd: ROOT });
      expect(stdout).toMatch(pattern(output));
    });
  }

  it('are there, and are compared line by line', () => {
    expect(all.filter(({ page }) => page !== 'README.md').length).toBeGreaterThan(6);
    expect(all.filter(({ page }) => page === 'README.md').length).toBeGreaterThan(0);
    expect('a\nb\nc\n').toMatch(pattern(['a', '…', 'c']));
    expect('a\nb\n').not.toMatch(pattern(['a', 'c']));
    expect('a\nb\n').not.toMatch(pattern(['a']));
  });
});
