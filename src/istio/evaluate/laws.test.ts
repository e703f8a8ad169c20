import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeCase } from '../../../test/istio-oracle/generate/set.ts';
import { type Case, readCase, readIdentities } from '../cases/case.ts';
import { compileChain } from '../compile/chain.ts';
import type { RequestFacts } from '../facts.ts';
import type { AuthorizationPolicy, MeshModel, Rule, WorkloadRef } from '../objects.ts';
import { NEWEST } from '../profile.ts';
import { evaluate } from './evaluate.ts';

const IDENTITIES = readFileSync(join(import.meta.dirname, '../../../test/istio-oracle/identities.json'), 'utf8');
const identities = readIdentities(IDENTITIES);
const json = JSON.parse(IDENTITIES);

/** A policy set with requests, generated from a seed. */
const cases = fc.nat(1_000_000).map((seed): Case => {
  const text = JSON.stringify(makeCase(seed, seed % 97, json));
  return readCase(JSON.parse(text), { identities, now: 1_800_000_000 });
});
const twoCases = fc.tuple(cases, cases);

function verdict(model: MeshModel, workload: WorkloadRef, facts: RequestFacts, transport = facts.transport): string {
  return evaluate(compileChain(model, workload, transport, NEWEST), facts).v;
}

function withPolicies(
  model: MeshModel,
  change: (policies: readonly AuthorizationPolicy[]) => readonly AuthorizationPolicy[],
): MeshModel {
  return { ...model, policies: change(model.policies) };
}

/** A policy that attaches to everything that the workload's proxy enforces. */
function extra(action: 'ALLOW' | 'DENY', rules: readonly Rule[], model: MeshModel, workload: WorkloadRef): AuthorizationPolicy {
  const [sample] = model.policies;
  return {
    ...(sample as AuthorizationPolicy),
    name: 'zz-extra',
    namespace: workload.namespace,
    action,
    rules,
    dryRun: false,
    provider: undefined,
    selector: undefined,
    targetRefs:
      workload.kind === 'waypoint' && workload.service !== undefined
        ? [{ group: '', kind: 'Service', name: workload.service.name, namespace: '' }]
        : [],
  };
}

const isEnforcedAllow = (model: MeshModel, workload: WorkloadRef) =>
  compileChain(model, workload, 'http', NEWEST).allow?.enforced === true;

describe('the laws of the rules', () => {
  it('adding a DENY policy never turns a denial into an allowance', () => {
    fc.assert(
      fc.property(twoCases, ([{ model, workload, requests }, other]) => {
        const rules = other.model.policies.flatMap((policy) => policy.rules);
        const stricter = withPolicies(model, (policies) => [...policies, extra('DENY', rules, model, workload)]);
        for (const facts of requests) {
          if (verdict(model, workload, facts) === 'deny') expect(verdict(stricter, workload, facts)).not.toBe('allow');
        }
      }),
      { numRuns: 25 },
    );
  });

  it('adding an ALLOW policy beside one never turns an allowance into a denial', () => {
    fc.assert(
      fc.property(twoCases, ([{ model, workload, requests }, other]) => {
        fc.pre(isEnforcedAllow(model, workload));
        const rules = other.model.policies.flatMap((policy) => policy.rules);
        const wider = withPolicies(model, (policies) => [...policies, extra('ALLOW', rules, model, workload)]);
        for (const facts of requests) {
          if (verdict(model, workload, facts) === 'allow') expect(verdict(wider, workload, facts)).not.toBe('deny');
        }
      }),
      { numRuns: 25 },
    );
  });

  it('the order of policies, rules and values changes no decision', () => {
    const reversed = <T>(list: readonly T[]): readonly T[] => [...list].reverse();
    const reverseValues = <T extends object>(match: T): T =>
      Object.fromEntries(Object.entries(match).map(([key, value]) => [key, Array.isArray(value) ? reversed(value) : value])) as T;
    fc.assert(
      fc.property(cases, ({ model, workload, requests }) => {
        const turned = withPolicies(model, (policies) =>
          reversed(policies).map((policy) => ({
            ...policy,
            rules: reversed(policy.rules).map((rule) => ({
              from: reversed(rule.from).map(reverseValues),
              to: reversed(rule.to).map(reverseValues),
              when: reversed(rule.when).map(reverseValues),
            })),
          })),
        );
        for (const facts of requests) expect(verdict(turned, workload, facts)).toBe(verdict(model, workload, facts));
      }),
      { numRuns: 25 },
    );
  });

  it('a rule with several sources decides as one rule for each, where nothing of it is lost in translation', () => {
    fc.assert(
      fc.property(cases, ({ model, workload, requests }) => {
        const split = withPolicies(model, (policies) =>
          policies.map((policy) => ({
            ...policy,
            rules: policy.rules.flatMap((rule) =>
              rule.from.length < 2 ? [rule] : rule.from.map((source) => ({ ...rule, from: [source] })),
            ),
          })),
        );
        for (const facts of requests) {
          const chain = compileChain(model, workload, facts.transport, NEWEST);
          const steps = [chain.audit, chain.deny, chain.allow, ...chain.badCustom, ...chain.custom];
          if (steps.some((step) => step?.vanished.length || step?.rules.some(({ dropped }) => dropped.length > 0))) continue;
          expect(verdict(split, workload, facts)).toBe(verdict(model, workload, facts));
        }
      }),
      { numRuns: 25 },
    );
  });

  it('of a list of values and its negation exactly one holds', () => {
    const value = fc.constantFrom('*', 'a', 'a*', '*a', 'GET', '/x', '/x*', 'td/ns/foo/sa/x', 'i/s', 'example.com', 'foo');
    const field = fc.constantFrom(
      'hosts',
      'methods',
      'paths',
      'principals',
      'requestPrincipals',
      'namespaces',
      'serviceAccounts',
    );
    fc.assert(
      fc.property(
        cases,
        field,
        fc.array(value, { minLength: 1, maxLength: 3 }),
        ({ model, workload, requests }, name, values) => {
          const negative = `not${name[0]?.toUpperCase()}${name.slice(1)}`;
          const rule = (key: string): Rule => {
            const isOperation = name === 'hosts' || name === 'methods' || name === 'paths';
            return {
              when: [],
              from: isOperation ? [] : [source({ [key]: values })],
              to: isOperation ? [operation({ [key]: values })] : [],
            };
          };
          const only = (key: string) => ({
            ...withPolicies(model, () => [extra('DENY', [rule(key)], model, workload)]),
            requestAuthentications: [],
          });
          for (const facts of requests) {
            if (facts.transport === 'tcp') continue;
            const both = [verdict(only(name), workload, facts), verdict(only(negative), workload, facts)];
            if (!both.includes('reject')) expect([...both].sort()).toEqual(['allow', 'deny']);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it('an ALLOW policy allows no more on plain TCP than it does on HTTP', () => {
    fc.assert(
      fc.property(cases, ({ model, workload, requests }) => {
        const allowOnly = withPolicies(model, (policies) => policies.filter(({ action }) => action === 'ALLOW'));
        const plain = { ...allowOnly, requestAuthentications: [] };
        for (const sent of requests) {
          if (sent.transport === 'tcp') continue;
          const onTcp = verdict(plain, workload, { ...sent, transport: 'tcp', metadata: {}, remoteIp: sent.remoteIp }, 'tcp');
          const onHttp = verdict(plain, workload, { ...sent, headers: [], metadata: {}, tokens: [] });
          if (onTcp === 'allow' && onHttp !== 'reject') expect(onHttp).toBe('allow');
        }
      }),
      { numRuns: 25 },
    );
  });
});

function source(fields: object): Rule['from'][number] {
  const names = [
    'principals',
    'requestPrincipals',
    'namespaces',
    'ipBlocks',
    'remoteIpBlocks',
    'serviceAccounts',
    'trustDomains',
  ];
  return { ...emptyLists(names), ...fields } as Rule['from'][number];
}

function operation(fields: object): Rule['to'][number] {
  return { ...emptyLists(['hosts', 'ports', 'methods', 'paths']), ...fields } as Rule['to'][number];
}

function emptyLists(names: readonly string[]): object {
  return Object.fromEntries(
    names.flatMap((name) => [
      [name, []],
      [`not${name[0]?.toUpperCase()}${name.slice(1)}`, []],
    ]),
  );
}
