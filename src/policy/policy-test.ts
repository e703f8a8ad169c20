import type { AccessRequest, NonEmptyList } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import type { Decision } from '../core/decision.ts';
import type { PolicySet, PolicyTestCase, PolicyTestResult } from './port.ts';

/** The engine that decides for real; tests run on the same one. */
export type PolicyTestDecide = (input: {
  readonly policy: PolicySet;
  readonly caller: Caller;
  readonly requests: NonEmptyList<AccessRequest>;
  readonly now: Date;
}) => Decision;

/** Cases that name no time run at this one, so that a test says the same on every day: a Monday. */
const DEFAULT_NOW = new Date('2024-01-01T12:00:00Z');

/** Runs every case of every `PolicyTest` of the policy. */
export function runPolicyTests(policy: PolicySet, decide: PolicyTestDecide): readonly PolicyTestResult[] {
  return policy.tests.map((test) => {
    const decision = decide({ policy, caller: test.caller, requests: test.requests, now: test.now ?? DEFAULT_NOW });
    const message = difference(test, decision);
    return { test: test.ref, passed: message === '', message, decision };
  });
}

function difference({ expect }: PolicyTestCase, decision: Decision): string {
  const rules = decision.requests.flatMap((request) => request.rules.map((rule) => rule.name));
  const by = rules.length === 0 ? 'no rule' : rules.map((rule) => `\`${rule}\``).join(', ');
  if (decision.verdict !== expect.verdict)
    return `expected \`${expect.verdict}\`, got \`${decision.verdict}\` (${decision.code}, by ${by})`;
  if (expect.code !== undefined && decision.code !== expect.code)
    return `expected code \`${expect.code}\`, got \`${decision.code}\``;
  if (expect.rule !== undefined && !rules.includes(expect.rule)) return `expected rule \`${expect.rule}\`, decided by ${by}`;
  return '';
}
