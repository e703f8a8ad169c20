import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs', 'reference', 'errors.md'), 'utf8');

/** Upper-case words of others: environment variables, codes of Node, libraries and the operating system. */
const FOREIGN = /^(ERR|HPE|UND_ERR|OAUTH|FAIRLEAD|PREFECT|XDG|LC|SQLITE|NODE|UV)_/;
/** Words that `yaml` gives nodes and faults; config/places.ts and policy/yaml-document.ts turn them into codes of ours. */
const OF_YAML: readonly string[] = [
  'BAD_ALIAS',
  'BLOCK_LITERAL',
  'BLOCK_FOLDED',
  'QUOTE_SINGLE',
  'QUOTE_DOUBLE',
  'DUPLICATE_KEY',
];
/** Istio's names of path normalisations. */
const OF_ISTIO: readonly string[] = ['MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'];

function sources(): readonly string[] {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const isTest = /\.test\.ts$|(^|\/)(testing|fixture|provider-fixture)\.ts$/;
  return files
    .filter((file) => file.endsWith('.ts') && !isTest.test(file))
    .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'));
}

/** Every code that the sources write: words with an underscore anywhere, words without where something is a code. */
function codesIn(text: string): readonly string[] {
  const words = [...text.matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g)].map((match) => match[1] ?? '');
  const plain = [...text.matchAll(/\bcode(?::| =)(?: string =)? '([A-Z]+)'|^ *\| '([A-Z]+)'/gm)].map(
    (match) => match[1] ?? match[2] ?? '',
  );
  return [...words, ...plain].filter((word) => !FOREIGN.test(word) && ![...OF_YAML, ...OF_ISTIO].includes(word));
}

const used = new Set(sources().flatMap(codesIn));
const described = [...PAGE.matchAll(/^### (.+)$/gm)].map((match) => match[1] ?? '');

describe('the error reference', () => {
  it('describes every code that the sources write', () => {
    expect(used.size).toBeGreaterThan(150);
    expect([...used].filter((code) => !described.includes(code)).sort()).toEqual([]);
  });

  it('describes no code that is gone', () => {
    expect(described.filter((code) => !used.has(code))).toEqual([]);
  });

  it('describes each once, and says something', () => {
    expect(described.filter((code, index) => described.indexOf(code) !== index)).toEqual([]);
    const parts = PAGE.split(/^#+ .*$/m).slice(1);
    const heads = [...PAGE.matchAll(/^(#+) (.*)$/gm)];
    const empty = heads.filter(([, level], index) => level === '###' && (parts[index] ?? '').trim().length < 12);
    expect(empty.map(([, , name]) => name)).toEqual([]);
  });

  it('is held against sources by a test that finds codes', () => {
    expect(codesIn("throw new Problem({ code: 'USAGE', x: 'TOKEN_X' }); env['FAIRLEAD_X'];")).toEqual(['TOKEN_X', 'USAGE']);
    expect(codesIn("export type Code =\n  | 'ALLOWED'\n  | 'NO_RULE'")).toEqual(['NO_RULE', 'ALLOWED']);
  });
});
