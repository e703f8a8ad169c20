import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLines } from './line-reader.ts';
import { openLogFile } from './log-file.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-log-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a log file', () => {
  it('never grows past twice its limit and keeps the newest lines', () => {
    const path = join(folder, 'x.log');
    const log = openLogFile(path, 100);
    for (let index = 0; index < 50; index++) log.line(`line ${index}`);
    log.close();
    expect(statSync(path).size).toBeLessThanOrEqual(100);
    expect(statSync(`${path}.1`).size).toBeLessThanOrEqual(100);
    expect(readFileSync(path, 'utf8')).toContain('line 49\n');
  });

  it('goes on where an earlier one ended, for its owner alone', () => {
    const path = join(folder, 'x.log');
    for (const text of ['a', 'b']) {
      const log = openLogFile(path);
      log.line(text);
      log.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('a\nb\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

describe('the line reader', () => {
  async function linesOf(chunks: readonly Uint8Array[]): Promise<string[]> {
    const lines: string[] = [];
    await readLines(Readable.from(chunks, { objectMode: false }), (line) => lines.push(line));
    return lines;
  }

  it('yields the same lines however the bytes are cut', async () => {
    const text = fc.array(
      fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n]/g, '')),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (lines, size) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        expect(await linesOf(chunks)).toEqual(lines);
      }),
      { numRuns: 50 },
    );
  });

  it('keeps a last line without an end, drops the rest of an endless one, and reads any bytes', async () => {
    expect(await linesOf([Buffer.from('a\r\nb')])).toEqual(['a', 'b']);
    const long = await linesOf([Buffer.alloc(20_000, 'x'), Buffer.alloc(20_000, 'x'), Buffer.from('\nnext\n')]);
    expect(long.map((line) => line.length)).toEqual([16_384, 4]);
    expect(await linesOf([Buffer.from([0xff, 0x0a])])).toEqual(['\ufffd']);
  });
});
