import { describe, expect, it } from 'vitest';
import type { Verdict } from './case.ts';
import { compare } from './compare.ts';
import { CALLERS, readCorpora } from './corpus.ts';
import { makeCase } from './generate/set.ts';
import { OVERALL_SHARE, oneSided, smallerShare } from './table.ts';

const corpora = readCorpora();
const newest = [...corpora.values()].at(-1) ?? [];
const told = new Map(newest.map(({ id, verdicts }) => [id, verdicts as readonly Verdict[]]));

describe('the committed answers of Envoy', () => {
  it('come from three versions, more than ten thousand from the newest', () => {
    expect([...corpora.keys()]).toEqual(['1.36.4', '1.38.3', '1.40.0']);
    const pairs = [...corpora.values()].map((cases) => cases.reduce((sum, { verdicts }) => sum + verdicts.length, 0));
    expect(pairs.map((count) => count >= 2000)).toEqual([true, true, true]);
    expect(pairs.at(-1)).toBeGreaterThan(10_000);
  });

  it('end both ways, over all and for every matcher kind', () => {
    const comparison = compare(newest, told);
    expect(smallerShare(comparison.overall)).toBeGreaterThan(OVERALL_SHARE);
    expect(oneSided(comparison)).toEqual([]);
  });

  it('are of cases that the generator still makes from the same seed', () => {
    const [, seed = '', index = ''] = newest[7]?.id.split('-') ?? [];
    const { requests, objects } = makeCase(Number(seed), Number(index), CALLERS);
    expect(requests).toEqual(newest[7]?.requests);
    expect(objects).toEqual(newest[7]?.objects);
  });

  it('agree with themselves, and a changed verdict or reason is a mismatch', () => {
    expect(compare(newest, told).mismatches).toEqual([]);
    const first = newest.find(({ verdicts }) => verdicts.some(({ by }) => by === 'rbac'));
    const verdicts = first?.verdicts ?? [];
    const denied = verdicts.findIndex(({ by }) => by === 'rbac');
    const changed = (verdict: Partial<Verdict>): Verdict[] =>
      verdicts.map((one, index) => (index === denied ? { ...one, ...verdict } : one));
    for (const [wrong, keys] of [
      [changed({ v: 'allow' }), ['v']],
      [changed({ id: 'none of them' }), ['id']],
      [changed({ audit: verdicts[denied]?.audit === 'true' ? 'false' : 'true' }), ['audit']],
      [verdicts.slice(0, denied), expect.arrayContaining(['v', 's', 'by', 'id'])],
    ] as const) {
      const [mismatch] = compare(first === undefined ? [] : [first], new Map([[first?.id ?? '', wrong]])).mismatches;
      expect(mismatch).toMatchObject({ index: denied, keys });
    }
  });
});
