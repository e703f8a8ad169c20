import type { Case, CaseRequest, ExtensionProvider, Identities, KubernetesObject, Mesh, Token } from '../case.ts';
import {
  ensureClaims,
  type Facts,
  LOCAL_PORTS,
  plainFacts,
  requestOf,
  type Surroundings,
  type TokenChoices,
  tcpRequestOf,
} from './facts.ts';
import { mutate } from './mutation.ts';
import { type Action, makePolicy, type Placement, type Plan, type PlannedPolicy, type Term } from './policy.ts';
import { Random } from './random.ts';

/** Changes whenever the same seed gives other cases. */
export const GENERATOR_VERSION = 2;

interface MakeOptions {
  readonly seed: number;
  readonly index: number;
  readonly identities: Identities;
  readonly isCrowded: boolean;
}

const REQUESTS = 24;
const FAR_FUTURE = 4_102_444_800;
const LONG_AGO = 946_684_800;

/** Set number `index` of `seed`: objects, and requests made from their own values and then moved by one step or none. */
export function makeCase(seed: number, index: number, identities: Identities): Case {
  return make({ seed, index, identities, isCrowded: false });
}

/** A set with many rules of one action: proxies read them in order, an evaluator may look them up. */
export function makeCrowd(seed: number, index: number, identities: Identities): Case {
  return make({ seed, index, identities, isCrowded: true });
}

function make({ seed, index, identities, isCrowded }: MakeOptions): Case {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const kind = random.weighted<'sidecar' | 'gateway' | 'waypoint'>([
    [7, 'sidecar'],
    [1.5, 'gateway'],
    [1.5, 'waypoint'],
  ]);
  const isTcpMinded = kind !== 'waypoint' && random.chance(0.14);
  const providers: ExtensionProvider[] = [];
  const policies = isCrowded ? crowd(random, kind) : makePolicies(random, kind, isTcpMinded, providers);
  const terms = policies.flatMap(({ plans }) => plans.flatMap(termsOf));
  const authentication = makeAuthentication(random, kind, terms);
  const trustDomain = random.pick(['cluster.local', 'cluster.local', 'td1', 'new-td']);
  const trustDomainAliases = random.some(
    ['old-td', 'td1', 'foobar', 'x-td'],
    random.weighted([
      [5, 0],
      [3, 1],
      [2, 2],
    ]),
  );
  const mesh = makeMesh(
    random,
    trustDomain,
    trustDomainAliases.filter((alias) => alias !== trustDomain),
    providers,
  );
  const workload = {
    namespace: 'foo',
    labels: kind === 'waypoint' ? GATEWAY_LABEL('waypoint') : { ...LABELS, ...(kind === 'gateway' ? GATEWAY_LABEL('gw') : {}) },
    ...(kind === 'sidecar' ? {} : { kind }),
  };
  const surroundings: Surroundings = {
    identities: kind === 'waypoint' ? onlySingleUri(identities) : identities,
    trustDomains: [trustDomain, ...trustDomainAliases],
    issuers: authentication.issuers,
  };
  const plans = policies.flatMap((policy) => policy.plans);
  const requests = Array.from({ length: REQUESTS }, () =>
    makeRequest({ random, kind, isTcpMinded, plans, surroundings, authentication, providers }),
  );
  return {
    id: `${isCrowded ? 'c' : 'g'}${GENERATOR_VERSION}-${seed}-${String(index).padStart(5, '0')}`,
    mesh,
    workload,
    ...(kind === 'waypoint' ? { service: { name: 'httpbin', namespace: 'foo' }, useFilterState: true } : {}),
    ...(kind === 'gateway' && random.chance(0.8) ? { xffNumTrustedHops: random.pick([0, 1, 1, 2]) } : {}),
    objects: [...policies.map(({ object }) => object), ...authentication.objects],
    requests,
  };
}

const LABELS = { app: 'httpbin', version: 'v1' };
const GATEWAY_LABEL = (name: string) => ({ 'gateway.networking.k8s.io/gateway-name': name });

function makeMesh(
  random: Random,
  trustDomain: string,
  trustDomainAliases: readonly string[],
  extensionProviders: readonly ExtensionProvider[],
): Mesh {
  const normalization = random.weighted([
    [4, undefined],
    [1, 'DEFAULT'],
    [2, 'BASE'],
    [2, 'NONE'],
    [2, 'MERGE_SLASHES'],
    [2, 'DECODE_AND_MERGE_SLASHES'],
  ]);
  return {
    rootNamespace: 'istio-system',
    trustDomain,
    trustDomainAliases,
    ...(normalization === undefined ? {} : { pathNormalization: { normalization } }),
    ...(extensionProviders.length === 0 ? {} : { extensionProviders }),
  };
}

function makePolicies(random: Random, kind: string, isTcpMinded: boolean, providers: ExtensionProvider[]): PlannedPolicy[] {
  const count = random.weighted([
    [5, 1],
    [3, 2],
    [1.5, 3],
    [0.5, 4],
  ]);
  return Array.from({ length: count }, (_, at) => {
    const action = random.weighted<Action>([
      [4, 'ALLOW'],
      [4, 'DENY'],
      [0.7, 'AUDIT'],
      [1.3, 'CUSTOM'],
    ]);
    const provider = action === 'CUSTOM' ? chooseProvider(random, providers) : undefined;
    // The first policy always attaches: a set without any would only say "allow".
    const placement = at === 0 ? homePlacement(random, kind) : anyPlacement(random, kind);
    return makePolicy(random, {
      name: `p${at}`,
      action,
      isTcpMinded,
      placement,
      ...(provider === undefined ? {} : { provider }),
    });
  });
}

function crowd(random: Random, kind: string): PlannedPolicy[] {
  const action = random.pick<Action>(['ALLOW', 'DENY']);
  return Array.from({ length: 3 }, (_, at) =>
    makePolicy(random, { name: `p${at}`, action, isTcpMinded: false, placement: homePlacement(random, kind), ruleCount: 12 }),
  );
}

function homePlacement(random: Random, kind: string): Placement {
  if (kind === 'waypoint') {
    return random.chance(0.2)
      ? {
          namespace: 'istio-system',
          attachment: refs([{ group: 'gateway.networking.k8s.io', kind: 'GatewayClass', name: 'istio-waypoint' }]),
        }
      : { namespace: 'foo', attachment: refs([{ group: '', kind: 'Service', name: 'httpbin' }]) };
  }
  if (kind === 'gateway' && random.chance(0.5)) {
    return { namespace: 'foo', attachment: refs([{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gw' }]) };
  }
  const attachment = random.pick<Placement['attachment']>([
    {},
    {},
    {},
    { selector: { matchLabels: { app: 'httpbin' } } },
    { selector: {} },
  ]);
  return { namespace: random.chance(0.12) ? 'istio-system' : 'foo', attachment };
}

function anyPlacement(random: Random, kind: string): Placement {
  if (random.chance(0.5)) return homePlacement(random, kind);
  const targets = [
    { group: '', kind: 'Service', name: 'httpbin' },
    { kind: 'Service', name: 'other' },
    { group: 'core', kind: 'Service', name: 'httpbin' },
    { group: 'networking.istio.io', kind: 'ServiceEntry', name: 'httpbin' },
    { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gw' },
    { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'waypoint' },
    { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gw', namespace: 'bar' },
    { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gw', namespace: 'foo' },
    { group: 'gateway.networking.k8s.io', kind: 'GatewayClass', name: 'istio-waypoint' },
    { group: 'gateway.networking.k8s.io', kind: 'GatewayClass', name: 'istio' },
    { group: 'wrong.group', kind: 'Gateway', name: 'gw' },
  ];
  const attachment = random.weighted<Placement['attachment']>([
    [3, {}],
    [1, { selector: { matchLabels: { app: 'httpbin' } } }],
    [1, { selector: { matchLabels: { app: 'httpbin', version: 'v1' } } }],
    [0.7, { selector: { matchLabels: { app: 'other' } } }],
    [0.7, { selector: { matchLabels: { app: 'httpbin', version: 'v2' } } }],
    [0.5, { selector: { matchLabels: {} } }],
    [kind === 'sidecar' ? 0.4 : 3, refs(random.some(targets, random.between(1, 2)))],
    [kind === 'sidecar' ? 0.2 : 1, { targetRef: random.pick(targets) }],
  ]);
  return {
    namespace: random.weighted([
      [6, 'foo'],
      [2, 'istio-system'],
      [1, 'bar'],
    ]),
    attachment,
  };
}

function refs(targetRefs: readonly Record<string, string>[]): Placement['attachment'] {
  return { targetRefs };
}

/** Mostly one provider a set: more than one turns every CUSTOM rule into a denial. */
function chooseProvider(random: Random, providers: ExtensionProvider[]): string {
  const [first] = providers;
  if (first !== undefined && random.chance(0.8)) return first.name;
  const provider = random.weighted<ExtensionProvider | undefined>([
    [4, { name: 'ext-grpc', envoyExtAuthzGrpc: { service: 'foo/ext-authz.foo.svc.cluster.local', port: 9000, timeout: '15s' } }],
    [
      4,
      {
        name: 'ext-http',
        envoyExtAuthzHttp: {
          ...{ service: 'foo/ext-authz-http.foo.svc.cluster.local', port: 8000, timeout: '15s' },
          ...{ includeRequestHeadersInCheck: ['x-ext'], headersToDownstreamOnDeny: ['x-asked'] },
        },
      },
    ],
    [
      1,
      {
        name: 'ext-dead',
        envoyExtAuthzGrpc: { service: 'foo/ext-dead.foo.svc.cluster.local', port: 9000, timeout: '1s', statusOnError: '503' },
      },
    ],
    [
      1,
      {
        name: 'ext-deadopen',
        envoyExtAuthzGrpc: { service: 'foo/ext-dead.foo.svc.cluster.local', port: 9000, timeout: '1s', failOpen: true },
      },
    ],
    [0.3, { name: 'ext-port', envoyExtAuthzGrpc: { service: 'foo/ext-authz.foo.svc.cluster.local', port: 999_999 } }],
    [0.3, { name: 'Ext_Name', envoyExtAuthzGrpc: { service: 'foo/ext-authz.foo.svc.cluster.local', port: 9000 } }],
    [
      0.3,
      {
        name: 'ext-status',
        envoyExtAuthzGrpc: { service: 'foo/ext-authz.foo.svc.cluster.local', port: 9000, statusOnError: '999' },
      },
    ],
    [1, undefined],
  ]);
  if (provider === undefined) return 'nope';
  if (!providers.some(({ name }) => name === provider.name)) providers.push(provider);
  return provider.name;
}

const CLAIM_HEADERS = [
  { header: 'x-role', claim: 'group' },
  { header: 'X-Role', claim: 'a.b' },
  { header: 'x-role', claim: 'sub' },
  { header: 'x-team', claim: 'roles' },
  { header: 'x-empty', claim: 'n' },
  { header: 'x-empty', claim: 'n' },
  { header: 'x-team', claim: 'a' },
];

interface Authentication {
  readonly objects: readonly KubernetesObject[];
  readonly issuers: readonly string[];
  /** Where the rules look for tokens. */
  readonly places: readonly Pick<Token, 'header' | 'prefix'>[];
}

function makeAuthentication(random: Random, kind: string, terms: readonly Term[]): Authentication {
  const isNeeded = terms.some(({ field }) => field.needsToken === true);
  if (!isNeeded && !random.chance(0.2)) return { objects: [], issuers: ['https://idp.example'], places: [{}] };
  const written = terms
    .filter(({ field }) => field.key === 'request.auth.principal')
    .flatMap(({ positive, negative }) => [...positive, ...negative]);
  const parts = written
    .filter((value) => value.includes('/'))
    .map((value) => value.slice(0, value.lastIndexOf('/')).replaceAll('*', ''));
  const issuers = [...new Set(['https://idp.example', 'issuer-x', ...parts])].filter((issuer) => issuer !== '');
  const places: Pick<Token, 'header' | 'prefix'>[] = [];
  const isPlain = random.chance(0.7);
  const rules = issuers.map((issuer) => {
    const place = isPlain
      ? undefined
      : random.weighted([
          [3, undefined],
          [1, 'header'],
          [1, 'bare'],
          [1, 'cookie'],
          [0.5, 'params'],
        ]);
    places.push(
      place === 'header'
        ? { header: 'x-token', prefix: 'Tok ' }
        : place === 'bare'
          ? { header: 'x-jwt', prefix: '' }
          : place === 'cookie'
            ? { header: 'cookie', prefix: 'session=' }
            : {},
    );
    return {
      issuer,
      jwks: '@JWKS',
      ...(place === 'header' ? { fromHeaders: [{ name: 'x-token', prefix: 'Tok ' }] } : {}),
      ...(place === 'bare' ? { fromHeaders: [{ name: 'x-jwt' }] } : {}),
      ...(place === 'cookie' ? { fromCookies: ['session'] } : {}),
      ...(place === 'params' ? { fromParams: ['token'] } : {}),
      ...(!isPlain && random.chance(0.25) ? { audiences: random.some(['api', 'web', 'other'], random.between(1, 2)) } : {}),
      ...(!isPlain && random.chance(0.2) ? { spaceDelimitedClaims: ['group', 'roles'] } : {}),
      ...(!isPlain && random.chance(0.2) ? { forwardOriginalToken: true } : {}),
      ...(!isPlain && random.chance(0.2) ? { outputPayloadToHeader: 'X-Payload' } : {}),
      ...(!isPlain && random.chance(0.3) ? { outputClaimToHeaders: random.some(CLAIM_HEADERS, random.between(1, 2)) } : {}),
    };
  });
  if (random.chance(0.1)) rules.push({ ...random.pick(rules), audiences: ['api'] });
  const target = kind === 'waypoint' ? refs([{ group: '', kind: 'Service', name: 'httpbin' }]) : {};
  const isRoot = kind !== 'waypoint' && random.chance(0.1);
  return {
    issuers,
    places,
    objects: [
      {
        apiVersion: 'security.istio.io/v1',
        kind: 'RequestAuthentication',
        metadata: { name: 'ra', namespace: isRoot ? 'istio-system' : 'foo' },
        spec: {
          jwtRules: rules,
          ...(random.chance(0.05) && kind !== 'waypoint' ? { selector: { matchLabels: { app: 'other' } } } : target),
        },
      },
    ],
  };
}

interface Making {
  readonly random: Random;
  readonly kind: string;
  readonly isTcpMinded: boolean;
  readonly plans: readonly Plan[];
  readonly surroundings: Surroundings;
  readonly authentication: Authentication;
  readonly providers: readonly ExtensionProvider[];
}

function makeRequest({ random, kind, isTcpMinded, plans, surroundings, authentication, providers }: Making): CaseRequest {
  const facts = plainFacts(random);
  const plan = plans.length === 0 ? undefined : random.pick(plans);
  if (plan !== undefined && random.chance(0.92)) {
    for (const terms of [
      plan.sources.length > 0 ? random.pick(plan.sources) : [],
      plan.operations.length > 0 ? random.pick(plan.operations) : [],
      plan.conditions,
    ]) {
      for (const { field, positive } of terms) {
        if (positive.length > 0) field.fit(random.pick(positive), facts, random, surroundings);
      }
    }
    if (random.chance(0.5)) mutate(facts, plan, random, surroundings);
    if (random.chance(0.08)) mutate(facts, plan, random, surroundings);
  } else if (random.chance(0.5)) disturb(facts, random, surroundings);
  const name = Object.keys(surroundings.identities);
  if (kind === 'waypoint' && facts.peer !== null && !name.includes(facts.peer)) facts.peer = random.pick(name);
  // On a waypoint the identity comes from the tunnel, of which a TCP chain alone knows nothing.
  if (kind !== 'waypoint' && random.chance(isTcpMinded ? 0.6 : 0.08)) return tcpRequestOf(facts);
  if (random.chance(0.02)) addPreflight(facts, random);
  if (random.chance(0.05)) addForwarded(facts, random);
  if (random.chance(0.02))
    facts.path += random.pick([
      '?access_token=junk',
      '?token=x.y.z',
      '?token=',
      '?a=1&token=junk&token=other',
      '?access_token',
      '?=x&token=junk',
      '?tok%65n=x.y.z',
      '?token=x%2Ey',
    ]);
  if (random.chance(0.025)) random.pick(ODDITIES)(facts);
  if (providers.length > 0 && random.chance(0.6)) facts.headers.push(['x-ext', random.pick(['deny', 'allow', 'deny', 'DENY'])]);
  return requestOf(facts, tokenChoices(facts, random, surroundings, authentication));
}

/** Who came through before, as clients and proxies write it, and as nobody should. */
function addForwarded(facts: Facts, random: Random): void {
  const texts = [
    ...[
      '10.1.2.3',
      '10.1.2.3,',
      ',10.1.2.3',
      '203.0.113.9, 10.1.0.9',
      '10.1.2.3, 192.168.1.7, 203.0.113.9',
      '2001:db8::7',
      'x, 10.1.2.3',
    ],
    ...[
      '10.1.2.3,x',
      '',
      ' ',
      '[2001:db8::7]',
      '10.1.2.3:80',
      '2001:db8:0:0:0:0:0:7',
      '::ffff:10.1.2.3',
      '1::2::3',
      '10.1.2.3 10.1.0.9',
    ],
  ];
  facts.headers.push(['x-forwarded-for', random.pick(texts)]);
  if (random.chance(0.15)) facts.headers.push(['x-forwarded-for', random.pick(texts)]);
}

/** Requests that few clients send and every proxy gets. */
const ODDITIES: readonly ((facts: Facts) => void)[] = [
  (facts) => Object.assign(facts, { method: 'OPTIONS', path: '*', isHttp2: false }),
  (facts) => Object.assign(facts, { method: 'CONNECT', path: facts.authority, isHttp2: false }),
  (facts) => Object.assign(facts, { path: `http://${facts.authority}`, isHttp2: false }),
  (facts) => Object.assign(facts, { path: `http://api.internal${facts.path}`, isHttp2: false }),
  (facts) => Object.assign(facts, { path: `//api.internal${facts.path}` }),
  (facts) => Object.assign(facts, { path: `http://${facts.authority.replace(/:.*/, '')}:65535${facts.path}`, isHttp2: false }),
  (facts) => Object.assign(facts, { path: `http://${facts.authority.replace(/:.*/, '')}:65536${facts.path}`, isHttp2: false }),
  (facts) => Object.assign(facts, { path: `https://${facts.authority}${facts.path}`, isHttp2: false }),
  (facts) =>
    Object.assign(facts, { path: `https://${facts.authority}${facts.path}`, isHttp2: false, peer: null, sni: undefined }),
  (facts) => Object.assign(facts, { method: 'CONNECT', path: 'example.com:65535', isHttp2: false }),
  (facts) => Object.assign(facts, { method: 'CONNECT', path: 'example.com:443', isHttp2: false }),
  (facts) => Object.assign(facts, { method: 'CONNECT', path: '', isHttp2: false }),
  (facts) => Object.assign(facts, { method: 'QUERY' }),
  (facts) => Object.assign(facts, { authority: '', isHttp2: false }),
  (facts) => Object.assign(facts, { authority: 'a b', isHttp2: false }),
  (facts) => Object.assign(facts, { path: '' }),
  (facts) => Object.assign(facts, { path: '?q=1' }),
  (facts) => Object.assign(facts, { method: 'G T', isHttp2: false }),
];

/** A preflight passes the token filter whatever token it carries. */
function addPreflight(facts: Facts, random: Random): void {
  facts.method = random.chance(0.8) ? 'OPTIONS' : 'GET';
  const fields: [string, string][] = [
    ['origin', random.pick(['https://app.example', ''])],
    ['access-control-request-method', random.pick(['GET', ''])],
  ];
  facts.headers.push(...random.some(fields, random.chance(0.8) ? 2 : 1));
}

function disturb(facts: Facts, random: Random, surroundings: Surroundings): void {
  facts.peer = random.chance(0.5) ? null : random.pick(Object.keys(surroundings.identities));
  facts.localPort = random.pick(LOCAL_PORTS);
  if (random.chance(0.4)) ensureClaims(facts, surroundings, random);
}

const RAW_TOKENS = [
  rawToken('{"alg":"ES256"}', '[]'),
  rawToken('[]', '{}'),
  rawToken('{"alg":"none"}', '{"iss":"issuer-x","sub":"alice"}'),
  rawToken('{"typ":"JWT"}', '{}'),
  rawToken('{"alg":"ES256","kid":7}', '{}'),
  rawToken('{"alg":"ES256"}', 'null'),
  rawToken('{"alg":"ES256"}', '"text"'),
  rawToken('{"alg":"ES256"}', '{"iss":'),
  `${rawToken('{"alg":"ES256"}', '{}')}.x`,
  `x${rawToken('{"alg":"ES256"}', '{}')}`,
  `${rawToken('{"alg":"ES256"}', '{}')} trailing`,
  rawToken('{"alg":"ES256"}', '{"iss":"https://evil.example"}'),
];

/** A token whose signature nobody made. */
function rawToken(header: string, payload: string): string {
  return `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}.AAAA`;
}

/** Where the token stands, and what is wrong with it if anything is. */
function tokenChoices(
  facts: Facts,
  random: Random,
  surroundings: Surroundings,
  { places, issuers }: Authentication,
): TokenChoices {
  if (facts.claims === undefined) {
    if (random.chance(0.03))
      facts.headers.push([
        'authorization',
        random.pick([
          'Bearer junk',
          'bearer x.y.z',
          'Basic abc',
          'Bearer ',
          'Bearer a.b.c',
          'Bearer',
          ...RAW_TOKENS.map((token) => `Bearer ${token}`),
        ]),
      ]);
    return { token: {} };
  }
  if (random.chance(0.1))
    facts.claims['exp'] = random.pick([FAR_FUTURE, FAR_FUTURE, LONG_AGO, 'soon', -1, 0, 2.5, 1e20, 2 ** 64]);
  if (random.chance(0.03)) facts.claims['nbf'] = random.pick([FAR_FUTURE, LONG_AGO]);
  if (random.chance(0.15))
    facts.claims['n'] = random.pick<unknown>([7, -1, 2.5, true, false, null, '', [1], { a: 1 }, 1e20, 'a', 'caf\u00e9', []]);
  if (random.chance(0.1) && facts.claims['aud'] === undefined)
    facts.claims['aud'] = random.pick<unknown>(['api', ['web', 'x'], 'zz', 7]);
  const place = places[issuers.indexOf(String(facts.claims['iss']))] ?? {};
  const token: Partial<Token> = {
    ...(random.chance(0.9) ? place : random.pick(places)),
    ...(random.chance(0.05) ? { key: 'bad' as const } : {}),
  };
  if (!random.chance(0.05)) return { token };
  const second: Token = {
    claims: { iss: random.pick(surroundings.issuers), sub: random.pick(['bob', 'carol']) },
    ...random.pick(places),
    ...(random.chance(0.3) ? { key: 'bad' as const } : {}),
  };
  return { token, second };
}

function termsOf(plan: Plan): Term[] {
  return [...plan.sources.flat(), ...plan.operations.flat(), ...plan.conditions];
}

/** A waypoint sees one name of its caller. */
function onlySingleUri(identities: Identities): Identities {
  return Object.fromEntries(Object.entries(identities).filter(([, { uri, dns }]) => uri?.length === 1 && dns === undefined));
}
