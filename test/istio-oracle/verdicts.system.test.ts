import { describe, expect, it } from 'vitest';
import { compare, profileOf } from './compare.ts';
import { IDENTITIES, readCorpora } from './corpus.ts';
import { evaluate } from './evaluator.ts';
import { UNKNOWN_SHARE } from './table.ts';

describe('`fairlead istio eval`', () => {
  for (const [version, cases] of readCorpora()) {
    it(`says what Envoy ${version} said, and why`, async () => {
      const evaluations = await evaluate(cases, { profile: profileOf(version), identities: IDENTITIES });
      const { pairs, mismatches, unknown } = compare(cases, evaluations);
      expect(mismatches.slice(0, 5)).toEqual([]);
      expect(unknown / pairs).toBeLessThanOrEqual(UNKNOWN_SHARE);
    });
  }
});
