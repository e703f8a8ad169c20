import { describe, expect, it } from 'vitest';
import { without } from '../support/without.ts';
import type { Case } from './case.ts';
import { compare, profileOf } from './compare.ts';
import { CALLERS, IDENTITIES } from './corpus.ts';
import { evaluate } from './evaluator.ts';
import { makeCase } from './generate/set.ts';
import { askEnvoy } from './live.ts';
import { ENVOY_VERSIONS, findEnvoy, findTranslator } from './tools.ts';

const seed = Number(process.env['FAIRLEAD_TEST_SEED'] ?? Date.now() % 1_000_000_000);
/** Sets of 24 pairs: fifty thousand from the newest version. */
const SETS = { newest: 2100, older: 100 };
const TIMEOUT_MS = 1_800_000;

const tools = [await findTranslator(), ...(await Promise.all(ENVOY_VERSIONS.map(findEnvoy)))];
const missing = tools.find((tool) => tool.kind === 'missing');
if (missing?.kind === 'missing') without('the tests of the evaluator beside a real Envoy', missing.reason);

describe.skipIf(missing !== undefined)('a real Envoy, configured by the code of Istio', () => {
  for (const version of ENVOY_VERSIONS) {
    const sets = version === ENVOY_VERSIONS[0] ? SETS.newest : SETS.older;
    it(
      `${version} says what the evaluator says, on fresh requests (seed ${seed})`,
      async () => {
        const cases = Array.from({ length: sets }, (_, index) => makeCase(seed, index, CALLERS));
        const answers = await answersOf(cases, version);
        const profile = profileOf(version);
        const { pairs, mismatches } = compare(answers, await evaluate(answers, { profile, identities: IDENTITIES }));
        expect(pairs).toBeGreaterThan(sets * 20);
        expect(mismatches.slice(0, 10)).toEqual([]);
      },
      TIMEOUT_MS,
    );
  }

  it(
    'denies nothing where there is no policy: what it denies elsewhere, policies deny',
    async () => {
      const cases = Array.from({ length: 20 }, (_, index): Case => ({ ...makeCase(seed, index, CALLERS), objects: [] }));
      const verdicts = (await answersOf(cases, ENVOY_VERSIONS[0])).flatMap((one) => one.verdicts);
      expect(verdicts.length).toBe(cases.length * 24);
      expect(verdicts.filter(({ v }) => v === 'deny')).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

async function answersOf(cases: readonly Case[], version: string) {
  const answers = await askEnvoy(cases, { version });
  if (answers.kind === 'missing') throw new Error(answers.reason);
  return answers.cases;
}
