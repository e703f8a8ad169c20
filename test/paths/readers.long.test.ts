import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findEnvoy } from '../support/envoy.ts';
import { disagreements } from './agreement.ts';
import { MIXTURES, pathCorpus, SEED } from './corpus.ts';
import { type Readers, startReaders } from './readers.ts';
import { readSeen, writeSeen } from './seen.ts';

const envoy = await findEnvoy();

describe.skipIf(envoy === undefined)('PATH-1: readers of paths', () => {
  let readers: Readers;
  beforeAll(async () => {
    readers = await startReaders(envoy ?? '');
  });
  afterAll(() => readers?.close());

  // FAIRLEAD_TEST_RECORD=true writes down what they do now.
  it('do what was written down of them', async () => {
    const seen = await readers.see(pathCorpus(SEED, MIXTURES));
    if (process.env['FAIRLEAD_TEST_RECORD'] === 'true') writeSeen(seen);
    expect(seen).toEqual(readSeen());
  });

  const seed = Number(process.env['FAIRLEAD_TEST_SEED'] ?? Date.now() % 1_000_000);
  it(`never take for another path what we take, on targets that come by chance (seed ${seed})`, async () => {
    const seen = await readers.see(pathCorpus(seed, 2_000));
    expect(seen.length).toBeGreaterThan(2_000);
    expect(disagreements(seen)).toEqual([]);
  });
});
