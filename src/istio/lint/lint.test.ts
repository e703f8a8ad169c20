import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { compileChain } from '../compile/chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { RequestFacts, TokenFact } from '../facts.ts';
import type { MeshModel, WorkloadRef } from '../objects.ts';
import { NEWEST } from '../profile.ts';
import { readJsonObjects } from '../read/json-objects.ts';
import { readMeshConfig } from '../read/mesh-config.ts';
import { readMeshObjects } from '../read/mesh-objects.ts';
import { buildModel } from '../read/model.ts';
import type { LintCode } from './codes.ts';
import type { Finding } from './finding.ts';
import { lint } from './lint.ts';
import { PLAIN_REQUEST } from './sample-request.ts';
import { withoutCommented } from './suppression.ts';

const PAGE = readFileSync(resolve(import.meta.dirname, '../../../docs/reference/istio-lint.md'), 'utf8');
const CORPUS = resolve(import.meta.dirname, '../../../test/istio-oracle/corpus/envoy-1.38.3.jsonl.gz');

describe('what findings claim', () => {
  /** Claims that carry no example of their own: the objects of the page, and what the evaluator says of a request. */
  const claims: readonly (readonly [LintCode, Partial<RequestFacts>, 'allow' | 'deny', Partial<WorkloadRef>?])[] = [
    ['spiffe-prefix', from('spiffe://cluster.local/ns/shop/sa/front'), 'deny'],
    ['principal-form', from('spiffe://cluster.local/ns/shop/sa/front'), 'deny'],
    ['namespace-unknown', from('spiffe://cluster.local/ns/shop/sa/a'), 'deny'],
    ['account-unknown', from('spiffe://cluster.local/ns/shop/sa/cart'), 'deny', { labels: { app: 'cart' } }],
    ['namespace-inner-star', from('spiffe://cluster.local/ns/team-x-prod/sa/a'), 'allow'],
    [
      'namespace-inner-star',
      { ...from('spiffe://cluster.local/ns/team-x-prod/sa/a'), transport: 'tcp' },
      'deny',
      { kind: 'ztunnel' },
    ],
    ['alias-not-expanded', from('spiffe://old.example/ns/shop/sa/a'), 'allow'],
    ['alias-not-expanded', from('spiffe://new.example/ns/shop/sa/a'), 'deny'],
    ['alias-star-lost', from('spiffe://prodother/ns/shop/sa/front'), 'deny'],
    ['alias-star-lost', from('spiffe://prod.example/ns/shop/sa/front'), 'allow'],
    ['service-account-namespace', from('spiffe://cluster.local/ns/shop/sa/front'), 'deny'],
    ['service-account-namespace', from('spiffe://cluster.local/ns/istio-system/sa/front'), 'allow'],
    ['identity-without-mtls', {}, 'deny', { labels: { app: 'cart' } }],
    ['request-principal-split', token({ iss: 'https://idp.example', sub: 'ada' }), 'deny'],
    ['claim-with-space', token({ iss: 'https://idp.example', sub: 'ada', scope: 'read write' }), 'deny'],
    ['method-case', { method: 'DELETE' }, 'allow'],
    ['literal-star', { path: '/api/x/items' }, 'deny'],
    ['literal-star', { path: '/api/*/items' }, 'allow'],
    ['sni-capitals', { sni: 'Shop.example.com' }, 'deny'],
    ['unreachable-path', { path: '/admin' }, 'deny'],
    ['service-port', {}, 'allow', { labels: { app: 'cart' } }],
    ['selector-matches-nothing', { localPort: 9000 }, 'allow', { labels: { app: 'cart' } }],
    ['target-without-waypoint', {}, 'allow', { labels: { app: 'cart' } }],
    ['ambient-http-field', { method: 'DELETE', transport: 'tcp' }, 'allow', { labels: { app: 'cart' }, kind: 'ztunnel' }],
    [
      'ambient-trust-domains',
      { ...from('spiffe://other.example/ns/shop/sa/b'), transport: 'tcp' },
      'allow',
      { labels: { app: 'cart' }, kind: 'ztunnel' },
    ],
    ['provider-unknown', {}, 'deny'],
    ['several-providers', {}, 'deny'],
    ['rule-never-matches', from('spiffe://cluster.local/ns/shop/sa/a'), 'deny'],
  ];

  it.each(claims.map(([code, change, verdict, workload = {}]) => ({ code, change, verdict, workload })))(
    'is what the evaluator says: $code, $verdict',
    ({ code, change, verdict, workload }) => {
      const { wrong } = section(code);
      const facts = { ...PLAIN_REQUEST, ...change };
      const ref: WorkloadRef = { namespace: 'shop', labels: {}, kind: 'sidecar', ...workload };
      expect(evaluate(compileChain(modelOf(wrong), ref, facts.transport, NEWEST), facts).v).toBe(verdict);
    },
  );

  it('hold for every example on real policy sets, and nothing is too odd to be looked at', () => {
    let examples = 0;
    const codes = new Set<string>();
    for (const line of gunzipSync(readFileSync(CORPUS)).toString('utf8').trim().split('\n')) {
      const set = JSON.parse(line) as { objects: readonly JsonValue[]; mesh: JsonObject };
      const model = buildModel(readJsonObjects(set.objects).objects, readMeshConfig(set.mesh));
      for (const { code, example } of lint(model, NEWEST)) {
        codes.add(code);
        if (example === undefined) continue;
        examples++;
        const chain = compileChain(model, example.workload, example.facts.transport, NEWEST);
        expect(evaluate(chain, example.facts).v).toBe(example.verdict);
      }
    }
    expect(examples).toBeGreaterThan(100);
    expect(codes.size).toBeGreaterThan(12);
  });
});

describe('what is not found', () => {
  const policy = (spec: string): string =>
    `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: example, namespace: shop}\nspec: ${spec}\n`;
  const source = (action: string, text: string): string => policy(`{action: ${action}, rules: [{from: [{source: {${text}}}]}]}`);
  const operation = (action: string, text: string): string =>
    policy(`{action: ${action}, rules: [{to: [{operation: {${text}}}]}]}`);
  const strict =
    'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: shop}\nspec: {mtls: {mode: STRICT}}\n---\n';
  const mesh = (text: string): string => `${text}\n---\n`;
  const both = (...texts: readonly string[]): string => texts.join('---\n');
  const cart =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: cart, namespace: shop, labels: {app: cart}}\nspec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n';

  const misses: readonly (readonly [LintCode, string, string])[] = [
    ['not-without-identity', 'a DENY rule, which means those without one', source('DENY', 'notPrincipals: ["*"]')],
    ['not-without-identity', 'strict mutual TLS', strict + source('ALLOW', 'notNamespaces: [guests]')],
    [
      'not-without-identity',
      'a condition that asks for an identity',
      policy('{rules: [{from: [{source: {notNamespaces: [a]}}], when: [{key: source.principal, values: ["*"]}]}]}'),
    ],
    ['principal-form', 'a pattern', source('ALLOW', 'principals: ["*/sa/front"]')],
    ['namespace-unknown', 'files without Namespaces', both(cart, source('ALLOW', 'namespaces: [elsewhere]'))],
    [
      'namespace-unknown',
      'a pattern that one fits',
      both('apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}\n', source('ALLOW', 'namespaces: ["team-*", "*-a", "*"]')),
    ],
    [
      'account-unknown',
      'a namespace of which the files hold nothing',
      both(cart, source('ALLOW', 'serviceAccounts: [front/front], notRemoteIpBlocks: [10.0.0.0/8]')),
    ],
    ['account-unknown', 'the default account', both(cart, source('ALLOW', 'serviceAccounts: [shop/default, default]'))],
    ['namespace-inner-star', 'a star at an end', source('ALLOW', 'namespaces: ["team-*"]')],
    ['alias-not-expanded', 'a mesh without aliases', source('ALLOW', 'principals: ["cluster.local/ns/shop/*"]')],
    [
      'alias-star-lost',
      'a pattern that no domain of the mesh fits',
      mesh('trustDomain: a\ntrustDomainAliases: [b]') + source('ALLOW', 'principals: ["prod*/ns/shop/sa/front"]'),
    ],
    ['service-account-namespace', 'another namespace', source('ALLOW', 'serviceAccounts: [front]')],
    [
      'request-principal-split',
      'an issuer with a path',
      source('ALLOW', 'requestPrincipals: ["https://idp.example/realms/shop/*"]'),
    ],
    ['request-principal-split', 'any principal of a kind', source('ALLOW', 'requestPrincipals: ["*", "*@example.com"]')],
    [
      'jwt-without-authentication',
      'a rule that also matches without a token',
      policy('{rules: [{from: [{source: {requestPrincipals: ["*"]}}, {source: {namespaces: [shop]}}]}]}'),
    ],
    ['jwt-without-authentication', 'a rule that wants no token', source('DENY', 'notRequestPrincipals: ["*"]')],
    [
      'claim-with-space',
      'a claim that is not split',
      policy('{rules: [{when: [{key: "request.auth.claims[name]", values: ["Ada Lovelace"]}]}]}'),
    ],
    ['method-case', 'a method of their own', operation('DENY', 'methods: [purge]')],
    [
      'literal-star',
      'a star at each of the ends that may have one',
      operation('ALLOW', 'paths: ["/a*", "*b", "*"], hosts: ["*.example.com"]'),
    ],
    ['literal-star', 'a template', operation('ALLOW', 'paths: ["/a/{*}/{**}"]')],
    ['host-without-port', 'an ALLOW rule, which lets in less', operation('ALLOW', 'hosts: [a.example.com]')],
    ['host-without-port', 'a prefix', operation('DENY', 'hosts: ["a.example.com*"]')],
    ['host-prefix-open', 'a port', operation('ALLOW', 'hosts: ["a.example.com:*"]')],
    [
      'header-host-case',
      'a value without letters',
      policy('{action: DENY, rules: [{when: [{key: "request.headers[host]", values: ["10.0.0.1"]}]}]}'),
    ],
    [
      'header-path-query',
      'a prefix',
      policy('{action: DENY, rules: [{when: [{key: "request.headers[:path]", values: ["/admin*"]}]}]}'),
    ],
    [
      'unreachable-path',
      'a path in the form that is compared',
      operation('ALLOW', 'paths: [/a%7Cb, "/x/*", "*/y", "/.well-known/x", "/a/..."]'),
    ],
    [
      'unreachable-path',
      'a mesh that does not normalise',
      mesh('pathNormalization: {normalization: NONE}') + operation('ALLOW', 'paths: ["/a/../b", /a%41]'),
    ],
    ['deny-path-exact', 'a file', operation('DENY', 'paths: [/robots.txt, /health/, /]')],
    ['deny-path-exact', 'an ALLOW rule', operation('ALLOW', 'paths: [/admin]')],
    [
      'deny-path-exact',
      'another rule that denies what is below',
      policy('{action: DENY, rules: [{to: [{operation: {paths: [/admin, /admin/*]}}]}]}'),
    ],
    ['template-character', 'an ALLOW rule', operation('ALLOW', 'paths: ["/files/{**}"]')],
    ['sni-capitals', 'a name in small letters', policy('{rules: [{when: [{key: connection.sni, values: ["*.example.com"]}]}]}')],
    [
      'selector-matches-nothing',
      'a namespace without workloads in the files',
      policy('{selector: {matchLabels: {app: x}}, rules: [{}]}'),
    ],
    [
      'service-port',
      'a port that is a container port as well',
      both(
        cart,
        'apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {selector: {app: cart}, ports: [{port: 80, targetPort: 8080}]}\n',
        operation('DENY', 'ports: ["80"]'),
      ),
    ],
    [
      'http-field-on-tcp',
      'a port that is HTTP',
      both(
        cart,
        'apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {selector: {app: cart}, ports: [{name: http, port: 80}]}\n',
        operation('DENY', 'methods: [GET]'),
      ),
    ],
    [
      'ambient-http-field',
      'a DENY rule of which enough is left',
      `apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}\n---\n${cart}---\n${operation('DENY', 'methods: [GET], ports: ["80"]')}`,
    ],
    [
      'split-rule',
      'alternatives of one form',
      policy('{rules: [{from: [{source: {namespaces: [a]}}]}, {from: [{source: {namespaces: [b]}}]}]}'),
    ],
    [
      'split-rule',
      'whole rules',
      policy(
        '{rules: [{from: [{source: {namespaces: [a]}}], to: [{operation: {methods: [GET]}}]}, {to: [{operation: {paths: [/health]}}]}]}',
      ),
    ],
    [
      'split-operation',
      'alternatives of one form',
      policy('{rules: [{to: [{operation: {paths: [/a]}}, {operation: {paths: [/b]}}]}]}'),
    ],
    ['rule-never-matches', 'some values that are left', source('ALLOW', 'namespaces: ["a*"], notNamespaces: [ab]')],
    [
      'rule-shadowed',
      'an account of another namespace',
      both(
        source('ALLOW', 'serviceAccounts: [a]'),
        source('ALLOW', 'serviceAccounts: [a]').replace('name: example, namespace: shop', 'name: root, namespace: istio-system'),
      ),
    ],
    [
      'rule-shadowed',
      'another selector',
      both(
        policy('{selector: {matchLabels: {app: a}}, rules: [{}]}'),
        policy('{selector: {matchLabels: {app: b}}, rules: [{}]}').replace('name: example', 'name: second'),
      ),
    ],
    [
      'rule-shadowed',
      'a dry run',
      both(
        policy('{action: DENY, rules: [{}]}').replace('metadata: {', 'metadata: {annotations: {istio.io/dry-run: "true"}, '),
        policy('{rules: [{}]}').replace('name: example', 'name: second'),
      ),
    ],
    [
      'rule-shadowed',
      'principals that an alias widens',
      mesh('trustDomain: a\ntrustDomainAliases: [b]') +
        source('ALLOW', 'principals: ["a/*"]') +
        '---\n' +
        source('ALLOW', 'principals: ["a/ns/x/sa/y"]').replace('name: example', 'name: second'),
    ],
    ['provider-unknown', 'a mesh of which no provider is known', policy('{action: CUSTOM, provider: {name: opa}, rules: [{}]}')],
    [
      'jwt-optional',
      'an external authoriser, who may ask for one',
      both(
        'apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: a, namespace: shop}\nspec: {jwtRules: [{issuer: a}]}\n',
        policy('{action: CUSTOM, provider: {name: opa}, rules: [{}]}'),
      ),
    ],
  ];

  it.each(misses)('%s: %s', (code, _what, text) => {
    expect(lint(modelOf(text), NEWEST).filter((finding) => finding.code === code)).toEqual([]);
  });

  it('is a way past one value that another value of the same policy shuts', () => {
    const text =
      mesh('pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}') +
      operation('DENY', 'paths: [/admin, /admin/*], ports: ["8080"]');
    expect(lint(modelOf(text), NEWEST)).toEqual([]);
  });
});

describe('suppression', () => {
  const text = section('spiffe-prefix').wrong;
  const codes = (findings: readonly Finding[]): readonly string[] => findings.map(({ code }) => code);

  it('is by an annotation of the object', () => {
    const annotated = (list: string): string =>
      text.replace('namespace: shop', `namespace: shop, annotations: {fairlead.dev/lint-ignore: "${list}"}`);
    expect(codes(lint(modelOf(annotated('method-case, spiffe-prefix')), NEWEST))).toEqual([]);
    expect(codes(lint(modelOf(annotated('*')), NEWEST))).toEqual([]);
    expect(codes(lint(modelOf(annotated('method-case')), NEWEST))).toEqual(['spiffe-prefix']);
  });

  it('is by a comment on the line or the one before', () => {
    const line = text.split('\n').find((one) => one.includes('spiffe://')) ?? '';
    const rest = (commented: string): readonly string[] =>
      codes(withoutCommented(lint(modelOf(commented), NEWEST), new Map([['a.yaml', commented]])));
    expect(rest(text.replace(line, `${line}   # fairlead: ignore spiffe-prefix`))).toEqual([]);
    expect(rest(text.replace(line, `  # fairlead: ignore spiffe-prefix\n${line}`))).toEqual([]);
    expect(rest(text.replace(line, `${line}   # fairlead: ignore method-case`))).toEqual(['spiffe-prefix']);
    expect(rest(`# fairlead: ignore spiffe-prefix\n${text}`)).toEqual(['spiffe-prefix']);
  });
});

describe('speed', () => {
  it('is bounded on a thousand policies before a thousand workloads', () => {
    const one = (index: number): string => `apiVersion: v1
kind: Pod
metadata: {name: pod-${index}, namespace: ns-${index % 20}, labels: {app: app-${index}}}
spec: {serviceAccountName: sa-${index}, containers: []}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: policy-${index}, namespace: ns-${index % 20}}
spec:
  selector: {matchLabels: {app: app-${index}}}
  action: ${index % 2 === 0 ? 'ALLOW' : 'DENY'}
  rules:
  - from:
    - source: {principals: [cluster.local/ns/ns-${index % 7}/sa/a]}
    to:
    - operation: {paths: [/a/${index}], ports: ["8080"]}
`;
    const model = modelOf(Array.from({ length: 1000 }, (_, index) => one(index)).join('---\n'));
    const before = process.cpuUsage();
    lint(model, NEWEST);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(8000);
  });
});

function from(uri: string): Partial<RequestFacts> {
  return { peer: { uris: [uri], dns: [], subject: '' } };
}

function token(claims: JsonObject): Partial<RequestFacts> {
  const one: TokenFact = { claims, signed: true, in: { header: 'authorization', prefix: 'Bearer ' } };
  return { tokens: [one] };
}

function section(code: LintCode): { readonly wrong: string } {
  const found = PAGE.split(/^### /m).find((text) => text.startsWith(`${code}\n`)) ?? '';
  return { wrong: /^```yaml\n(.*?)^```$/ms.exec(found)?.[1] ?? '' };
}

function modelOf(text: string): MeshModel {
  const reading = readMeshObjects([{ file: 'a.yaml', text }]);
  expect(reading.diagnostics).toEqual([]);
  return buildModel(reading.objects, reading.meshConfigs[0]?.config);
}
