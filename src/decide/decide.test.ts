import { describe, expect, it } from 'vitest';
import type { AccessRequest, NonEmptyList } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import { VOCABULARY } from '../policy/cases/vocabulary.ts';
import { loadPolicies } from '../policy/load.ts';
import { type DecideInput, decide } from './decide.ts';

const TEXT = `apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: {name: p}
spec:
  rules:
    - {name: run, who: [anyone], can: [prefect.deployment.run], on: ["prefect/**"]}
    - {name: lead, who: [anyone], must: [prefect.deployment.run], on: [prefect/held], require: {approval: {from: [group:a]}}}
    - {name: no, who: [anyone], cannot: [prefect.deployment.run], on: [prefect/never]}
    - {name: x, who: [anyone], must: [prefect.deployment.run], on: [prefect/x], require: {cap: {mode: x}, limit: {requests: 1, per: 1s}}}
    - {name: y, who: [anyone], must: [prefect.deployment.run], on: [prefect/y], require: {cap: {mode: y}}}
`;
const loaded = loadPolicies([{ path: 'p.yaml', text: TEXT }], VOCABULARY).policy;
if (loaded === undefined) throw new Error('the policy does not load');
const policy = loaded;

const caller: Caller = {
  subject: { kind: 'user', name: 'vic' },
  actors: [],
  peer: { address: '' },
  source: 'okta',
  membership: { groups: [], complete: true },
  claims: {},
};

function run(name: string, more: Partial<AccessRequest> = {}): AccessRequest {
  return {
    action: 'prefect.deployment.run',
    resource: { path: ['prefect', name], attributes: {} },
    attributes: { method: 'POST /deployments/bulk_run' },
    ...more,
  };
}

function decided(requests: NonEmptyList<AccessRequest>, more: Partial<DecideInput> = {}) {
  const input: DecideInput = {
    caller,
    requests,
    policy,
    access: ['policy'],
    mode: 'enforce',
    now: new Date(0),
    admitted: new Set(),
    ...more,
  };
  return decide(input).decision;
}

describe('a call', () => {
  it('is denied if any request is denied, else held if any is held', () => {
    expect(decided([run('a'), run('b')])).toMatchObject({ verdict: 'allow', code: 'ALLOWED', policyRevision: policy.revision });
    expect(decided([run('a'), run('held')])).toMatchObject({
      verdict: 'hold',
      code: 'APPROVAL_REQUIRED',
      obligations: [{ kind: 'approval' }],
    });
    expect(decided([run('held'), run('never')])).toMatchObject({ verdict: 'deny', code: 'RULE_DENIED', obligations: [] });
    expect(decided([run('a'), run('b', { action: 'prefect.raw' })])).toMatchObject({ verdict: 'deny', code: 'NO_RULE' });
    expect(decided([run('held'), run('never')]).requests.map((request) => request.verdict)).toEqual(['hold', 'deny']);
  });

  it('is denied when its requests force different values of one field', () => {
    expect(decided([run('x'), run('x')])).toMatchObject({ verdict: 'allow' });
    expect(decided([run('x'), run('x')]).obligations).toHaveLength(2);
    expect(decided([run('x'), run('y')])).toMatchObject({ verdict: 'deny', code: 'OBLIGATION_CONFLICT', obligations: [] });
  });

  it('keeps the moment of a request and the mode of the target', () => {
    const decision = decided([run('a', { moment: 'before' }), run('never', { moment: 'after' })], { mode: 'observe' });
    expect(decision).toMatchObject({ verdict: 'deny', mode: 'observe' });
    expect(decision.requests.map((request) => request.moment)).toEqual(['before', 'after']);
  });
});

describe('a continuation', () => {
  it('is allowed although policy now refuses, for the caller who holds its key', () => {
    const request = run('never', { continues: ['flow-run:1', 'flow-run:2'] });
    expect(decided([request], { admitted: new Set(['flow-run:2']) })).toMatchObject({
      verdict: 'allow',
      code: 'CONTINUED',
      requests: [{ verdict: 'allow', tier: 'admitted', code: 'CONTINUED', rules: [{ name: 'p/no' }] }],
      obligations: [],
    });
    expect(
      decided([run('a', { action: 'prefect.raw', continues: ['flow-run:1'] })], { admitted: new Set(['flow-run:1']) }).code,
    ).toBe('CONTINUED');
  });

  it('is refused without its key, and does not carry other requests along', () => {
    const request = run('never', { continues: ['flow-run:1'] });
    expect(decided([request])).toMatchObject({ verdict: 'deny', code: 'RULE_DENIED' });
    expect(decided([request], { admitted: new Set(['flow-run:9']) }).verdict).toBe('deny');
    expect(decided([request, run('never')], { admitted: new Set(['flow-run:1']) }).verdict).toBe('deny');
  });

  it('leaves an approval open', () => {
    expect(decided([run('held', { continues: ['k'] })], { admitted: new Set(['k']) }).verdict).toBe('hold');
  });
});

describe('the tiers of a target', () => {
  it.each([[['mesh']], [['mesh', 'policy']]] as const)('refuse when the mesh is asked and not there: %s', (access) => {
    const decision = decided([run('a', { continues: ['k'] })], { access, admitted: new Set(['k']) });
    expect(decision).toMatchObject({ verdict: 'deny', code: 'MESH_NOT_BOUND', requests: [{ tier: 'mesh' }] });
  });

  it('refuse when there are none', () => {
    expect(decided([run('a')], { access: [] })).toMatchObject({ verdict: 'deny', code: 'NO_TIER' });
  });
});

describe('what was read', () => {
  it('is named by request when there are several', () => {
    const text = TEXT.replace('on: ["prefect/**"]}', `on: ["prefect/**"], when: 'resource.concurrency > 0'}`);
    const reading = loadPolicies([{ path: 'p.yaml', text }], VOCABULARY).policy ?? policy;
    const request = (concurrency: bigint) => run('a', { resource: { path: ['prefect', 'a'], attributes: { concurrency } } });
    const input: DecideInput = {
      caller,
      requests: [request(1n)],
      policy: reading,
      access: ['policy'],
      mode: 'enforce',
      now: new Date(0),
      admitted: new Set(),
    };
    expect(decide(input).attributesRead).toEqual({ 'resource.concurrency': 1 });
    expect(decide({ ...input, requests: [request(1n), request(2n)] }).attributesRead).toEqual({
      '0:resource.concurrency': 1,
      '1:resource.concurrency': 2,
    });
  });
});
