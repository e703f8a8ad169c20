import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { createOutput, type Format, table } from './output.ts';

/** Everything but line feeds that a terminal acts on. */
const RAW = /[^\P{Cc}\n]|[\p{Cf}\u2028\u2029]/u;

let stdout = '';
let stderr = '';
beforeEach(() => {
  stdout = '';
  stderr = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    stdout += String(chunk);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    stderr += String(chunk);
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

async function printed(format: Format, value: unknown, human: () => string = () => ''): Promise<string> {
  stdout = '';
  (await createOutput(format)).data(value, human);
  return stdout;
}

const text = fc.string({ unit: 'binary', maxLength: 20 });
const value = fc.jsonValue({ stringUnit: 'binary' });

describe('output', () => {
  it('is the same value in JSON and in YAML, whatever stands in it, and no control character is raw', async () => {
    await fc.assert(
      fc.asyncProperty(value, async (given) => {
        const carried: unknown = JSON.parse(JSON.stringify(given));
        const json = await printed('json', given);
        expect(json).not.toMatch(RAW);
        expect(JSON.parse(json)).toEqual(carried);
        const yaml = await printed('yaml', given);
        expect(yaml).not.toMatch(RAW);
        expect(parse(yaml)).toEqual(carried);
      }),
    );
  });

  it('escapes what turns the reading direction, hides, or belongs to the second control set', async () => {
    const hostile = { 'k\u009b': 'a\u001b[2Jb\u202ec\u{e0041}d\u2028' };
    expect(await printed('json', hostile)).toBe('{\n  "k\\u009b": "a\\u001b[2Jb\\u202ec\\udb40\\udc41d\\u2028"\n}\n');
    const yaml = await printed('yaml', hostile);
    expect(yaml).toContain('\\U0000202e');
    expect(parse(yaml)).toEqual(hostile);
  });

  it('keeps line feeds at the very end', async () => {
    for (const value of [[{ '': '\n' }], 'a\n\n', { a: 'b\n \n' }, 'c\n', 'd ']) {
      expect(parse(await printed('yaml', value))).toEqual(value);
    }
  });

  it('leaves absent members out and repeats equal objects, in YAML as in JSON', async () => {
    const same = { a: 1 };
    expect(await printed('yaml', { x: same, y: same, z: undefined })).toBe('x:\n  a: 1\ny:\n  a: 1\n');
  });

  it('keeps people from control characters in data and in words, line by line', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text), async (lines) => {
        expect(await printed('table', {}, () => lines.join('\n'))).not.toMatch(RAW);
        stderr = '';
        (await createOutput('table')).say(lines.join('\n'));
        expect(stderr).not.toMatch(RAW);
      }),
    );
    expect(await printed('table', {}, () => 'a\u001b[1m\nb')).toBe('a�[1m\nb\n');
  });

  it('prints nothing for an empty text', async () => {
    expect(await printed('table', { a: 1 })).toBe('');
  });
});

describe('a table', () => {
  it('has columns as wide as their widest cell and no blanks at the end', () => {
    expect(table(['A', 'LONG', 'C'], [['wide', 'x', ''], ['y']])).toBe('A     LONG  C\nwide  x\ny');
  });

  it('has one line for each row, whatever stands in its cells', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (rows) => {
        const lines = table(['A', 'B'], rows).split('\n');
        expect(lines).toHaveLength(rows.length + 1);
        expect(lines.join('')).not.toMatch(RAW);
      }),
    );
  });
});
