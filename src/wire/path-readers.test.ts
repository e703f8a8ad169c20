import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { disagreements } from '../../test/paths/agreement.ts';
import { MIXTURES, pathCorpus, SEED } from '../../test/paths/corpus.ts';
import { readSeen } from '../../test/paths/seen.ts';
import { envoyPath, goPath, oursOf } from '../../test/paths/verdict.ts';

/** Against what Go's net/http and Envoy were seen to do; `test/paths/readers.long.test.ts` asks them anew. */
describe('PATH-1: the reading of paths beside those of Go and Envoy', () => {
  const seen = readSeen();

  it('is held against all of the corpus', () => {
    expect(seen.map(({ target }) => target)).toEqual(pathCorpus(SEED, MIXTURES));
    expect(seen.filter(({ target }) => oursOf(target).kind === 'read').length).toBeGreaterThan(400);
    expect(seen.filter(({ target }) => oursOf(target).kind === 'refused').length).toBeGreaterThan(400);
  });

  it('never has an upstream take for another path what was decided on', () => {
    expect(disagreements(seen)).toEqual([]);
  });

  it('would be told by the comparison when it took one of their other readings', () => {
    for (const wrong of ['/a/../b', '/a%2fb', '/a;x=1/../b']) {
      const pretended = seen.map((one) => (one.target === '/a.b' ? { ...one, go: [wrong, '', 200] as const } : one));
      expect(disagreements(pretended)).not.toEqual([]);
    }
  });

  it('differs from theirs only by refusals, and each kind of these is explained in the docs', () => {
    const page = readFileSync(new URL('../../docs/reference/paths.md', import.meta.url), 'utf8');
    const kinds = new Map<string, number>();
    for (const { target, go, envoy, envoyMerging } of seen) {
      const ours = oursOf(target);
      if (ours.kind === 'read') continue;
      const isTaken = [goPath(go), envoyPath(envoy), envoyPath(envoyMerging)].some((path) => path !== undefined);
      if (isTaken) kinds.set(ours.why, (kinds.get(ours.why) ?? 0) + 1);
    }
    expect(kinds.size).toBeGreaterThan(10);
    for (const why of kinds.keys()) expect(page).toContain(`| ${why.replace(/^the (?:path|query) /, '')} |`);
  });
});
