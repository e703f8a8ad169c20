import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CliFunctions } from '../../src/cli/functions.ts';
import { runCli } from '../../src/cli/program.ts';
import { functionNames } from '../../src/policy/condition/functions.ts';
import { FIXED, ROOTS } from '../../src/policy/condition/variables.ts';
import { loadPolicies } from '../../src/policy/load.ts';
import { vocabularyOf } from '../../src/policy-tools.ts';

const ROOT = resolve(import.meta.dirname, '../..');

interface Page {
  /** From the root. */
  readonly name: string;
  readonly text: string;
}

const pages: readonly Page[] = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].map((name) => ({ name, text: readFileSync(join(ROOT, name), 'utf8') }));

/** All that is wrong with all pages, each with its page. */
function all(check: (page: Page) => readonly string[]): readonly string[] {
  return pages.flatMap((page) => check(page).map((found) => `${page.name}: ${found}`));
}

/** As a Markdown renderer names headings. */
function anchors(text: string): ReadonlySet<string> {
  const heads = [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    heads.map((head) =>
      head
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '');
}

function brokenLinks({ name, text }: Page): readonly string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [path = '', anchor] = link.split('#');
    const file = path === '' ? join(ROOT, name) : resolve(join(ROOT, dirname(name)), path);
    if (!existsSync(file) || relative(ROOT, file).startsWith('..')) return [link];
    return anchor === undefined || anchors(readFileSync(file, 'utf8')).has(anchor) ? [] : [link];
  });
}

/** Words of one call in a code block or a code span: `fairlead VERB …`, also as `npm run -s fairlead -- VERB …`. */
function calls({ text }: Page): readonly (readonly string[])[] {
  const blocks = [...text.matchAll(/^```(?:console|sh|)\n([\s\S]*?)^```$/gm)].flatMap((match) => (match[1] ?? '').split('\n'));
  const spans = [...withoutCode(text).matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');
  const pattern = /(?:^|\(|\$ |npx )(?:npm run (?:-s )?fairlead -- |fairlead )([^)"`]+)/;
  return [...blocks.map((line) => line.trim().replace(/ {2,}#.*$/, '')), ...spans].flatMap((line) => {
    const words = pattern.exec(line)?.[1]?.trim().split(/\s+/);
    // `VERB` stands for any.
    return words === undefined || words[0] === 'VERB' ? [] : [words];
  });
}

describe('the documentation', () => {
  let printed = '';
  beforeEach(() => {
    printed = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      printed += String(chunk);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  });
  afterEach(() => vi.restoreAllMocks());

  async function help(path: readonly string[]): Promise<string> {
    printed = '';
    await runCli([...path, '--help'], { version: '0' } as CliFunctions); // `--help` calls no function
    return printed;
  }

  /** What a call names and the command does not have. */
  async function unknownIn(words: readonly string[]): Promise<readonly string[]> {
    if (words[0]?.startsWith('-')) return (await help([])).includes(words[0]) ? [] : [words[0]];
    const path = words[0] === 'audit' || words[0] === 'istio' ? words.slice(0, 2) : words.slice(0, 1);
    // A verb that does not exist shows the help of all.
    const text = await help(path);
    if (!text.includes(`\nUsage: fairlead ${path.join(' ')} `)) return [path.join(' ')];
    const options = words.slice(path.length).filter((word) => /^--?[a-z]/.test(word));
    return options.filter((option) => !new RegExp(`(^|[ ,])${option}([ ,=]|$)`, 'm').test(text));
  }

  it('calls only verbs and options that exist', async () => {
    const found = pages.flatMap((page) => calls(page).map((words) => ({ page: page.name, words })));
    expect(found.length).toBeGreaterThan(25);
    const unknown: string[] = [];
    for (const { page, words } of found)
      for (const word of await unknownIn(words)) unknown.push(`${page}: ${words.join(' ')}: ${word}`);
    expect(unknown).toEqual([]);
    expect(await unknownIn(['aply', 'policies/'])).toEqual(['aply']);
    expect(await unknownIn(['audit', 'search', '--verdicts', 'deny'])).toEqual(['--verdicts']);
  });

  it('links to what exists', () => {
    expect(all(brokenLinks)).toEqual([]);
    expect(brokenLinks({ name: 'docs/x.md', text: '[a](gone.md) [b](README.md#nowhere) [c](README.md)' })).toEqual([
      'gone.md',
      'README.md#nowhere',
    ]);
  });

  it('leads to every page from its index', () => {
    const index = readFileSync(join(ROOT, 'docs', 'README.md'), 'utf8');
    const linked = [...index.matchAll(/\]\(([^)#]+)/g)].map((match) => join('docs', match[1] ?? ''));
    const missing = pages
      .map(({ name }) => name)
      .filter((name) => name.startsWith('docs/') && name !== 'docs/README.md' && !name.startsWith('docs/decisions/'));
    expect(missing.filter((name) => !linked.includes(name))).toEqual([]);
  });

  it('speaks of the project alone: no path of a workplace, no registry, no absolute file of a person', () => {
    const words = [
      /(^|[\s`("'])\/work\//m,
      /\.\.\/shared/,
      /registry\.|\bnpmjs\b|\bpypi\.org\b/i,
      /\/(home|Users)\/[a-z]/,
      /\bTODO\b|\bFIXME\b/,
    ];
    expect(all(({ text }) => words.filter((word) => word.test(text)).map(String))).toEqual([]);
  });

  it('shows policies that load and tests that read', () => {
    const documents = pages.flatMap(({ name, text }) =>
      [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match, index) => ({
        path: `${name}#${index}`,
        text: match[1] ?? '',
      })),
    );
    // Rules of Istio have tests of their own.
    const own = documents.filter(({ path }) => !path.startsWith('docs/reference/istio-'));
    const policies = own.filter((document) => document.text.startsWith('apiVersion:'));
    expect(policies.length).toBeGreaterThan(2);
    const source = { name: 'acme', home: true };
    const prefect = { name: 'prefect', system: { kind: 'prefect' } };
    // Only the names of what is configured count here.
    const config = { targets: [prefect], identity: [source], administrators: [] } as unknown as Parameters<
      typeof vocabularyOf
    >[0];
    const wrong = policies.flatMap((file) => loadPolicies([file], vocabularyOf(config)).diagnostics);
    expect(wrong.map(({ file, line, message }) => `${file}:${line}: ${message}`)).toEqual([]);
  });

  it('names every variable and function of conditions', () => {
    const policy = pages.find(({ name }) => name === 'docs/reference/policy.md')?.text ?? '';
    const variables = ROOTS.flatMap((root) => Object.keys(FIXED[root]).map((name) => `${root}.${name}`));
    expect(variables.filter((name) => !policy.includes(`\`${name}\``))).toEqual([]);
    expect(functionNames().filter((name) => !new RegExp(`\\b${name}\\(`).test(policy))).toEqual([]);
  });

  it('has generated parts that are current', () => {
    // Exits with 1 and the names of pages when they are not; `npm run docs` writes them.
    const output = execFileSync(process.execPath, [join(ROOT, 'bootstrap', 'docs.mjs'), '--check'], { encoding: 'utf8' });
    expect(output).toBe('');
  });
});
