import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import type { AccessRequest } from '../core/access.ts';
import type { AttributeValue } from '../core/attribute.ts';
import type { Caller, Subject } from '../core/caller.ts';
import { diagnosticText } from '../core/diagnostic.ts';
import { VOCABULARY } from './cases/vocabulary.ts';
import { evaluate } from './evaluate.ts';
import { loadPolicies } from './load.ts';
import type { PolicySet, Vocabulary } from './port.ts';
import { evaluateOnce } from './remember.ts';

/** The three laws of the language, on generated policies and calls. */

/** Every action and method may carry what the conditions below read, so that each condition fits each rule. */
const LAW_VOCABULARY: Vocabulary = {
  ...VOCABULARY,
  catalogues: VOCABULARY.catalogues.map((catalogue) => ({
    ...catalogue,
    actions: catalogue.actions.map((action) => ({
      ...action,
      resource: {
        tags: { type: { kind: 'list', of: { kind: 'string' } }, title: '', optional: true },
        labels: { type: { kind: 'map', of: { kind: 'string' } }, title: '', optional: true },
      },
    })),
    methods: [
      ...catalogue.methods,
      { id: 'raw', title: '', class: 'act', body: 'opaque', actions: [`${catalogue.kind}.raw`], request: {} } as const,
    ].map((method) => ({
      ...method,
      request: { tools: { type: { kind: 'list', of: { kind: 'string' } }, title: '', optional: true } },
    })),
  })),
};

const WHO = [
  'anyone',
  'anonymous',
  'user:ada',
  'user:*',
  'group:a',
  'group:b',
  'workload:shop/front',
  'agent:x',
  'agent:* for anyone',
  'agent:x for group:a',
  'spiffe://td/ns/shop/*',
];
const ACTIONS = [
  'prefect.deployment.run',
  'prefect.deployment.*',
  'prefect.role.viewer',
  '*',
  'prefect.raw',
  'aiplatform.endpoints.predict',
  'aiplatform.endpoints.get',
];
const ON = ['prefect/**', 'prefect/deployments/etl/*', 'vertex/**', '**', '*/deployments/**', 'vertex/projects/p'];
const CONDITIONS = [
  'has(resource.tags) && "prod" in resource.tags',
  'has(resource.labels) && resource.labels["team"] == "x"',
  'caller.groups.exists(g, g == "a")',
  '1 / size(resource.path) > 9',
  'true',
  'false',
  'has(request.tools) && request.tools.all(t, t == "k")',
];
const REQUIRE = [
  'approval: {from: [group:a]}',
  'cap: {n: 1}',
  'cap: {mode: x}',
  'cap: {mode: y}',
  'log: {bodies: none}',
  'limit: {requests: 1, per: 1s}',
  'mask: {fields: [f]}',
];

interface Written {
  readonly verb: 'can' | 'cannot' | 'must';
  readonly who: readonly string[];
  readonly actions: readonly string[];
  readonly on: readonly string[];
  readonly when: string | undefined;
  readonly unless: string | undefined;
  readonly require: string | undefined;
  readonly mode: 'enforce' | 'observe';
}

const some = (words: readonly string[]) => fc.uniqueArray(fc.constantFrom(...words), { minLength: 1, maxLength: 2 });
const maybe = (words: readonly string[]) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...words) });
const rules = (
  verb: fc.Arbitrary<Written['verb']>,
  mode: fc.Arbitrary<Written['mode']> = fc.constantFrom('enforce', 'enforce', 'observe'),
): fc.Arbitrary<Written> =>
  fc.record({
    verb,
    who: some(WHO),
    actions: some(ACTIONS),
    on: some(ON),
    when: maybe(CONDITIONS),
    unless: maybe(CONDITIONS),
    require: maybe(REQUIRE),
    mode,
  });
/** Grants nearly everything to nearly everybody, so that other rules have something to take away. */
const broad = fc
  .record({
    when: maybe(CONDITIONS),
    unless: maybe(CONDITIONS),
    require: maybe(REQUIRE),
    on: fc.constantFrom(['**'], ['prefect/**', 'vertex/**']),
  })
  .map(
    (part): Written => ({
      ...part,
      verb: 'can',
      who: ['anyone', 'anonymous', 'agent:* for anyone', 'workload:*/* for anyone'],
      actions: ['*', 'prefect.raw'],
      mode: 'enforce',
    }),
  );
const policies = fc
  .tuple(
    fc.array(broad, { minLength: 1, maxLength: 2 }),
    fc.array(rules(fc.constantFrom('can', 'cannot', 'must')), { maxLength: 4 }),
  )
  .map(([grants, others]) => [...grants, ...others]);

function load(written: readonly Written[], order: readonly number[] = written.map((_, index) => index)): PolicySet {
  const files = order.map((index) => {
    const rule = written[index];
    if (rule === undefined) throw new Error('no such rule');
    const quoted = (words: readonly string[]) => JSON.stringify(words);
    const require =
      rule.verb === 'must' ? (rule.require ?? 'approval: {from: [group:b]}') : rule.verb === 'can' ? rule.require : undefined;
    const lines = [
      `name: r`,
      `who: ${quoted(rule.who)}`,
      `${rule.verb}: ${quoted(rule.actions)}`,
      `on: ${quoted(rule.on)}`,
      `mode: ${rule.mode}`,
      ...(rule.when === undefined ? [] : [`when: ${JSON.stringify(rule.when)}`]),
      ...(rule.unless === undefined ? [] : [`unless: ${JSON.stringify(rule.unless)}`]),
      ...(require === undefined ? [] : [`require: {${require}}`]),
    ];
    // The position among the files, not the rule's number, decides the path: files are sorted by path.
    const text = `apiVersion: fairlead.dev/v1\nkind: AccessPolicy\nmetadata: {name: p${index}}\nspec:\n  rules:\n    - ${lines.join('\n      ')}\n`;
    return { path: `${String(order.indexOf(index)).padStart(3, '0')}.yaml`, text };
  });
  const { policy, diagnostics } = loadPolicies(files, LAW_VOCABULARY);
  if (policy === undefined) throw new Error(diagnostics.map(diagnosticText).join('\n'));
  return policy;
}

const subjects = fc.constantFrom<Subject>(
  { kind: 'user', name: 'ada' },
  { kind: 'workload', cluster: 'prod', home: true, namespace: 'shop', serviceAccount: 'front' },
  { kind: 'agent', name: 'x' },
  { kind: 'anonymous' },
);
const callers: fc.Arbitrary<Caller> = fc
  .record({
    subject: subjects,
    actors: fc.array(subjects, { maxLength: 1 }),
    groups: fc.subarray(['a', 'b']),
    complete: fc.boolean(),
  })
  .map(({ subject, actors, groups, complete }) => ({
    subject,
    actors,
    peer: { address: '' },
    source: 'okta',
    membership: { groups, complete },
    claims: {},
  }));
const requests: fc.Arbitrary<AccessRequest> = fc
  .record({
    action: fc.constantFrom(
      'prefect.deployment.run',
      'prefect.deployment.read',
      'prefect.raw',
      'aiplatform.endpoints.predict',
      'aiplatform.endpoints.get',
    ),
    path: fc.constantFrom<readonly string[]>(
      ['prefect', 'deployments', 'etl', 'n'],
      ['vertex', 'projects', 'p'],
      ['prefect', 'raw'],
    ),
    method: fc.constantFrom('POST /deployments/bulk_run', 'endpoints.generateContent', 'endpoints.rawPredict', 'raw'),
    resource: fc.record(
      { tags: fc.subarray(['prod', 'dev']), labels: fc.constantFrom<AttributeValue>({ team: 'x' }, {}, 'wrong') },
      { requiredKeys: [] },
    ),
    request: fc.record({ tools: fc.subarray(['k', 'l']) }, { requiredKeys: [] }),
  })
  .map(({ action, path, method, resource, request }) => ({
    action,
    resource: { path, attributes: resource },
    attributes: { ...request, method },
  }));

const RANK = { deny: 0, hold: 1, allow: 2 } as const;
const now = new Date('2024-01-01T00:00:00Z');

function rank(policy: PolicySet, caller: Caller, request: AccessRequest): number {
  return RANK[evaluate(policy, { caller, request, now }).decision.verdict];
}

describe('the three laws', () => {
  it('adding a `can` without `require` never takes access away', () => {
    const can = rules(fc.constant('can')).map((rule) => ({ ...rule, require: undefined }));
    fc.assert(
      fc.property(policies, can, callers, requests, (written, added, caller, request) => {
        expect(rank(load([...written, added]), caller, request)).toBeGreaterThanOrEqual(rank(load(written), caller, request));
      }),
      { numRuns: runs(200) },
    );
  });

  it('adding a `cannot` or a `must` never gives any', () => {
    fc.assert(
      fc.property(policies, rules(fc.constantFrom('cannot', 'must')), callers, requests, (written, added, caller, request) => {
        expect(rank(load([...written, added]), caller, request)).toBeLessThanOrEqual(rank(load(written), caller, request));
      }),
      { numRuns: runs(200) },
    );
  });

  it('no verdict, code or set of obligations depends on the order', () => {
    const shuffled = policies.chain((written) =>
      fc.tuple(
        fc.constant(written),
        fc.shuffledSubarray(
          written.map((_, index) => index),
          { minLength: written.length },
        ),
      ),
    );
    fc.assert(
      fc.property(shuffled, callers, requests, ([written, order], caller, request) => {
        const outcome = (policy: PolicySet) => {
          const { decision, obligations } = evaluate(policy, { caller, request, now });
          const kinds = obligations.map(({ kind, spec }) => JSON.stringify([kind, spec])).sort();
          return {
            verdict: decision.verdict,
            code: decision.code,
            tier: decision.tier,
            rules: decision.rules.map((rule) => rule.name).sort(),
            kinds,
          };
        };
        expect(outcome(load(written, order))).toEqual(outcome(load(written)));
      }),
      { numRuns: runs(200) },
    );
  });

  it('a rule that observes changes nothing', () => {
    fc.assert(
      fc.property(
        policies,
        rules(fc.constantFrom('can', 'cannot', 'must'), fc.constant('observe')),
        callers,
        requests,
        (written, added, caller, request) => {
          expect(rank(load([...written, added]), caller, request)).toBe(rank(load(written), caller, request));
        },
      ),
      { numRuns: runs(200) },
    );
  });
});

describe('what is remembered', () => {
  it('is what an evaluation would yield, whatever was asked before', () => {
    const asked = fc.array(fc.tuple(fc.nat(2), requests, fc.constantFrom('before', 'after', undefined)), { maxLength: 20 });
    const people = fc.tuple(callers, callers, callers);
    fc.assert(
      fc.property(policies, people, asked, (written, who, asks) => {
        const policy = load(written);
        for (const [index, request, moment] of [...asks, ...asks]) {
          const caller = who[index] as Caller; // within the tuple
          const input = { caller, request: { ...request, ...(moment === undefined ? {} : { moment }) }, now };
          expect(evaluateOnce(policy, input)).toEqual(evaluate(policy, input));
        }
      }),
      { numRuns: runs(200) },
    );
  });

  it('is remembered at all, and forgotten with the policy', () => {
    const grant: Written = {
      verb: 'can',
      who: ['user:ada'],
      actions: ['prefect.deployment.run'],
      on: ['prefect/**'],
      when: undefined,
      unless: undefined,
      require: undefined,
      mode: 'enforce',
    };
    const caller: Caller = {
      ...fc.sample(callers, { numRuns: 1, seed: 1 })[0],
      subject: { kind: 'user', name: 'ada' },
      actors: [],
    } as Caller;
    const request: AccessRequest = {
      action: 'prefect.deployment.run',
      resource: { path: ['prefect', 'deployments', 'etl', 'n'], attributes: {} },
      attributes: { method: 'raw' },
    };
    const input = { caller, request, now };
    const policy = load([grant]);
    expect(evaluateOnce(policy, input)).toBe(evaluateOnce(policy, input));
    expect(evaluateOnce(policy, input).decision.verdict).toBe('allow');
    expect(evaluateOnce(load([{ ...grant, verb: 'cannot' }]), input).decision.verdict).toBe('deny');
    const long = { ...request, resource: { path: ['prefect', 'deployments', 'e'.repeat(2_000)], attributes: {} } };
    // Names of thousands of characters would fill memory.
    expect(evaluateOnce(policy, { ...input, request: long })).not.toBe(evaluateOnce(policy, { ...input, request: long }));
    const conditional = load([{ ...grant, when: 'true' }]);
    expect(evaluateOnce(conditional, input)).not.toBe(evaluateOnce(conditional, input));
  });
});

describe('errors', () => {
  it('resolve against access: in `can` an error withdraws, in `cannot` and `must` it applies', () => {
    // A `can` with `require` is two rules that resolve errors in opposite directions.
    const erring = policies.map((written) =>
      written.map((rule) => (rule.verb === 'can' ? { ...rule, require: undefined } : rule)),
    );
    const error = '1 / 0 == 1';
    fc.assert(
      fc.property(erring, callers, requests, (written, caller, request) => {
        const withError = written.map((rule) => ({ ...rule, when: rule.when && error, unless: rule.unless && error }));
        const resolved = written.map((rule) => ({
          ...rule,
          when: rule.when && String(rule.verb !== 'can'),
          unless: rule.unless && String(rule.verb === 'can'),
        }));
        expect(rank(load(withError), caller, request)).toBe(rank(load(resolved), caller, request));
      }),
      { numRuns: runs(200) },
    );
  });
});

describe('the generated policies and calls', () => {
  it('reach every verdict often', () => {
    const seen = [0, 0, 0];
    const total = runs(1000);
    for (const [written, caller, request] of fc.sample(fc.tuple(policies, callers, requests), { numRuns: total, seed: 1 })) {
      const reached = rank(load(written), caller, request);
      seen[reached] = (seen[reached] ?? 0) + 1;
    }
    for (const count of seen) expect(count).toBeGreaterThan(total / 50);
  });
});
