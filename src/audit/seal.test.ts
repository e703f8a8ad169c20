import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../test/support/records.ts';
import { runs } from '../../test/support/runs.ts';
import { createOpener, createSealer, sealDigest } from './seal.ts';
import { loadSealKey } from './seal-key.ts';

describe('a seal', () => {
  const key = randomBytes(32);

  it('is opened by its key, for its entry', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (plain, id) => {
        const text = plain.toWellFormed();
        expect(createOpener(key).open(createSealer(key).seal(text, id), id)).toBe(text);
      }),
      { numRuns: runs(30) },
    );
  });

  it('stays closed to another key, for another entry, and after any change', () => {
    const sealed = createSealer(key).seal('{"a":1}', 'one');
    expect(createOpener(randomBytes(32)).open(sealed, 'one')).toBeUndefined();
    expect(createOpener(key).open(sealed, 'two')).toBeUndefined();
    for (let index = 0; index < sealed.length; index++) {
      const changed = Buffer.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(createOpener(key).open(changed, 'one')).toBeUndefined();
    }
    expect(createOpener(key).open(sealed.subarray(0, 40), 'one')).toBeUndefined();
  });

  it('never repeats itself, within a writer and between writers', () => {
    const sealers = [createSealer(key), createSealer(key)];
    const digests = Array.from({ length: 200 }, (_, index) =>
      sealDigest(sealers[index % 2]?.seal('same', 'one') ?? Buffer.alloc(0)),
    );
    expect(new Set(digests).size).toBe(200);
  });
});

describe('the key file', () => {
  it('is made once, for this user alone', () => {
    const file = join(temporaryFolder(onTestFinished), 'audit.key');
    const key = loadSealKey(file);
    expect(key).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(loadSealKey(file)).toEqual(key);
    expect(readFileSync(file)).toEqual(key);
  });

  it('is refused when others may read it or when it is no key, and is never replaced', () => {
    const file = join(temporaryFolder(onTestFinished), 'audit.key');
    writeFileSync(file, 'short', { mode: 0o600 });
    expect(() => loadSealKey(file)).toThrowError(expect.objectContaining({ code: 'AUDIT_KEY_UNUSABLE' }));
    expect(readFileSync(file, 'utf8')).toBe('short');
    writeFileSync(file, randomBytes(32));
    chmodSync(file, 0o644);
    expect(() => loadSealKey(file)).toThrowError(expect.objectContaining({ code: 'AUDIT_KEY_UNUSABLE' }));
  });
});
