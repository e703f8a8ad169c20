import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { firstPolicy, type RbacFilter, type RbacRules, readRbac, type Term, termsOf } from '../../../test/istio/envoy-filter.ts';
import { requestsFor } from '../../../test/istio/golden-requests.ts';
import type { JsonObject } from '../../wire/call.ts';
import type { Chain, CompiledRule } from '../chain.ts';
import type { Attributes } from '../evaluate/attributes.ts';
import { matches } from '../evaluate/match.ts';
import { firstMatch } from '../evaluate/rbac.ts';
import type { Matcher } from '../matcher.ts';
import { NEWEST } from '../profile.ts';
import { modelOf } from '../testing.ts';
import { compileChain } from './chain.ts';

const GOLDEN = join(import.meta.dirname, '../../../test/istio/golden');
const WORKLOAD = { namespace: 'foo', labels: { app: 'httpbin', version: 'v1' }, kind: 'sidecar' } as const;
const REQUESTS = 400;

/** Trust domains of Istio's own test code; the other cases do not show any. */
const BUNDLES: Readonly<Record<string, readonly string[]>> = {
  'simple-policy-td-aliases': ['td1', 'cluster.local'],
  'simple-policy-multiple-td-aliases': ['td1', 'cluster.local', 'some-td'],
  'simple-policy-principal-with-wildcard': ['td1', 'foobar'],
  'td-aliases-source-principal': ['new-td', 'old-td', 'some-trustdomain'],
};

const service = { service: 'my-custom-ext-authz.foo.svc.cluster.local', port: 9000 };
const GRPC: JsonObject = { name: 'default', envoyExtAuthzGrpc: { ...service, failOpen: true, statusOnError: '403' } };
const HTTP: JsonObject = { name: 'default', envoyExtAuthzHttp: { ...service, failOpen: true, statusOnError: '403' } };

/** Providers of Istio's own test code, by the name of the expected filters. */
const PROVIDERS: Readonly<Record<string, readonly JsonObject[]>> = {
  'custom-grpc-provider': [GRPC],
  'custom-grpc-provider-no-namespace': [GRPC],
  'custom-http-provider': [HTTP],
  'custom-bad': [{ name: 'default', envoyExtAuthzGrpc: { ...service, port: 999_999 } }],
  'custom-bad-multiple-providers': [GRPC, { ...GRPC, name: 'another' }],
  'custom-both-http-tcp': [GRPC],
  'custom-only-http': [HTTP],
};

function documents(folder: string, file: string): readonly unknown[] {
  return parseAllDocuments(readFileSync(join(GOLDEN, folder, file), 'utf8')).map((document) => document.toJS());
}

function compile(folder: 'http' | 'tcp', input: string, name: string): Chain {
  const [trustDomain = 'cluster.local', ...trustDomainAliases] = BUNDLES[name] ?? [];
  const config = { trustDomain, trustDomainAliases, extensionProviders: PROVIDERS[name] ?? [] };
  const model = modelOf(readFileSync(join(GOLDEN, folder, `${input}-in.yaml`), 'utf8'), config);
  return compileChain(model, WORKLOAD, folder, NEWEST);
}

interface Step {
  readonly action: string;
  readonly rules: readonly CompiledRule[] | undefined;
  readonly shadow: readonly CompiledRule[] | undefined;
}

/** The RBAC filters of a chain in their order, as Envoy names what they hold. */
function filtersOf({ badCustom, custom, audit, deny, allow }: Chain): readonly Step[] {
  const actions = { ALLOW: 'ALLOW', DENY: 'DENY', AUDIT: 'LOG' } as const;
  const steps = [audit, deny, allow].flatMap((step) => (step === undefined ? [] : [step]));
  return [
    ...badCustom.map(({ rules }) => ({ action: 'DENY', rules, shadow: undefined })),
    ...custom.map(({ rules }) => ({ action: 'DENY', rules: undefined, shadow: rules })),
    ...steps.map(({ action, enforced, rules, dryRun }) => ({
      action: actions[action],
      rules: enforced ? rules : undefined,
      shadow: dryRun.length > 0 ? dryRun : undefined,
    })),
  ];
}

/** Both readings name the same policy on every request, and hold each term of each rule for true or false alike. */
function agree(
  ours: readonly CompiledRule[] | undefined,
  expected: RbacRules | undefined,
  requests: readonly Attributes[],
): Tally {
  const tally = { terms: 0, bothWays: 0 };
  expect(ours === undefined).toBe(expected === undefined);
  if (ours === undefined || expected === undefined) return tally;
  expect(ours.map(({ id }) => id)).toEqual(Object.keys(expected.policies).sort());
  for (const attributes of requests) {
    const match = firstMatch(ours, attributes);
    const id = match === undefined || match === 'none' ? match : match.id;
    expect(id, JSON.stringify(attributes)).toBe(firstPolicy(expected, attributes) ?? 'none');
  }
  for (const rule of ours) {
    const terms = termsOf(expected.policies[rule.id] as never);
    for (const side of ['permissions', 'principals'] as const) agreeOnTerms(rule[side], terms[side], requests, tally);
  }
  return tally;
}

interface Tally {
  terms: number;
  /** Terms that held on one request and did not on another. */
  bothWays: number;
}

function agreeOnTerms(
  ours: Matcher,
  expected: readonly (readonly Term[])[],
  requests: readonly Attributes[],
  tally: Tally,
): void {
  const branches = partsOf(ours, 'or', expected.length);
  for (const [index, wanted] of expected.entries()) {
    const terms = partsOf(branches[index] as Matcher, 'and', wanted.length);
    for (const [position, term] of wanted.entries()) {
      const mine = terms[position] as Matcher;
      const truths = new Set(
        requests.map((attributes) => {
          const truth = term(attributes);
          expect(matches(mine, attributes), JSON.stringify({ mine, attributes })).toBe(truth);
          return truth;
        }),
      );
      if (mine.type === 'any' || mine.type === 'never') continue;
      tally.terms += 1;
      if (truths.size === 2) tally.bothWays += 1;
    }
  }
}

/** The parts of a tree where the filter has so many; one part stands for itself. */
function partsOf(matcher: Matcher, type: 'or' | 'and', count: number): readonly Matcher[] {
  if (count === 1) return [matcher];
  expect(matcher.type).toBe(type);
  const { of } = matcher as Extract<Matcher, { type: 'or' | 'and' }>;
  expect(of.length).toBe(count);
  return of;
}

const OUTPUT = /^(.*)-out[12]?\.yaml$/;

describe.each(['http', 'tcp'] as const)("Istio's expected %s filters", (folder) => {
  const files = readdirSync(join(GOLDEN, folder)).sort();
  const names = [...new Set(files.flatMap((file) => OUTPUT.exec(file)?.[1] ?? []))].filter(
    (name) => name !== 'allow-host-before-111',
  );

  it.each(names)('%s: our reading of the policies is our reading of the filters', (name) => {
    const input = files.includes(`${name}-in.yaml`) ? name : 'custom-simple-http';
    const outputs = files.filter((file) => OUTPUT.exec(file)?.[1] === name);
    const expected = outputs.flatMap((file) => documents(folder, file).map(readRbac)).filter((filter) => filter !== undefined);
    const filters = filtersOf(compile(folder, input, name));
    expect(filters.length).toBe(expected.length);
    let terms = 0;
    let bothWays = 0;
    for (const [index, step] of filters.entries()) {
      const filter = expected[index] as RbacFilter;
      const requests = requestsFor(filter, REQUESTS, index + 1);
      for (const [rules, wanted] of [
        [step.rules, filter.rules],
        [step.shadow, filter.shadowRules],
      ] as const) {
        if (wanted !== undefined) expect(step.action).toBe(wanted.action);
        const tally = agree(rules, wanted, requests);
        terms += tally.terms;
        bothWays += tally.bothWays;
      }
    }
    // The requests must be able to tell: what compares a header with both `x` and `*` cannot be false when it is there.
    expect(bothWays, `of ${terms} terms`).toBeGreaterThanOrEqual(Math.floor(terms * 0.9));
  });
});

describe('what is not in the files', () => {
  it('is a TCP filter for a provider over HTTP', () => {
    expect(filtersOf(compile('tcp', 'custom-only-http', 'custom-only-http'))).toEqual([]);
  });

  it('is the form that hosts had before Istio 1.11: case-insensitive expressions, which match what our form matches', () => {
    const [filter] = documents('http', 'allow-host-before-111-out.yaml').map(readRbac);
    const [step] = filtersOf(compile('http', 'allow-host-before-111', 'allow-host-before-111'));
    const requests = requestsFor(filter as RbacFilter, REQUESTS, 1);
    const { terms, bothWays } = agree(step?.rules, filter?.rules, requests);
    expect(terms).toBeGreaterThan(0);
    expect(bothWays).toBe(terms);
  });
});
