import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCase } from '../../../test/istio-oracle/generate/set.ts';
import type { JsonObject } from '../../wire/call.ts';
import { type Case, readCase, readIdentities } from '../cases/case.ts';
import { compileChain } from '../compile/chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { traceRules, traceView } from '../evaluate/trace.ts';
import type { RequestFacts } from '../facts.ts';
import type { MeshModel, PlainObject } from '../objects.ts';
import { NEWEST } from '../profile.ts';
import { completeRequest, type RequestDraft } from '../request/draft.ts';
import { findTargets, type Target } from '../target/target.ts';
import { modelOf } from '../testing.ts';
import type { Entry, WhoCanReport } from './report.ts';
import { whoCan } from './who-can.ts';

const SERVER = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: server, namespace: prefect}
spec: {template: {metadata: {labels: {app: prefect}}, spec: {serviceAccountName: server, containers: [{ports: [{containerPort: 4200}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: prefect, namespace: prefect}
spec: {selector: {app: prefect}, ports: [{name: http, port: 80, targetPort: 4200}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: scheduler, namespace: flows}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: worker, namespace: flows}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
`;

const policy = (name: string, spec: string) => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: prefect}
spec: ${spec}
`;

const STRICT = `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: prefect}
spec: {mtls: {mode: STRICT}}
`;

const RUN: RequestDraft = { method: 'POST', path: '/deployments/1/create_flow_run', authority: 'prefect' };

function ask(text: string, draft: RequestDraft = RUN, config: JsonObject = {}): WhoCanReport {
  const model = modelOf(SERVER + text, config);
  const [target] = findTargets(model, 'svc/prefect', { namespace: 'prefect', port: 80 });
  if (target === undefined) return expect.fail('there is no target');
  return whoCan({ model, target, draft, profile: NEWEST, now: 1_800_000_000 });
}

const names = (entries: readonly Entry[]) => entries.map(({ who }) => who);
const answers = ({ accounts }: WhoCanReport) => accounts.map(({ account, answer }) => `${account} ${answer}`);

describe('who can', () => {
  it('lists the values of the rules that cover the request, and asks the accounts of the files one by one', () => {
    const report = ask(
      policy(
        'runs',
        `{rules: [
          {from: [{source: {principals: [cluster.local/ns/flows/sa/scheduler, "cluster.local/ns/ops/*"]}}], to: [{operation: {methods: [POST], paths: ["/deployments/*"]}}]},
          {from: [{source: {namespaces: [shop]}}], to: [{operation: {methods: [GET]}}]}
        ]}`,
      ),
    );
    expect(report.grants.map(({ rule, entries }) => [rule?.rule, names(entries)])).toEqual([
      [0, ['principal cluster.local/ns/flows/sa/scheduler', 'principal cluster.local/ns/ops/*']],
    ]);
    expect(answers(report)).toEqual([
      'flows/scheduler allowed',
      'flows/worker denied',
      'prefect/server denied',
      'shop/web denied',
    ]);
    expect(report.bounded).toBe(false);
  });

  it('says that anyone can where no ALLOW policy is attached, with or without identity as mutual TLS has it', () => {
    expect(ask('').grants.map(({ rule, entries }) => [rule, names(entries)])).toEqual([
      [undefined, ['anyone, even without identity']],
    ]);
    expect(names(ask(STRICT).grants[0]?.entries ?? [])).toEqual(['anyone with an identity of the mesh']);
    expect(
      names(
        ask(policy('no-plain', '{action: DENY, rules: [{from: [{source: {notPrincipals: ["*"]}}]}]}')).grants[0]?.entries ?? [],
      ),
    ).toEqual(['anyone with an identity of the mesh']);
  });

  it('says what else must be so, and shows a request for which it is', () => {
    const jwt = `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: idp, namespace: prefect}
spec: {jwtRules: [{issuer: https://idp.example, audiences: [prefect]}]}
`;
    const rule = policy(
      'people',
      '{rules: [{from: [{source: {requestPrincipals: ["https://idp.example/*"], notRemoteIpBlocks: [203.0.113.0/24]}}], when: [{key: "request.auth.claims[groups]", values: [leads, ops]}, {key: "request.headers[x-reason]", values: ["*"]}]}]}',
    );
    const { grants } = ask(jwt + rule);
    expect(grants).toHaveLength(1);
    expect(names(grants[0]?.entries ?? [])).toEqual(['request principal https://idp.example/*']);
    expect(grants[0]?.conditions.map(({ text }) => text)).toEqual([
      'not client address 203.0.113.0/24',
      'claim [groups] leads or ops',
      'header x-reason *',
    ]);
    expect(grants[0]?.entries[0]?.example).toMatchObject({ headers: ['x-reason: x'], claims: { groups: 'leads' } });
    // Without a rule that reads tokens nobody has claims.
    const without = ask(rule).grants[0];
    expect([names(without?.entries ?? []), without?.refused[0]?.because]).toEqual([
      [],
      expect.stringContaining('no RequestAuthentication'),
    ]);
  });

  it('takes away what a DENY rule takes away, and names the rule', () => {
    const report = ask(
      policy(
        'all',
        '{rules: [{from: [{source: {serviceAccounts: [flows/scheduler, flows/worker]}}, {source: {namespaces: [shop]}}]}]}',
      ) +
        policy(
          'no-worker',
          '{action: DENY, rules: [{from: [{source: {serviceAccounts: [flows/worker]}}]}, {when: [{key: "request.headers[x-debug]", values: ["1"]}]}, {to: [{operation: {methods: [GET]}}]}]}',
        ),
    );
    expect(
      report.grants.map(({ entries, refused }) => [names(entries), refused.map(({ who, because }) => [who, because])]),
    ).toEqual([
      [['service account flows/scheduler'], [['service account flows/worker', 'ns[prefect]-policy[no-worker]-rule[0]']]],
      [['namespace shop'], []],
    ]);
    expect(report.cuts.map(({ rule, terms }) => [rule.rule, terms.map(({ text }) => text)])).toEqual([
      [0, ['service account flows/worker']],
      [1, ['header x-debug 1']],
    ]);
    expect(answers(report)).toEqual([
      'flows/scheduler allowed',
      'flows/worker denied',
      'prefect/server denied',
      'shop/web allowed',
    ]);
  });

  it('finds the header without which a DENY rule refuses', () => {
    const report = ask(
      policy('one', '{rules: [{from: [{source: {namespaces: [flows]}}]}]}') +
        policy('sign', '{action: DENY, rules: [{when: [{key: "request.headers[x-signed]", notValues: ["yes"]}]}]}'),
    );
    expect(report.grants[0]?.entries[0]?.example?.headers).toEqual(['x-signed: yes']);
    expect(answers(report)).toContain('flows/worker conditions');
  });

  it('gets past one refusal after another, each of which asks for a header of its own', () => {
    const rules = Array.from({ length: 40 }, (_, index) => `{when: [{key: "request.headers[x-${index}]", notValues: ["v"]}]}`);
    const report = ask(
      policy('one', '{rules: [{from: [{source: {namespaces: [flows]}}]}]}') +
        policy('signs', `{action: DENY, rules: [${rules.join(', ')}]}`),
    );
    expect(report.grants[0]?.entries[0]?.example?.headers).toHaveLength(40);
    expect([answers(report).includes('flows/worker conditions'), report.bounded]).toEqual([true, false]);
  });

  it('finds a namespace below a star beside hundreds that are refused', () => {
    const denied = Array.from({ length: 500 }, (_, index) => `n${index}`).join(', ');
    const report = ask(
      policy('starred', '{rules: [{from: [{source: {namespaces: ["n*"]}}]}]}') +
        policy('most', `{action: DENY, rules: [{from: [{source: {namespaces: [nx, ${denied}]}}]}]}`),
    );
    expect(report.grants[0]?.entries[0]?.example?.from).toMatch(/\/ns\/n[a-z-]+\//);
    const all = ask(
      policy('starred', '{rules: [{from: [{source: {namespaces: ["n*"]}}]}]}') +
        policy('all', '{action: DENY, rules: [{from: [{source: {namespaces: ["n*"]}}]}]}'),
    );
    expect([all.grants[0]?.entries, all.grants[0]?.refused[0]?.because, all.bounded]).toEqual([
      [],
      'ns[prefect]-policy[all]-rule[0]',
      false,
    ]);
  });

  it('says nobody where an ALLOW policy has no rules, and leaves a host out of the question only if it was not named', () => {
    expect(ask(policy('nothing', '{}')).grants).toEqual([]);
    const host = policy(
      'host',
      '{rules: [{from: [{source: {namespaces: [flows]}}], to: [{operation: {hosts: [admin.example]}}]}]}',
    );
    expect(ask(host).grants).toEqual([]);
    const { authority: _, ...free } = RUN;
    expect(ask(host, free).grants[0]?.conditions.map(({ text }) => text)).toEqual(['host admin.example']);
  });

  it('names the external authoriser that must allow it too', () => {
    const config = {
      extensionProviders: [{ name: 'guard', envoyExtAuthzGrpc: { service: 'guard.ops.svc.cluster.local', port: 9000 } }],
    };
    const report = ask(policy('ask', '{action: CUSTOM, provider: {name: guard}, rules: [{}]}'), RUN, config);
    expect(report.grants[0]?.entries[0]?.asks).toEqual(['guard']);
  });
});

const IDENTITIES = readFileSync(join(import.meta.dirname, '../../../test/istio-oracle/identities.json'), 'utf8');

function generated(count: number): readonly Case[] {
  const identities = JSON.parse(IDENTITIES);
  return Array.from({ length: count }, (_, index) =>
    readCase(JSON.parse(JSON.stringify(makeCase(78, index, identities))), {
      identities: readIdentities(IDENTITIES),
      now: 1_800_000_000,
    }),
  );
}

const ACCOUNTS = ['foo/sleep', 'foo/httpbin', 'bar/sleep', 'foo-test/sleep', 'foo/cert-manager.io', 'foo/admin'];

function withAccounts(model: MeshModel): MeshModel {
  const serviceAccounts = ACCOUNTS.map((account): PlainObject => {
    const [namespace = '', name = ''] = account.split('/');
    const none = {
      labels: {},
      annotations: {},
      created: undefined,
      placeOf: () => ({ file: '', line: 0, column: 0 }),
      raw: null,
    };
    return { kind: 'ServiceAccount', namespace, name, ...none };
  });
  return { ...model, serviceAccounts };
}

describe('who can, on generated policies', () => {
  it('lists nobody whom the evaluator denies, and every known account that it allows', () => {
    let listed = 0;
    let allowed = 0;
    for (const { model: bare, workload, requests } of generated(40)) {
      const model = withAccounts(bare);
      for (const facts of requests.filter(({ transport, path }) => transport === 'http' && path.startsWith('/')).slice(0, 3)) {
        const { method, path, authority, localPort, protocol } = facts;
        const target: Target = { workload, title: 't', place: undefined, localPort, treatment: 'http', authority, notes: [] };
        const draft: RequestDraft = { method, path, authority, localPort, protocol };
        const report = whoCan({ model, target, draft, profile: NEWEST, now: facts.now });
        const chain = compileChain(model, workload, 'http', NEWEST);
        const { facts: base } = completeRequest({ ...draft, peer: 'none' }, { authority, localPort, now: facts.now });
        for (const { example } of report.grants.flatMap(({ entries }) => entries)) {
          if (example === undefined) return expect.fail('an entry has no example');
          const replayed = replay(base, example);
          // Claims need the place that a rule reads them from: those are replayed by the search itself.
          if (replayed !== undefined) expect(evaluate(chain, replayed).v).toBe('allow');
          listed += 1;
        }
        for (const { account, answer } of report.accounts) {
          const uri = `spiffe://${model.config.trustDomain}/ns/${account.replace('/', '/sa/')}`;
          const verdict = evaluate(chain, {
            ...base,
            peer: { uris: [uri], dns: [], subject: '' },
            askAuthoriser: () => ({ answer: 'allow' }),
          });
          if (verdict.v === 'allow') allowed += 1;
          expect(answer === 'allowed', `${account} ${verdict.v}`).toBe(verdict.v === 'allow');
          if (answer === 'allowed') expect(report.grants.length).toBeGreaterThan(0);
        }
      }
    }
    expect(listed).toBeGreaterThan(60);
    expect(allowed).toBeGreaterThan(60);
  });
});

describe('who can, beside requests that are allowed', () => {
  it('lists somebody for a rule that allows one, unless the rule hangs on what other filters say', () => {
    let found = 0;
    for (const { model, workload, requests } of generated(60)) {
      for (const facts of requests.filter(({ transport }) => transport === 'http').slice(0, 6)) {
        const chain = compileChain(model, workload, 'http', NEWEST);
        const asked: RequestFacts = { ...facts, askAuthoriser: () => ({ answer: 'allow' }) };
        const view = traceView(chain, asked, 'policies');
        if (view === undefined || chain.allow?.enforced !== true || evaluate(chain, asked).v !== 'allow') continue;
        const { method, path, authority, localPort, protocol, now } = facts;
        const target: Target = { workload, title: 't', place: undefined, localPort, treatment: 'http', authority, notes: [] };
        const { grants } = whoCan({
          model,
          target,
          draft: { method, path, authority, localPort, protocol },
          profile: NEWEST,
          now,
        });
        const rules = traceRules(chain.allow.rules, view).flatMap(({ rule, matched }) => (matched ? [rule] : []));
        const own = grants.filter(({ rule }) =>
          rules.some(({ policy, index }) => rule?.policy === `${policy.namespace}/${policy.name}` && rule.rule === index),
        );
        const isOpen = own.some(
          ({ entries, refused }) => entries.length > 0 || refused.some(({ because }) => because?.includes('other filters')),
        );
        expect(isOpen, JSON.stringify(own)).toBe(true);
        found += 1;
      }
    }
    expect(found).toBeGreaterThan(50);
  });
});

/** The request of an example; undefined for one with claims. */
function replay(base: RequestFacts, example: NonNullable<Entry['example']>): RequestFacts | undefined {
  if (example.claims !== undefined) return undefined;
  const headers = example.headers.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)] as const);
  return {
    ...base,
    peer: example.from === undefined ? undefined : { uris: [example.from], dns: [], subject: '' },
    authority: example.host ?? base.authority,
    headers,
    directIp: example.fromIp ?? base.directIp,
    remoteIp: example.clientIp ?? example.fromIp ?? base.remoteIp,
    localIp: example.localIp ?? base.localIp,
    sni: example.sni,
    askAuthoriser: () => ({ answer: 'allow' }),
  };
}
