import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../core/caller.ts';
import type { Decision, RequestDecision, Verdict } from '../core/decision.ts';
import { sentence } from './sentence.ts';

const VIC: Pick<Caller, 'subject' | 'actors'> = { subject: { kind: 'user', name: 'vic@acme.com' }, actors: [] };
const RULE = { file: 'p.yaml', line: 3, name: 'etl/no-prod' };

function request(verdict: Verdict, code: string, more: Partial<RequestDecision> = {}): RequestDecision {
  return {
    action: 'prefect.deployment.run',
    resource: 'prefect/deployments/etl/nightly',
    verdict,
    tier: 'can',
    code,
    rules: [],
    mesh: [],
    clauses: [],
    wouldDeny: [],
    ...more,
  };
}

function decision(verdict: Verdict, ...requests: readonly RequestDecision[]): Decision {
  const code = requests.find((each) => each.verdict === verdict)?.code ?? '';
  return { verdict, mode: 'enforce', code, requests, obligations: [], policyRevision: '', meshRevision: '' };
}

describe('a sentence', () => {
  it('says who may not do what, and why', () => {
    expect(sentence(decision('deny', request('deny', 'NO_RULE')), 'rule', VIC)).toBe(
      '`user:vic@acme.com` may not `prefect.deployment.run` on `prefect/deployments/etl/nightly`: no rule allows it',
    );
  });

  it.each([
    ['deny', 'RULE_DENIED', 'rule `etl/no-prod` refuses it'],
    ['hold', 'APPROVAL_REQUIRED', 'rule `etl/no-prod` asks for an approval'],
    ['deny', 'BODY_OPAQUE', 'rule `etl/no-prod` needs to read its body, which cannot be read'],
    ['allow', 'ALLOWED', 'rule `etl/no-prod` allows it'],
    ['deny', 'MESH_NOT_BOUND', 'the target asks a mesh that is not bound to it'],
    ['deny', 'SOMETHING_ELSE', 'policy does not allow it'],
  ] as const)('names the deciding rule: %s %s', (verdict, code, reason) => {
    expect(sentence(decision(verdict, request(verdict, code, { rules: [RULE] })), 'rule', VIC)).toMatch(
      new RegExp(`: ${reason}$`),
    );
  });

  it('speaks of the request that decided', () => {
    const first = request('allow', 'ALLOWED');
    const second = request('deny', 'NO_RULE', { resource: 'prefect/blocks/a' });
    expect(sentence(decision('deny', first, second), 'rule')).toBe(
      'you may not `prefect.deployment.run` on `prefect/blocks/a`: no rule allows it',
    );
  });

  it('names nothing to those to whom nothing is disclosed', () => {
    const denied = decision('deny', request('deny', 'RULE_DENIED', { rules: [RULE] }));
    expect(sentence(denied, 'none', VIC)).toBe('this call is not allowed');
  });

  it('never holds words that clients take for something else, nor line breaks, whatever names say', () => {
    const hostile = fc
      .array(
        fc.constantFrom(
          'Invalid CSRF token',
          'invalid csrf TOKEN',
          'maximum number',
          'plan does not support',
          '\n',
          '\r',
          '\u2028',
          '\u0000',
          '`',
          'maximum',
          ' ',
          'number',
          '\u200b',
          '\u00ad',
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(hostile, hostile, hostile, fc.constantFrom('NO_RULE', 'RULE_DENIED'), (action, resource, name, code) => {
        const caller: typeof VIC = { subject: { kind: 'user', name }, actors: [] };
        const text = sentence(
          decision('deny', request('deny', code, { action, resource, rules: [{ ...RULE, name }] })),
          'rule',
          caller,
        );
        expect(text).not.toMatch(/invalid csrf token|maximum number|plan does not support|[\r\n\u2028\u0000]/i);
      }),
    );
  });
});
