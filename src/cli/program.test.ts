import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runVerb } from '../../test/support/cli.ts';
import { Problem, type ProblemKind } from '../core/problem.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const VERBS = [
  'up',
  'demo',
  'check',
  'apply',
  'explain',
  'can-i',
  'audit search',
  'login',
  'logout',
  'whoami',
  'token',
  'revoke',
];

describe('the command line', () => {
  it('answers an unknown verb and an unknown option with 64 and the nearest name', async () => {
    expect(await runVerb(['chekc'])).toMatchObject({
      code: 64,
      stdout: '',
      stderr: expect.stringContaining('Did you mean check?'),
    });
    const option = await runVerb(['check', '--confg', 'x']);
    expect(option).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('Did you mean --config?') });
    const below = await runVerb(['audit', 'serach']);
    expect(below).toMatchObject({ code: 64, stderr: expect.stringContaining('Did you mean search?') });
  });

  it('answers missing and superfluous words and impossible choices with 64', async () => {
    const wrong = [
      [],
      ['audit'],
      ['explain'],
      ['can-i', 'http.get'],
      ['whoami', 'me'],
      ['whoami', '-o', 'xml'],
      ['revoke', '--session'],
    ];
    for (const argv of wrong) expect((await runVerb(argv)).code, argv.join(' ')).toBe(64);
    expect((await runVerb(['audit', 'search', '--verdict', 'denied'])).stderr).toContain('Allowed choices are allow, hold, deny');
  });

  it('shows help with 0 and begins it with examples, each of which is a call of that verb', async () => {
    for (const verb of VERBS) {
      const { code, stdout } = await runVerb([...verb.split(' '), '--help']);
      expect(code).toBe(0);
      const [examples = '', rest = ''] = stdout.split('\n\nUsage: ');
      const lines = examples.split('\n');
      expect(lines[0]).toBe('Examples:');
      expect(lines.length).toBeGreaterThan(1);
      for (const line of lines.slice(1)) expect(line).toContain(`fairlead ${verb}`);
      expect(rest.startsWith(`fairlead ${verb} `)).toBe(true);
    }
    const all = await runVerb(['--help']);
    expect(all.stdout.startsWith('Examples:\n  fairlead demo')).toBe(true);
    for (const verb of VERBS) expect(all.stdout).toMatch(new RegExp(`^  ${verb.split(' ')[0]} `, 'm'));
    expect((await runVerb(['help', 'check'])).stdout).toBe((await runVerb(['check', '--help'])).stdout);
  });

  it('tells its version', async () => {
    expect(await runVerb(['--version'])).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
  });

  it('loads no library but its parser for help and version', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const hook = `import { registerHooks } from 'node:module'; import { writeSync } from 'node:fs';
      registerHooks({ load(url, context, next) { writeSync(1, 'loaded ' + url + '\\n'); return next(url, context); } });`;
    const loadedBy = (...argv: string[]) => {
      const output = execFileSync(
        process.execPath,
        ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, join(ROOT, 'src', 'main.ts'), ...argv],
        { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
      );
      const packages = [...output.matchAll(/^loaded .*\/node_modules\/([^/\n]+)/gm)].map(([, name]) => name);
      return { output, packages: [...new Set(packages)] };
    };
    expect(loadedBy('--help').packages).toEqual(['commander']);
    const told = loadedBy('--version');
    expect(told.output.split('\n')).toContain(version);
    expect(told.packages).toEqual(['commander']);
    // The hook sees what is loaded at all.
    expect(loadedBy('schema').packages).toContain('zod');
  });
});

describe('exit codes', () => {
  const ending = (kind: ProblemKind, code = 'SOME_CODE') =>
    runVerb(['demo'], {
      functions: {
        demo: async () => {
          throw new Problem({ code, kind, message: 'it \u001b[31mfailed', hint: 'try\u0007 again' });
        },
      },
    });

  it('are 0, 1 for failures, 2 for denials, 3 for invalid input and 64 for usage', async () => {
    expect((await runVerb(['demo'])).code).toBe(0);
    expect((await runVerb(['demo'], { functions: { demo: async () => 1 } })).code).toBe(1);
    for (const kind of ['fault', 'upstream', 'not_found', 'unauthenticated', 'misdirected'] as const)
      expect((await ending(kind)).code, kind).toBe(1);
    expect((await ending('denied')).code).toBe(2);
    expect((await ending('invalid')).code).toBe(3);
    expect((await ending('invalid', 'USAGE')).code).toBe(64);
  });

  it('come with one line, a code, and what to do next; nothing in them moves a terminal', async () => {
    expect(await ending('fault')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'fairlead: it �[31mfailed [SOME_CODE]\n  try� again\n',
    });
  });

  it('are 1 for what nobody expected, with its text', async () => {
    const ran = await runVerb(['demo'], { functions: { demo: () => Promise.reject(new Error('disk on fire')) } });
    expect(ran).toEqual({ code: 1, stdout: '', stderr: 'fairlead: disk on fire [INTERNAL]\n' });
  });
});
