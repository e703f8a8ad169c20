import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeCase } from '../../../test/istio-oracle/generate/set.ts';
import { readCase, readIdentities } from '../cases/case.ts';
import type { CompiledRule } from '../chain.ts';
import { compileChain } from '../compile/chain.ts';
import { PROFILES } from '../profile.ts';
import { PrefixMap } from './prefix-map.ts';
import { linearFirstMatch } from './rbac.ts';
import { RuleIndex } from './rule-index.ts';
import { traceView } from './trace.ts';

const IDENTITIES = readFileSync(join(import.meta.dirname, '../../../test/istio-oracle/identities.json'), 'utf8');
const identities = readIdentities(IDENTITIES);

/** Rules of many generated policy sets in one list, and the requests of one of them. */
function generated(seed: number, sets: number) {
  const read = (index: number) =>
    readCase(JSON.parse(JSON.stringify(makeCase(seed, index, JSON.parse(IDENTITIES)))), { identities, now: 1_800_000_000 });
  const cases = Array.from({ length: sets }, (_, index) => read(index));
  const chains = cases.map(({ model, workload }) => compileChain(model, workload, 'http', PROFILES['envoy-1.40']));
  const rules = chains.flatMap(({ audit, deny, allow, custom }) =>
    [audit, deny, allow, ...custom].flatMap((step): readonly CompiledRule[] => step?.rules ?? []),
  );
  return { rules, cases, chains };
}

describe('the index of rules', () => {
  it('finds what reading all rules in order finds, on generated rules and requests', () => {
    let found = 0;
    let asked = 0;
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 2, max: 12 }), (seed, sets) => {
        const { rules, cases, chains } = generated(seed, sets);
        // In several orders, so that the first match is not always the same one.
        const lists = [rules, [...rules].reverse(), rules.filter((_, index) => index % 3 === 0)];
        const indexed = lists.map((list) => new RuleIndex(list));
        for (const [position, { requests }] of cases.entries()) {
          for (const facts of requests) {
            const chain = chains[position];
            const view = chain === undefined || facts.transport === 'tcp' ? undefined : traceView(chain, facts, 'policies');
            if (view === undefined) continue;
            for (const [number, list] of lists.entries()) {
              const linear = linearFirstMatch(list, view.attributes);
              expect(indexed[number]?.first(view.attributes)).toBe(linear);
              asked += 1;
              if (linear !== 'none') found += 1;
            }
          }
        }
      }),
      { numRuns: 15 },
    );
    expect(found / asked).toBeGreaterThan(0.2);
  });
});

describe('a map of beginnings', () => {
  it('finds every text that another begins with, and no other', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 6 });
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 30 }), text, (texts, asked) => {
        const map = new PrefixMap(new Map(texts.map((one, index) => [one, [index]])));
        const found: number[] = [];
        map.find(asked, (filed) => found.push(...filed));
        expect(found.map((index) => texts[index]).sort()).toEqual(texts.filter((one) => asked.startsWith(one)).sort());
      }),
    );
  });
});
