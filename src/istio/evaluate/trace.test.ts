import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCase } from '../../../test/istio-oracle/generate/set.ts';
import { type Case, readCase, readIdentities } from '../cases/case.ts';
import { compileChain } from '../compile/chain.ts';
import { NEWEST } from '../profile.ts';
import { evaluate } from './evaluate.ts';
import { traceRules, traceView } from './trace.ts';

const IDENTITIES = readFileSync(join(import.meta.dirname, '../../../test/istio-oracle/identities.json'), 'utf8');

/** Policy sets with requests, from a seed. */
function generated(count: number): readonly Case[] {
  const identities = JSON.parse(IDENTITIES);
  return Array.from({ length: count }, (_, index) => {
    const text = JSON.stringify(makeCase(77, index, identities));
    return readCase(JSON.parse(text), { identities: readIdentities(IDENTITIES), now: 1_800_000_000 });
  });
}

describe('a trace', () => {
  it('finds the rules that the evaluation finds, on generated policies and requests', () => {
    let compared = 0;
    let matching = 0;
    for (const { model, workload, requests } of generated(60)) {
      for (const facts of requests) {
        const chain = compileChain(model, workload, facts.transport, NEWEST);
        const verdict = evaluate(chain, facts);
        const view = traceView(chain, facts, 'policies');
        const isOfPolicies =
          verdict.v === 'allow' || (verdict.by === 'rbac' && verdict.id?.startsWith('ns[') === true) || verdict.id === 'none';
        if (view === undefined || !isOfPolicies) continue;
        compared += 1;
        const ids = (rules: Parameters<typeof traceRules>[0] = []) =>
          traceRules(rules, view).flatMap(({ rule, matched }) => (matched ? [rule.id] : []));
        const denied = chain.deny?.enforced === true ? ids(chain.deny.rules) : [];
        const allowed = ids(chain.allow?.rules);
        matching += denied.length + allowed.length;
        if (verdict.v === 'deny' && verdict.id !== 'none') expect(denied[0]).toBe(verdict.id);
        else expect(denied).toEqual([]);
        if (verdict.id === 'none') expect(allowed).toEqual([]);
        if (verdict.v === 'allow' && chain.allow?.enforced === true) expect(allowed).not.toEqual([]);
      }
    }
    expect(compared).toBeGreaterThan(500);
    expect(matching).toBeGreaterThan(300);
  });

  it('names no term that held among those that are lacking, and at least one that is', () => {
    let lackingRules = 0;
    for (const { model, workload, requests } of generated(20)) {
      for (const facts of requests) {
        const chain = compileChain(model, workload, facts.transport, NEWEST);
        const view = traceView(chain, facts, 'policies');
        if (view === undefined) continue;
        for (const { rule, matched, held, lacking } of traceRules(
          [...(chain.allow?.rules ?? []), ...(chain.deny?.rules ?? [])],
          view,
        )) {
          expect(held.every(({ holds }) => holds)).toBe(true);
          expect(lacking.some(({ holds }) => holds)).toBe(false);
          if (rule.index >= 0) expect(lacking.length === 0).toBe(matched);
          if (!matched) lackingRules += 1;
        }
      }
    }
    expect(lackingRules).toBeGreaterThan(300);
  });
});
