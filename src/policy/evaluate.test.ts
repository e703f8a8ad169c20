import { describe, expect, it } from 'vitest';
import type { AccessRequest } from '../core/access.ts';
import type { AttributeValue } from '../core/attribute.ts';
import type { Caller } from '../core/caller.ts';
import { diagnosticText } from '../core/diagnostic.ts';
import { notEnforceable } from './activation.ts';
import { VOCABULARY } from './cases/vocabulary.ts';
import { evaluate } from './evaluate.ts';
import { nearest } from './explain.ts';
import { loadPolicies } from './load.ts';
import type { PolicySet } from './port.ts';

function load(...rules: readonly string[]): PolicySet {
  const text = `apiVersion: fairlead.dev/v1\nkind: AccessPolicy\nmetadata: {name: p}\nspec:\n  owner: owner@acme.com\n  rules:\n${rules.map((rule) => `    - {${rule}}\n`).join('')}`;
  const { policy, diagnostics } = loadPolicies([{ path: 'p.yaml', text }], VOCABULARY);
  if (policy === undefined) throw new Error(diagnostics.map(diagnosticText).join('\n'));
  return policy;
}

function user(name: string, ...groups: readonly string[]): Caller {
  return {
    subject: { kind: 'user', name },
    actors: [],
    peer: { address: '' },
    source: 'okta',
    membership: { groups, complete: true },
    claims: {},
  };
}

function run(
  resource: Readonly<Record<string, AttributeValue>> = {},
  path: readonly string[] = ['prefect', 'deployments', 'etl', 'n'],
): AccessRequest {
  return {
    action: 'prefect.deployment.run',
    resource: { path, attributes: resource },
    attributes: { method: 'POST /deployments/bulk_run' },
  };
}

const now = new Date('2024-01-01T00:00:00Z');
const BASE = 'name: base, who: [group:eng], can: [prefect.role.runner], on: ["prefect/deployments/etl/**"]';

describe('a decision', () => {
  it('names the rule, its line and what was held against what', () => {
    const policy = load(BASE);
    const { decision } = evaluate(policy, { caller: user('ada', 'eng'), request: run(), now });
    expect(decision).toMatchObject({ verdict: 'allow', tier: 'can', code: 'ALLOWED', resource: 'prefect/deployments/etl/n' });
    expect(decision.rules).toEqual([{ file: 'p.yaml', line: 7, name: 'p/base' }]);
    expect(decision.clauses).toEqual([
      { rule: 'p/base', part: 'who', pattern: 'group:eng', observed: 'user:ada in eng', result: 'true', line: 7 },
      {
        rule: 'p/base',
        part: 'action',
        pattern: 'prefect.role.runner',
        observed: 'prefect.deployment.run',
        result: 'true',
        line: 7,
      },
      {
        rule: 'p/base',
        part: 'on',
        pattern: 'prefect/deployments/etl/**',
        observed: 'prefect/deployments/etl/n',
        result: 'true',
        line: 7,
      },
    ]);
  });

  it('shows the error for which a `cannot` refuses, and what was read', () => {
    const policy = load(
      BASE,
      `name: no, who: [anyone], cannot: [prefect.deployment.run], on: ["**"], when: 'resource.tags[0] == "prod"'`,
    );
    const { decision, attributesRead } = evaluate(policy, { caller: user('ada', 'eng'), request: run({ tags: [] }), now });
    expect(decision).toMatchObject({ verdict: 'deny', tier: 'cannot', code: 'RULE_DENIED', rules: [{ name: 'p/no' }] });
    expect(decision.clauses.at(-1)).toEqual({
      rule: 'p/no',
      part: 'when',
      pattern: 'resource.tags[0] == "prod"',
      observed: 'resource.tags=[]',
      result: 'error',
      line: 8,
    });
    expect({ ...attributesRead }).toEqual({ 'resource.tags': [] });
  });

  it('says what observing rules would have done', () => {
    const policy = load(
      BASE,
      'name: would-refuse, who: [anyone], cannot: [prefect.deployment.run], on: ["**"], mode: observe',
      'name: would-require, who: [anyone], must: [prefect.deployment.run], on: ["**"], mode: observe, require: {approval: {from: [group:a]}}',
    );
    const { decision, obligations } = evaluate(policy, { caller: user('ada', 'eng'), request: run(), now });
    expect(decision).toMatchObject({ verdict: 'allow', wouldDeny: [{ name: 'p/would-refuse' }, { name: 'p/would-require' }] });
    expect(obligations).toEqual([]);
    expect(evaluate(policy, { caller: user('eve'), request: run(), now }).decision.wouldDeny).toMatchObject([
      { name: 'p/would-refuse' },
    ]);
  });

  it('says that a right came with another', () => {
    const policy = load('name: predict, who: [anyone], can: [aiplatform.endpoints.predict], on: ["vertex/projects/p/**"]');
    const request: AccessRequest = {
      action: 'aiplatform.endpoints.get',
      resource: { path: ['vertex', 'projects', 'p', 'e'], attributes: {} },
      attributes: { method: 'endpoints.get' },
    };
    const { decision } = evaluate(policy, { caller: user('ada'), request, now });
    expect(decision).toMatchObject({
      verdict: 'allow',
      impliedBy: 'aiplatform.endpoints.predict',
      rules: [{ name: 'p/predict' }],
    });
    expect(decision.clauses.every((clause) => clause.result === 'true')).toBe(true);
  });

  it('joins the obligations of all matching rules in strictness', () => {
    const policy = load(
      'name: base, who: [anyone], can: [aiplatform.endpoints.predict], on: ["vertex/**"], require: {limit: {requests: 5, per: 1m}, cap: {n: 10, m: {min: 2}}, log: {bodies: hashed}, mask: {fields: [a], direction: request}}',
      'name: more, who: [anyone], must: [aiplatform.endpoints.predict], on: ["vertex/**"], require: {limit: {requests: 9, per: 1m, by: rule}, cap: {n: 4, m: {max: 8}, k: {force: x}}, log: {bodies: none, durability: durable}, mask: {fields: [b, a], direction: request}, fresh: {within: 1h}}',
      'name: lead, who: [anyone], must: [aiplatform.endpoints.predict], on: ["vertex/**"], require: {approval: {from: [group:a], for: 1h}, fresh: {within: 5m}, screen: {detectors: [pii]}}',
      'name: boss, who: [anyone], must: [aiplatform.endpoints.predict], on: ["vertex/**"], require: {approval: {from: [group:b], count: 2, unbound: [comment]}}',
    );
    const request: AccessRequest = {
      action: 'aiplatform.endpoints.predict',
      resource: { path: ['vertex', 'x'], attributes: {} },
      attributes: { method: 'endpoints.generateContent' },
    };
    const { decision, obligations } = evaluate(policy, { caller: user('ada'), request, now });
    expect(decision).toMatchObject({ verdict: 'hold', tier: 'must', code: 'APPROVAL_REQUIRED' });
    expect(decision.rules[0]?.name).toBe('p/lead');
    const found = obligations.map(({ kind, rule, spec }) => [kind, rule.name, spec]);
    expect(found).toHaveLength(9);
    expect(found).toEqual(
      expect.arrayContaining([
        ['limit', 'p/base', { unit: 'requests', amount: 5, perMs: 60_000, by: 'caller' }],
        ['limit', 'p/more', { unit: 'requests', amount: 9, perMs: 60_000, by: 'rule' }],
        ['cap', 'p/base', { fields: { n: { max: 4 }, m: { min: 2, max: 8 }, k: { force: 'x' } } }],
        ['log', 'p/base', { bodies: 'hashed', durability: 'durable' }],
        ['mask', 'p/base', { fields: ['a', 'b'], direction: 'request' }],
        ['fresh', 'p/more', { withinMs: 300_000 }],
        ['screen', 'p/lead', { detectors: ['pii'], action: 'deny' }],
        ['approval', 'p/lead', { from: ['group:a'], count: 1, unbound: [], forMs: 3_600_000 }],
        ['approval', 'p/boss', { from: ['group:b'], count: 2, unbound: ['comment'] }],
      ]),
    );
  });

  it.each([
    ['{n: {max: 1}}', '{n: {min: 2}}'],
    ['{n: {force: 5}}', '{n: 4}'],
    ['{n: {force: 1}}', '{n: {force: "1"}}'],
  ])('refuses caps that exclude each other: %s and %s', (a, b) => {
    const rule = (name: string, cap: string) =>
      `name: ${name}, who: [anyone], must: [aiplatform.endpoints.predict], on: ["vertex/**"], require: {cap: ${cap}}`;
    const policy = load(
      'name: base, who: [anyone], can: [aiplatform.endpoints.predict], on: ["vertex/**"]',
      rule('a', a),
      rule('b', b),
    );
    const request: AccessRequest = {
      action: 'aiplatform.endpoints.predict',
      resource: { path: ['vertex', 'x'], attributes: {} },
      attributes: { method: 'endpoints.generateContent' },
    };
    expect(evaluate(policy, { caller: user('ada'), request, now }).decision).toMatchObject({
      verdict: 'deny',
      code: 'OBLIGATION_CONFLICT',
    });
  });
});

describe('a method that is not in the catalogue', () => {
  it('counts as opaque', () => {
    const policy = load(
      'name: base, who: [anyone], can: [aiplatform.endpoints.predict], on: ["vertex/**"], require: {mask: {fields: [a]}}',
    );
    for (const attributes of [{ method: 'unknown' }, { method: 1n }, {}] as Readonly<Record<string, AttributeValue>>[]) {
      const request: AccessRequest = {
        action: 'aiplatform.endpoints.predict',
        resource: { path: ['vertex', 'x'], attributes: {} },
        attributes,
      };
      expect(evaluate(policy, { caller: user('ada'), request, now }).decision.code).toBe('BODY_OPAQUE');
    }
  });
});

describe('nearest', () => {
  const policy = load(
    BASE,
    `name: dev, who: [group:dev, "user:zoe"], can: [prefect.deployment.run], on: ["prefect/deployments/etl/*"], when: '"dev" in resource.tags', unless: 'resource.concurrency > 1'`,
    'name: other-place, who: [group:eng], can: [prefect.deployment.run], on: ["prefect/deployments/ml/**"]',
    'name: other-thing, who: [anyone], can: [prefect.block.read], on: ["prefect/**"]',
    'name: elsewhere, who: [group:none], can: [http.get], on: ["web/**"]',
  );

  it('lists the rules with the fewest failing clauses, and what is missing', () => {
    const found = nearest(policy, { caller: user('eve'), request: run({ tags: ['prod'], concurrency: 1n }), now });
    expect(found.map(({ rule, missing, ask }) => [rule.name, missing, ask])).toEqual([
      ['p/base', 'needs group `eng`', 'owner@acme.com'],
      ['p/other-thing', 'does not cover `prefect.deployment.run`', 'owner@acme.com'],
      [
        'p/dev',
        'needs group `dev` or `user:zoe`; needs `"dev" in resource.tags` (seen: resource.tags=["prod"])',
        'owner@acme.com',
      ],
    ]);
  });

  it('tells an exception and what cannot be told', () => {
    const found = nearest(policy, { caller: user('zoe'), request: run({ concurrency: 2n }), now }, 2);
    expect(found.map(({ missing }) => missing)).toEqual(['needs group `eng`', 'does not cover `prefect.deployment.run`']);
    const all = nearest(policy, { caller: user('zoe'), request: run({ concurrency: 2n }), now }, 10);
    expect(all.find(({ rule }) => rule.name === 'p/dev')?.missing).toBe(
      'needs `"dev" in resource.tags`, which cannot be told; is taken back by `resource.concurrency > 1` (seen: resource.concurrency=2)',
    );
  });
});

describe('notEnforceable', () => {
  it('names each obligation of an enforcing rule that nothing keeps', () => {
    const policy = load(
      'name: a, who: [anyone], can: [http.get], on: ["web/**"], require: {log: {bodies: none}, fresh: {within: 1h}}',
      'name: b, who: [anyone], must: [http.get], on: ["web/**"], require: {fresh: {within: 1h}}, mode: observe',
    );
    expect(notEnforceable(policy, new Set(['log', 'fresh']))).toEqual([]);
    expect(notEnforceable(policy, new Set(['log']))).toMatchObject([
      {
        severity: 'error',
        code: 'OBLIGATION_NOT_ENFORCEABLE',
        file: 'p.yaml',
        line: 7,
        message: 'rule `p/a` requires `fresh`, which this gateway does not enforce yet',
      },
    ]);
  });
});
