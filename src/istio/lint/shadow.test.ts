import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../wire/call.ts';
import { type Case, readCase, readIdentities } from '../cases/case.ts';
import { compileChain } from '../compile/chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { MeshModel } from '../objects.ts';
import { NEWEST } from '../profile.ts';
import { rulesIn } from './context.ts';
import type { Finding } from './finding.ts';
import { lint } from './lint.ts';
import { isMatched } from './sample-request.ts';

const ORACLE = resolve(import.meta.dirname, '../../../test/istio-oracle');

describe('rules that are idle', () => {
  const identities = readIdentities(readFileSync(resolve(ORACLE, 'identities.json'), 'utf8'));
  const cases = gunzipSync(readFileSync(resolve(ORACLE, 'corpus/envoy-1.40.0.jsonl.gz')))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => readCase(JSON.parse(line) as JsonValue, { identities, now: 1_750_000_000 }));
  const found = cases.flatMap((one) => lint(one.model, NEWEST).map((finding) => ({ one, finding })));

  it('can be dropped where another one stands over them: every request is decided the same', () => {
    const shadowed = found.filter(({ finding }) => finding.code === 'rule-shadowed');
    expect(shadowed.length).toBeGreaterThan(40);
    for (const { one, finding } of shadowed) {
      const isDenied = finding.message.includes('denies everything');
      const [before, after] = [verdicts(one, one.model), verdicts(one, without(one.model, finding))];
      // What a DENY rule stands over is denied all the same, by another id.
      expect(isDenied ? after.filter((verdict, index) => verdict !== before[index] && before[index] === 'allow') : after).toEqual(
        isDenied ? [] : before,
      );
    }
  });

  it('match no request where they refuse what they want', () => {
    const never = found.filter(
      ({ finding }) => finding.code === 'rule-never-matches' && finding.message.includes('this rule never'),
    );
    expect(never.length).toBeGreaterThan(20);
    for (const { one, finding } of never) {
      const chain = compileChain(one.model, one.workload, 'http', NEWEST);
      const rule = rulesIn(chain).find(({ policy, index }) => isOf(policy, finding) && index === indexIn(finding));
      const requests = one.requests.filter(({ transport }) => transport === 'http');
      if (rule !== undefined) expect(requests.filter((facts) => isMatched(chain, rule, facts))).toEqual([]);
    }
  });
});

function verdicts({ workload, requests }: Case, model: MeshModel): readonly string[] {
  const chains = { http: compileChain(model, workload, 'http', NEWEST), tcp: compileChain(model, workload, 'tcp', NEWEST) };
  return requests.map((facts) => evaluate(chains[facts.transport], facts).v);
}

/** The model without the rule; a policy of which no rule is left goes with it, as the rule over it keeps what it attached. */
function without(model: MeshModel, finding: Finding): MeshModel {
  const policies = model.policies.flatMap((policy) => {
    if (!isOf(policy, finding)) return [policy];
    const rules = policy.rules.filter((_rule, index) => index !== indexIn(finding));
    return rules.length === 0 ? [] : [{ ...policy, rules }];
  });
  return { ...model, policies };
}

function isOf(policy: MeshModel['policies'][number], { object }: Finding): boolean {
  return policy.name === object.name && policy.namespace === object.namespace;
}

function indexIn(finding: Finding): number {
  return Number(/^spec\.rules\[([0-9]+)\]/.exec(finding.path ?? '')?.[1]);
}
