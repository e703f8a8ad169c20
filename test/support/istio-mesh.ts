import type { RequestFacts, TokenFact } from '../../src/istio/facts.ts';
import type { JsonValue } from '../../src/wire/call.ts';

/** A JSON object that tests change as they like. */
export type Json = { [name: string]: JsonValue | Json | readonly (JsonValue | Json)[] };
type Random = () => number;

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T; // the lists here are not empty
}

export function some<T>(random: Random, values: readonly T[], most: number): T[] {
  const count = 1 + Math.floor(random() * most);
  return [...new Set(Array.from({ length: count }, () => pick(random, values)))];
}

/** Values that overlap, so that rules meet, hide and complete each other. */
export const WORDS = {
  principals: [
    'cluster.local/ns/shop/sa/web',
    'cluster.local/ns/shop/sa/cart',
    'cluster.local/ns/ops/*',
    '*/sa/admin',
    'cluster.local/*',
    '*',
  ],
  namespaces: ['shop', 'ops', 'o*', 'dev'],
  serviceAccounts: ['shop/web', 'web', 'ops/admin'],
  requestPrincipals: ['https://idp.example/ada', 'https://idp.example/*', '*', '*/bob'],
  ipBlocks: ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', '192.0.2.0/24', '2001:db8::/32'],
  remoteIpBlocks: ['172.16.0.0/12', '172.16.5.0/24', '203.0.113.9'],
  trustDomains: ['cluster.local', 'other.test', 'cluster*'],
  hosts: ['shop.example', '*.example', 'shop.example:8080', 'SHOP.example'],
  methods: ['GET', 'POST', 'P*', 'DELETE', '*'],
  paths: ['/a', '/a/*', '*/x', '/a/{*}/c', '/{**}/x', '/a/b*', '/a/b/c', '*'],
  ports: ['8080', '9090'],
  headers: ['1', '12', '1*', '*2', '*'],
  groups: ['dev', 'ops', 'd*', '*'],
  sni: ['a.example', '*.example'],
} as const;

const SOURCES = [
  'principals',
  'namespaces',
  'serviceAccounts',
  'requestPrincipals',
  'ipBlocks',
  'remoteIpBlocks',
  'trustDomains',
] as const;
const OPERATIONS = ['hosts', 'methods', 'paths', 'ports'] as const;
const KEYS: readonly (readonly [string, keyof typeof WORDS])[] = [
  ['request.headers[x-a]', 'headers'],
  ['request.headers[x-b]', 'headers'],
  ['request.auth.claims[groups]', 'groups'],
  ['request.auth.claims[scope]', 'groups'],
  ['source.ip', 'ipBlocks'],
  ['remote.ip', 'remoteIpBlocks'],
  ['source.namespace', 'namespaces'],
  ['source.principal', 'principals'],
  ['destination.port', 'ports'],
  ['connection.sni', 'sni'],
];

const LABELS = [{ app: 'cart' }, { app: 'web' }, { tier: 'front' }, undefined] as const;

export function policy(random: Random, name: string): Json {
  const action = pick(random, ['ALLOW', 'ALLOW', 'ALLOW', 'DENY', 'DENY', 'CUSTOM', 'AUDIT']);
  const namespace = pick(random, ['shop', 'shop', 'shop', 'istio-system']);
  const labels = pick(random, LABELS);
  const isPlain = action === 'CUSTOM';
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace, ...(random() < 0.08 && !isPlain ? { annotations: { 'istio.io/dry-run': 'true' } } : {}) },
    spec: {
      ...(labels === undefined ? {} : { selector: { matchLabels: labels } }),
      action,
      ...(isPlain ? { provider: { name: 'opa' } } : {}),
      rules: Array.from({ length: 1 + Math.floor(random() * 3) }, () => rule(random, isPlain)),
    },
  };
}

function rule(random: Random, isPlain: boolean): Json {
  const rule: Json = {};
  const count = () => 1 + Math.floor(random() * 2);
  const sources = isPlain ? (['ipBlocks', 'remoteIpBlocks'] as const) : SOURCES;
  if (random() < 0.7) rule['from'] = Array.from({ length: count() }, () => ({ source: fields(random, sources) }));
  if (random() < 0.7) rule['to'] = Array.from({ length: count() }, () => ({ operation: fields(random, OPERATIONS) }));
  if (random() < 0.4) {
    const keys = isPlain
      ? KEYS.filter(([key]) => /^(?:request\.headers|source\.ip|remote|destination|connection)/.test(key))
      : KEYS;
    const [key, words] = pick(random, keys);
    rule['when'] = [{ key, [random() < 0.75 ? 'values' : 'notValues']: some(random, WORDS[words], 2) }];
  }
  return rule;
}

function fields(random: Random, names: readonly (keyof typeof WORDS)[]): Json {
  const result: Json = {};
  for (const name of some(random, names, 2)) {
    const field = random() < 0.75 ? name : `not${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    result[field] = some(random, WORDS[name], 3);
  }
  // Istio refuses the two together.
  if (Object.keys(result).some((name) => /serviceAccounts/i.test(name))) {
    for (const name of ['principals', 'notPrincipals', 'namespaces', 'notNamespaces']) delete result[name];
  }
  return result;
}

/** Two workloads of one namespace, a token's issuer, and some policies. */
export function mesh(random: Random): Json[] {
  const objects: Json[] = [deployment('cart', { app: 'cart' }), deployment('web', { app: 'web', tier: 'front' })];
  if (random() < 0.7) objects.push(requestAuthentication(random));
  if (random() < 0.3) objects.push(peerAuthentication(random));
  const count = 1 + Math.floor(random() * 5);
  for (let index = 0; index < count; index += 1) objects.push(policy(random, `p${index}`));
  return objects;
}

export const CONFIG = {
  extensionProviders: [
    { name: 'opa', envoyExtAuthzGrpc: { service: 'opa.opa.svc.cluster.local', port: 9191 } },
    { name: 'gate', envoyExtAuthzHttp: { service: 'gate.opa.svc.cluster.local', port: 80 } },
  ],
};

function deployment(name: string, labels: Json): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      template: {
        metadata: { labels },
        spec: { serviceAccountName: name, containers: [{ name: 'main', ports: [{ containerPort: 8080 }] }] },
      },
    },
  };
}

function requestAuthentication(random: Random): Json {
  const rule = (issuer: string): Json => ({
    issuer,
    jwks: '{"keys":[]}',
    ...(random() < 0.3 ? { audiences: some(random, ['a', 'b'], 2) } : {}),
  });
  const rules = [rule('https://idp.example'), ...(random() < 0.3 ? [rule('https://other.example')] : [])];
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    metadata: { name: 'jwt', namespace: 'shop' },
    spec: { jwtRules: rules },
  };
}

function peerAuthentication(random: Random): Json {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: 'shop' },
    spec: { mtls: { mode: pick(random, ['STRICT', 'PERMISSIVE']) } },
  };
}

/** A request whose parts are near what the rules speak of. */
export function request(random: Random, transport: 'http' | 'tcp'): RequestFacts {
  const isHttp = transport === 'http';
  const uri = pick(random, [
    ...[
      'cluster.local/ns/shop/sa/web',
      'cluster.local/ns/shop/sa/cart',
      'cluster.local/ns/ops/sa/admin',
      'cluster.local/ns/ops/sa/bot',
    ],
    ...['cluster.local/ns/dev/sa/admin', 'other.test/ns/shop/sa/web', 'other.test/ns/x/sa/y', 'td-old/ns/shop/sa/web'],
  ]);
  const peer = pick(random, [
    undefined,
    { uris: [`spiffe://${uri}`], dns: [], subject: '' },
    { uris: [`spiffe://${uri}`], dns: [], subject: '' },
    { uris: [], dns: ['a.example'], subject: '' },
  ]);
  const headers: [string, string][] = [];
  for (const name of ['x-a', 'x-b']) if (isHttp && random() < 0.5) headers.push([name, pick(random, ['1', '12', '2', '', '13'])]);
  const directIp = pick(random, ['10.1.2.3', '10.1.9.9', '10.9.9.9', '192.0.2.7', '198.51.100.1', '2001:db8::1']);
  return {
    transport,
    protocol: 'h2',
    method: isHttp ? pick(random, ['GET', 'POST', 'PUT', 'DELETE', 'HEAD']) : '',
    authority: isHttp ? pick(random, ['shop.example', 'shop.example:8080', 'other.example', 'a.test']) : '',
    path: isHttp
      ? pick(random, [
          '/a',
          '/a/b',
          '/a/b/c',
          '/a/q/c',
          '/x',
          '/q/x',
          '/a/x',
          '/',
          '/a/',
          '/zz',
          '/a//b',
          '/z/../a',
          '/a/%62',
          '/a/b[c',
        ])
      : '',
    headers,
    tokens: isHttp && random() < 0.6 ? [token(random)] : [],
    peer,
    sni: pick(random, [undefined, 'a.example', 'b.test']),
    directIp,
    remoteIp: pick(random, ['172.16.5.1', '172.16.9.9', '203.0.113.9', '198.51.100.2']),
    localIp: '192.0.2.2',
    localPort: pick(random, [8080, 9090, 7070]),
    metadata: {},
    now: 1_760_000_000,
  };
}

function token(random: Random): TokenFact {
  const group = pick(random, ['dev', 'ops', 'd2', '', ['dev', 'x'], ['q'], undefined]);
  const claims: Record<string, JsonValue> = {
    iss: pick(random, ['https://idp.example', 'https://idp.example', 'https://other.example', 'https://stranger.example']),
    sub: pick(random, ['ada', 'bob', 'eve']),
  };
  if (group !== undefined) claims['groups'] = group;
  if (random() < 0.5) claims['aud'] = pick(random, ['a', 'b', 'c']);
  if (random() < 0.4) claims['scope'] = pick(random, ['dev', 'ops dev', 'none']);
  return { claims, signed: random() < 0.85, in: { header: 'authorization', prefix: 'Bearer ' } };
}
