import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { VOCABULARY } from './cases/vocabulary.ts';
import { loadPolicies } from './load.ts';

/** Each `*.diagnostics.yaml` is a broken file; the comments at its end are all that is said about it, in order. */
const FOLDER = new URL('./cases/', import.meta.url);
const EXPECT = '# expect: ';

function said(name: string, text: string): string[] {
  return loadPolicies([{ path: name, text }], VOCABULARY).diagnostics.map(
    ({ line, column, severity, code, message, help }) =>
      `${line}:${column} ${severity} ${code} ${message}${help === undefined ? '' : ` | ${help}`}`,
  );
}

describe('diagnostics', () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.diagnostics.yaml'))) {
    it(`says all that is wrong in ${name}, with its place`, () => {
      const text = readFileSync(new URL(name, FOLDER), 'utf8');
      const expected = text
        .split('\n')
        .filter((line) => line.startsWith(EXPECT))
        .map((line) => line.slice(EXPECT.length));
      expect(said(name, text)).toEqual(expected);
    });
  }
});

const RULE = '{name: a, who: [anyone], can: [http.get], on: [web/x]}';
const HEAD = 'apiVersion: fairlead.dev/v1\nkind: AccessPolicy\n';

describe('loadPolicies', () => {
  it('finds a name that two files use', () => {
    const text = (name: string) => `${HEAD}metadata: {name: ${name}}\nspec: {rules: [${RULE}]}\n`;
    const files = [
      { path: 'b.yaml', text: text('one') },
      { path: 'a.yaml', text: text('one') },
    ];
    const { policy, diagnostics } = loadPolicies(files, VOCABULARY);
    expect(policy).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { code: 'DUPLICATE_NAME', file: 'b.yaml', line: 3, column: 18, help: 'it stands at a.yaml:3:18' },
    ]);
  });

  it('shows the problems of all files at once', () => {
    const files = ['a.yaml', 'b.yaml'].map((path) => ({ path, text: `${HEAD}metadata: {name: x}\nspec: {rules: 1}` }));
    expect(loadPolicies(files, VOCABULARY).diagnostics.map(({ file, code }) => `${file} ${code}`)).toEqual([
      'a.yaml WRONG_TYPE',
      'b.yaml DUPLICATE_NAME',
      'b.yaml WRONG_TYPE',
    ]);
  });

  it('refuses administrators that are nobody or everybody', () => {
    const { policy, diagnostics } = loadPolicies([], { ...VOCABULARY, administrators: ['anyone', 'grp:x', 'group:platform'] });
    expect(policy).toBeUndefined();
    expect(diagnostics.map(({ file, message }) => `${file}: ${message}`)).toEqual([
      'fairlead.yaml: `anyone` cannot be an administrator',
      'fairlead.yaml: `grp:x` does not say who',
    ]);
  });

  it('gives the same revision for the same files in any order, and another for any change', () => {
    const a = { path: 'a.yaml', text: `${HEAD}metadata: {name: one}\nspec: {rules: [${RULE}]}\n` };
    const b = { path: 'b.yaml', text: `${HEAD}metadata: {name: two}\nspec: {rules: [${RULE}]}\n` };
    const revision = (...files: (typeof a)[]) => loadPolicies(files, VOCABULARY).policy?.revision;
    expect(revision(a, b)).toBe(revision(b, a));
    expect(revision(a, b)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(revision(a, { ...b, text: `${b.text}\n` })).not.toBe(revision(a, b));
    expect(revision(a, { ...b, path: 'c.yaml' })).not.toBe(revision(a, b));
  });

  it('reads a `can` with `require` as a `can` and a `must` of one name', () => {
    const text = `${HEAD}metadata: {name: one}\nspec: {rules: [{name: a, who: [anyone], can: [prefect.*], on: ["prefect/**"], require: {fresh: {within: 1h}}}]}`;
    const rules = loadPolicies([{ path: 'a.yaml', text }], { ...VOCABULARY, administrators: [] }).policy?.rules ?? [];
    expect(rules.map((rule) => [rule.verb, rule.ref.name, rule.require.length])).toEqual([
      ['can', 'one/a', 0],
      ['must', 'one/a', 1],
    ]);
    expect(rules[0]?.actions.names.has('prefect.raw')).toBe(false);
    expect(rules[1]?.actions.prefixes).toEqual(['prefect.']);
  });

  it('ends in a policy or in problems for any text', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ': ',
      ', ',
      '- ',
      '\n',
      '  ',
      '&a ',
      '*a',
      '!!map ',
      '|\n',
      '"',
      "'",
      HEAD,
      RULE,
      'metadata: {name: x}\n',
      'spec: ',
      'rules: ',
      '---\n',
      '\u0000',
      '\ud800',
      '<<: ',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (hostile) => {
        const { policy, diagnostics } = loadPolicies([{ path: 'x.yaml', text: hostile }], VOCABULARY);
        expect(policy === undefined).toBe(diagnostics.some((diagnostic) => diagnostic.severity === 'error'));
      }),
      { numRuns: runs(300) },
    );
  });

  it('ends in problems for nesting without end and for a file without end', () => {
    const deep = said('x.yaml', '['.repeat(50_000)).length;
    expect([deep > 0, deep <= 10]).toEqual([true, true]);
    expect(said('x.yaml', 'a'.repeat(2 ** 20 + 1))).toEqual([
      '0:0 error FILE_TOO_LARGE the file is longer than 1048576 characters',
    ]);
  });
});
