import type { Case, CaseRequest, ExtensionProvider, HttpRequest, Identities, KubernetesObject, Mesh } from '../case.ts';
import { ADDRESS_TEXTS, AUDIENCES, CLAIM_VALUES, PATH_TEXTS, RAW_TOKENS, TIMES } from './edge-texts.ts';

type Change = Partial<Omit<HttpRequest, 'kind'>>;

/**
 * Sets that are written, not drawn: texts at the edge of what a place can hold, each on its own in a request. Chance seldom finds
 * them, and an evaluator that reads them wrong is wrong nowhere else.
 */
export function makeEdges(identities: Identities): Case[] {
  return [
    ...paths(),
    ...addresses(),
    ...targets(),
    ...claims(),
    ...tokens(),
    ...domains(identities),
    ...accounts(identities),
    ...providers(),
    ...headers(),
    ...waypoints(),
    ...tokenTexts(),
    ...bytes(),
    ...schemes(),
    ...claimNames(),
    ...payloads(),
    ...principals(),
    ...hosts(),
  ];
}

const MODES = ['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'];

/** Denies one path, so that a verdict shows every other as it was normalised. */
function paths(): Case[] {
  return MODES.map((normalization) =>
    set(`path-${normalization}`, {
      mesh: { pathNormalization: { normalization } },
      objects: [policy('DENY', [{ to: [{ operation: { paths: ['/a/b', '/a'] } }] }])],
      requests: PATH_TEXTS.flatMap((path) => [http({ path }), http({ path, protocol: 'h2' })]),
    }),
  );
}

/** Entries of `x-forwarded-for`: the answer says which address was matched. */
function addresses(): Case[] {
  const requests = ADDRESS_TEXTS.map((text) => http({ headers: [['x-forwarded-for', text]] }));
  const blocks = [
    '::/128',
    '::1',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:102:304/127',
    '1.2.3.4/31',
    '0.0.0.0',
    '255.255.255.255',
    'fe80::1%eth0',
  ];
  const objects = [
    policy(
      'DENY',
      [...blocks, '1::%', '%1::', '1.2.3.4%1', '1::/8/8'].map((block) => ({ from: [{ source: { remoteIpBlocks: [block] } }] })),
    ),
  ];
  return [
    set('address', { objects, requests }),
    ...[0, 1, 2].map((hops) =>
      set(`address-gateway-${hops}`, { kind: 'gateway', hops, objects, requests: requests.slice(0, 60) }),
    ),
  ];
}

/** The scheme of absolute targets. */
function targets(): Case[] {
  const secure = ['http', 'https', 'HTTPS'].flatMap((scheme) => [
    http({ path: `${scheme}://a/` }),
    http({ path: `${scheme}://a/`, peer: 'sleep-foo' }),
    http({ path: `${scheme}://a/`, peer: 'sleep-foo', sni: 'a' }),
  ]);
  return [
    set('scheme', { objects: [policy('DENY', [header(':scheme', 'https')])], requests: secure }),
    ...[0, 1].map((hops) =>
      set(`scheme-gateway-${hops}`, {
        kind: 'gateway',
        hops,
        objects: [policy('DENY', [header(':scheme', 'https')])],
        requests: secure,
      }),
    ),
  ];
}

/** Headers that are made of claims, one rule for each text that may come of them. */
function claims(): Case[] {
  const texts = [...new Set(CLAIM_VALUES.map(([, text]) => text))].filter((text) => text !== '');
  const authentication = (claim: string) =>
    tokenRules([{ issuer: 'issuer-x', outputClaimToHeaders: [{ header: 'X-N', claim }], spaceDelimitedClaims: ['words'] }]);
  const requests = (wrap: (value: unknown) => unknown) => [
    ...CLAIM_VALUES.map(([value]) => http({ jwt: { claims: { iss: 'issuer-x', sub: 'a', n: wrap(value) } } })),
    http({ jwt: { claims: { iss: 'issuer-x', sub: 'a' } } }),
  ];
  const rules = (from: number, to: number) => [...texts.slice(from, to).map((text) => header('x-n', text)), header('x-n', '*')];
  return [
    set('claim-1', { objects: [policy('DENY', rules(0, 10)), authentication('n')], requests: requests((value) => value) }),
    set('claim-2', { objects: [policy('DENY', rules(10, 99)), authentication('n')], requests: requests((value) => value) }),
    set('claim-3', {
      objects: [policy('DENY', rules(0, 5)), authentication('n.m')],
      requests: [...requests((value) => value), ...requests((m) => ({ m })), ...requests((m) => [{ m }])],
    }),
    set('claim-words', {
      objects: [
        policy(
          'DENY',
          ['', ' ', 'a', 'a b', '*a', 'a*', '*'].map((text) => ({
            when: [{ key: 'request.auth.claims[words]', values: [text] }],
          })),
        ),
        authentication('n'),
      ],
      requests: ['', ' ', 'a', 'a b', ' b  a ', 'xa', 'ax', ['a b'], [''], 7, null, ['x', 7, 'a'], [['a']], { a: 'a' }].map(
        (words) => http({ jwt: { claims: { iss: 'issuer-x', sub: 'a', words } } }),
      ),
    }),
  ];
}

function tokens(): Case[] {
  const objects = (rules: readonly Record<string, unknown>[]) => [
    policy('DENY', [
      { when: [{ key: 'request.auth.claims[sub]', values: ['a'] }] },
      header('authorization', '*'),
      header('x-t', '*'),
    ]),
    tokenRules(rules),
  ];
  const one = { issuer: 'issuer-x' };
  const other = { issuer: 'https://idp.example' };
  const bearer = RAW_TOKENS.map((token) => http({ headers: [['authorization', `Bearer ${token}`]] }));
  const claims = TIMES.flatMap((extra) => [
    http({ jwt: { claims: { iss: 'issuer-x', sub: 'a', ...extra } } }),
    http({ jwt: { claims: { iss: 'https://idp.example', sub: 'a', ...extra }, key: 'bad' } }),
  ]);
  const places = [
    { ...one, fromHeaders: [{ name: 'X-T', prefix: 'Tok ' }, { name: 'x-t' }], fromParams: ['p', 'a'], fromCookies: ['s', 'b'] },
    { ...other, fromHeaders: [{ name: 'authorization', prefix: 'Bearer ' }] },
  ];
  const raw = RAW_TOKENS[0] ?? '';
  const lines: Change[] = [
    ...['Tok x', 'x Tok y', 'Tok', '', 'y', 'Tok   z', 'Tok ,;z', `Tok ${raw}`, raw].map(
      (value): Change => ({ headers: [['x-t', value]] }),
    ),
    ...[
      'p=x',
      'a=y',
      'p=',
      'p',
      'p=x&a=y',
      '&p=x',
      'p=x&p=y',
      '%70=x',
      `p=${raw}`,
      'P=x',
      'xp=x',
      'p==x',
      'p=x#y',
      '=p',
      'a?p=x',
    ].map((query): Change => ({ path: `/x?${query}` })),
    ...[
      's=x',
      'b=y',
      's=',
      's',
      'c=1; s=x',
      's="x"',
      `s="${raw}"`,
      's=x; s=y',
      'c=1;s=x',
      ' s=x',
      'S=x',
      'xs=x',
      's="x',
      `s=${raw}`,
    ].map((cookie): Change => ({ headers: [['cookie', cookie]] })),
    {
      headers: [
        ['cookie', 's=x'],
        ['cookie', 'b=y'],
      ],
    },
    {
      headers: [
        ['cookie', ''],
        ['cookie', 's=x'],
      ],
      protocol: 'h2',
    },
    {
      headers: [
        ['cookie', 'c=1'],
        ['cookie', 's=x'],
      ],
      protocol: 'h2',
    },
  ];
  const signed = (header: string, prefix: string, iss: string, headers: HttpRequest['headers'] = []) =>
    http({ headers, jwt: { claims: { iss, sub: 'a' }, header, prefix } });
  return [
    set('token-unnamed', {
      objects: objects([{ issuer: '' }, { ...one, audiences: ['api'] }]),
      requests: [undefined, 'api', 'x'].flatMap((aud) =>
        ['issuer-x', 'https://idp.example', ''].map((iss) =>
          http({ jwt: { claims: { iss, sub: 'a', ...(aud === undefined ? {} : { aud }) } } }),
        ),
      ),
    }),
    set('token-one', { objects: objects([one]), requests: [...bearer, ...claims] }),
    set('token-two', { objects: objects([one, other]), requests: [...bearer, ...claims] }),
    set('token-same', { objects: objects([one, { ...one, audiences: ['api'] }]), requests: [...claims, ...bearer.slice(0, 6)] }),
    set('token-places', {
      objects: objects(places),
      requests: [
        ...lines.map(http),
        signed('x-t', 'Tok ', 'issuer-x'),
        signed('x-t', '', 'issuer-x'),
        signed('x-t', 'Tok ,', 'issuer-x'),
        signed('x-t', 'a Tok ', 'issuer-x'),
        signed('authorization', 'Bearer ', 'https://idp.example', [['x-t', 'junk']]),
        signed('authorization', 'Bearer ', 'issuer-x'),
        signed('cookie', 's=', 'issuer-x'),
        signed('cookie', 'c=1; s=', 'issuer-x'),
        signed('cookie', 'c=1;b=', 'https://idp.example'),
      ],
    }),
    ...AUDIENCES.map((audiences, index) =>
      set(`audience-${index}`, {
        objects: objects([{ ...one, audiences }]),
        requests: [...AUDIENCES.flat(), 7, [], ['x', 'api'], ['api', 7], {}, null, 'API'].map((aud) =>
          http({ jwt: { claims: { iss: 'issuer-x', sub: 'a', aud } } }),
        ),
      }),
    ),
    set('preflight', {
      objects: objects([one]),
      requests: ['OPTIONS', 'GET'].flatMap((method) =>
        [[], [['origin', 'x']], [['origin', '']], [['access-control-request-method', 'GET']]].flatMap((first) =>
          [[], [['access-control-request-method', 'GET']], [['access-control-request-method', '']]].map((second) =>
            http({
              method,
              headers: [...first, ...second, ['authorization', 'Bearer junk']] as unknown as HttpRequest['headers'],
            }),
          ),
        ),
      ),
    }),
  ];
}

const DOMAINS: readonly (readonly string[])[] = [
  ['cluster.local', 'old-td', 'td1'],
  ['cluster.local', '*'],
  ['new-td', 'old*', '*-td'],
  ['td1', '*td', 'td*'],
  ['*', 'td1'],
];

const PRINCIPALS = [
  ...[
    'cluster.local/ns/foo/sa/sleep',
    'old-td/ns/foo/sa/sleep',
    '*-td/ns/foo/sa/sleep',
    'old*/ns/foo/sa/sleep',
    'td*/ns/foo/sa/admin',
  ],
  ...['x-td/ns/foo/sa/sleep', '*/ns/foo/sa/sleep', 'cluster.local/ns/foo/sa/sl*', '*td/ns/foo/sa/admin', 'ol*/ns/foo/sa/*'],
];

function domains(identities: Identities): Case[] {
  const callers = Object.keys(identities);
  return DOMAINS.flatMap(([trustDomain = '', ...trustDomainAliases], bundle) =>
    [
      ...PRINCIPALS.map((value) => ({ principals: [value] })),
      ...['td1', 'old-td', '*', 'old*', '*-td'].map((value) => ({ trustDomains: [value] })),
    ].map((source, index) =>
      set(`domain-${bundle}-${index}`, {
        mesh: { trustDomain, trustDomainAliases },
        objects: [policy('DENY', [{ from: [{ source }] }])],
        requests: callers.filter((name) => /td|sleep-foo|slash|domain|dns/.test(name)).map((peer) => http({ peer })),
      }),
    ),
  );
}

function accounts(identities: Identities): Case[] {
  const requests = [...Object.keys(identities).map((peer) => http({ peer })), http({})];
  const sources = [
    ...['sleep', 'foo/sleep', 'bar/sleep', 'foo/sleepy', '/sleep', 'foo/', 'foo/sleep/rev'].map((value) => ({
      serviceAccounts: [value],
    })),
    ...['foo', 'bar', 'f*o', '*', 'foo/ns/bar', 'o*', 'a/ns/foo', ''].map((value) => ({ namespaces: [value] })),
    ...['cluster.local', '*', '', 'cluster.l*l', '*local', '*.*', 'td*1', 'td1*', 'c*'].map((value) => ({
      trustDomains: [value],
    })),
    ...[
      '*',
      '*/sleep',
      '*spiffe://cluster.local',
      '',
      'cluster.local*',
      '*/',
      'cluster.local',
      '*cluster.local/ns/foo/sa/sleep',
    ].map((value) => ({ principals: [value] })),
  ];
  return sources.map((source, index) =>
    set(`account-${index}`, { objects: [policy('DENY', [{ from: [{ source }] }])], requests }),
  );
}

function providers(): Case[] {
  const grpc = (settings: Record<string, unknown>, name = 'ext-grpc', service = 'foo/ext-authz.foo.svc.cluster.local') => ({
    name,
    envoyExtAuthzGrpc: { service, port: 9000, timeout: '15s', ...settings },
  });
  const dead = (statusOnError: string) =>
    grpc({ statusOnError, timeout: '1s' }, 'ext-dead', 'foo/ext-dead.foo.svc.cluster.local');
  const long = 'a'.repeat(63);
  const meshes: readonly (readonly [string, readonly ExtensionProvider[]])[] = [
    ...[0, 1, 65_535, 65_536].map((port) => ['ext-grpc', [grpc({ port })]] as const),
    ...['', '503', '+503', '-503', '299', '511', '1000000000', '0503', 'abc', '429', '418'].map(
      (status) => ['ext-dead', [dead(status)]] as const,
    ),
    ['ext-grpc', [grpc({}), grpc({ port: 9001 })]],
    ['ext-grpc', [{ name: 'ext-grpc' }, grpc({})]],
    [long, [grpc({}, long)]],
    [`${long}a`, [grpc({}, `${long}a`)]],
    ['a-', [grpc({}, 'a-')]],
    ['-a', [grpc({}, '-a')]],
    ['a.b', [grpc({}, 'a.b')]],
    ['', [grpc({}, '')]],
  ];
  const rules = [{ to: [{ operation: { paths: ['/admin*'] } }] }];
  return meshes.flatMap(([name, extensionProviders], index) =>
    [{}, { 'istio.io/dry-run': 'true' }].map((annotations, dry) =>
      set(`provider-${index}-${dry}`, {
        mesh: { extensionProviders },
        objects: [
          policy('CUSTOM', rules, { provider: { name }, annotations }),
          ...(dry === 1 && index % 2 === 0
            ? [policy('CUSTOM', [{ to: [{ operation: { paths: ['*x'] } }] }], { name: 'p1', provider: { name } })]
            : []),
        ],
        requests: [
          http({ path: '/admin' }),
          http({ path: '/admin', headers: [['x-ext', 'deny']] }),
          http({ path: '/admin', headers: [['X-Ext', 'deny']] }),
          http({ path: '/x' }),
          http({ path: '/x', headers: [['x-ext', 'deny']] }),
          http({ method: 'CONNECT', path: 'a:443' }),
          { kind: 'tcp', ...WIRE },
        ],
      }),
    ),
  );
}

function headers(): Case[] {
  const names = [
    ...['te', 'x-request-id', 'x-envoy-external-address', 'x-forwarded-proto', 'connection', 'x-envoy-internal'],
    ...['x-envoy-decorator-operation', 'accept', 'x-role', 'x-forwarded-for', 'cookie', 'host'],
  ];
  const values = ['trailers', 'gzip', '', 'a', 'https', 'http', 'HTTPS', 'a,b', 'a, Trailers ', 'trailers;q=1'];
  return names.flatMap((name) =>
    ['sidecar', 'gateway'].flatMap((kind) =>
      (kind === 'gateway' ? [0, 1] : [0]).map((hops) =>
        set(`header-${name}-${kind}-${hops}`, {
          kind,
          ...(kind === 'gateway' ? { hops } : {}),
          objects: [
            policy(
              'DENY',
              [...(/request-id|external/.test(name) ? [] : ['a', 'https', 'a,trailers', 'trail*', '*http']), '*'].map((value) =>
                header(name, value),
              ),
            ),
          ],
          requests: [
            ...[null, 'sleep-foo'].flatMap((peer) => [
              http({ peer }),
              ...values
                .filter((value) => value !== '' || name !== 'x-forwarded-proto')
                .map((value) => http({ peer, ...field(name, value) })),
            ]),
            ...(name === 'host'
              ? []
              : [
                  http({
                    headers: [
                      [name, 'a'],
                      [name, 'trailers'],
                    ],
                  }),
                  ...(name === 'x-forwarded-proto'
                    ? []
                    : [
                        http({
                          headers: [
                            [name, ''],
                            [name, 'a'],
                          ],
                        }),
                      ]),
                  http({ headers: [[name, ' a\t']] }),
                ]),
            ...(/^(?:te|connection)$/.test(name)
              ? [http({ headers: [['te', 'trailers']], protocol: 'h2' })]
              : [http({ ...field(name, 'a'), protocol: 'h2' })]),
          ],
        }),
      ),
    ),
  );
}

function field(name: string, value: string): Change {
  return name === 'host' ? { authority: value } : { headers: [[name, value]] };
}

/** A waypoint serves a service of another namespace. */
function waypoints(): Case[] {
  const refs = (kind: string, group: string, name: string) => ({ targetRefs: [{ kind, group, name }] });
  return ['foo', 'bar'].flatMap((namespace) =>
    ['foo', 'bar', 'istio-system', 'other'].flatMap((home) =>
      [
        refs('Service', '', 'httpbin'),
        refs('ServiceEntry', 'networking.istio.io', 'httpbin'),
        refs('Gateway', 'gateway.networking.k8s.io', 'waypoint'),
        refs('GatewayClass', 'gateway.networking.k8s.io', 'istio-waypoint'),
        refs('Service', '', 'else'),
        { selector: { matchLabels: { app: 'httpbin' } } },
        {},
      ].map((attachment, index) =>
        set(`waypoint-${namespace}-${home}-${index}`, {
          kind: 'waypoint',
          service: { name: 'httpbin', namespace },
          objects: [policy('DENY', [{ to: [{ operation: { paths: ['/admin'] } }] }], { namespace: home, ...attachment })],
          requests: [http({ path: '/admin', peer: 'sleep-foo' }), http({ path: '/', peer: 'sleep-foo' })],
        }),
      ),
    ),
  );
}

/** Tests on a header that holds a token, of which the evaluator knows the claims and not the text. */
function tokenTexts(): Case[] {
  const values = [
    'Bearer *',
    'Bearer e*',
    'Bearer eyJ*',
    'Bearer eyX*',
    'Bearer x*',
    'B*',
    'x*',
    'Bearer',
    'Bearer x',
    'Bearer !',
    '*!',
    '* x',
    '*',
    'Bearer !*',
    'Bearer eyJ!*',
    'Bearer eyJ',
    'Bearer ',
    'Bearer !eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.eyJhbGciOiJSUzI1NiJ9',
    'Bearer eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.eyJhbGciOiJSUzI1NiJ9!',
    'xBearer eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.eyJhbGciOiJSUzI1NiJ9',
  ];
  return values.flatMap((value, index) =>
    ['DENY', 'CUSTOM'].map((action) =>
      set(`text-${index}-${action}`, {
        mesh: {
          extensionProviders: [
            {
              name: 'ext-grpc',
              envoyExtAuthzGrpc: { service: 'foo/ext-authz.foo.svc.cluster.local', port: 9000, timeout: '15s' },
            },
          ],
        },
        objects: [
          policy(action, [header('authorization', value)], action === 'CUSTOM' ? { provider: { name: 'ext-grpc' } } : {}),
          tokenRules([{ issuer: 'issuer-x', forwardOriginalToken: true }]),
        ],
        requests: [
          http({ jwt: { claims: { iss: 'issuer-x', sub: 'a' } } }),
          http({ jwt: { claims: { iss: 'issuer-x', sub: 'a' } }, headers: [['x-ext', 'deny']] }),
          http({ headers: [['authorization', 'Basic x']] }),
        ],
      }),
    ),
  );
}

/** Bytes that are no UTF-8, where a star asks for text. */
function bytes(): Case[] {
  const texts = ['/\xe9', '/\xc3\xa9', '/\x80', '/\xed\xa0\x80', '/\xf5\x80\x80\x80', '/\xc1\x81', '/a', '/\xe9/sa/sleep'];
  return ['paths', 'notPaths'].map((field) =>
    set(`bytes-${field}`, {
      mesh: { pathNormalization: { normalization: 'NONE' } },
      objects: [policy('DENY', [{ to: [{ operation: { [field]: ['*'] } }] }])],
      requests: texts.flatMap((path) => [http({ path, protocol: 'h2' }), http({ path })]),
    }),
  );
}

/** The scheme that the proxy tells from what was forwarded. */
function schemes(): Case[] {
  const requests = ['http', 'https', 'HTTPS', 'x'].flatMap((value) =>
    [{ peer: null }, { peer: 'sleep-foo' }, { peer: 'sleep-foo', sni: 'a' }].map((wire) =>
      http({ ...wire, headers: [['x-forwarded-proto', value]] }),
    ),
  );
  return ['https', 'http'].flatMap((scheme) => [
    set(`forwarded-${scheme}`, { objects: [policy('DENY', [header(':scheme', scheme)])], requests }),
    ...[undefined, 0, 1].map((hops) =>
      set(`forwarded-${scheme}-${hops ?? 'unsaid'}`, {
        kind: 'gateway',
        ...(hops === undefined ? {} : { hops }),
        objects: [policy('DENY', [header(':scheme', scheme)])],
        requests,
      }),
    ),
  ]);
}

/** Names of claims with brackets in them. */
function claimNames(): Case[] {
  const keys = ['[a]]', '[a[b]]', '[[a]', '[a]b]', '[a][b]', '[]', '[a][]', '[a]', '[a', 'a]', '[a]]]', '[[a]]', '[a].[b]'];
  const shapes: readonly Record<string, unknown>[] = [
    ...['a', 'a]', 'a[b]', '[a', 'a]b', '', 'a]]', '[a]', 'a].[b', 'b'].map((name) => ({ [name]: 'x' })),
    { a: { b: 'x' } },
    { a: { '': 'x' } },
    { a: ['y', 'x'] },
  ];
  return keys.map((key, index) =>
    set(`claim-name-${index}`, {
      objects: [
        policy('DENY', [{ when: [{ key: `request.auth.claims${key}`, values: ['x'] }] }]),
        tokenRules([{ issuer: 'issuer-x' }]),
      ],
      requests: shapes.map((claims) => http({ jwt: { claims: { iss: 'issuer-x', sub: 'a', ...claims } } })),
    }),
  );
}

/** Signed tokens whose payload is something else than an object. */
function payloads(): Case[] {
  const values: readonly unknown[] = ['text', '', 7, 0, true, false, null, [], [{ iss: 'issuer-x' }], {}];
  return [
    set('payload', {
      objects: [policy('DENY', [header('authorization', '*')]), tokenRules([{ issuer: 'issuer-x' }])],
      requests: values.flatMap((claims) =>
        ['good', 'bad'].map((key) =>
          http({ jwt: { claims: claims as Record<string, unknown>, ...(key === 'bad' ? { key } : {}) } }),
        ),
      ),
    }),
  ];
}

/** Issuer and subject of a request principal around its slashes. */
function principals(): Case[] {
  const values = [
    '/a',
    '/*',
    '*/a',
    '//a',
    '/',
    '*/',
    'i/',
    'i/*',
    'i/a',
    'i//a',
    '*i/a',
    'i/*a',
    '*',
    'i*',
    '*a',
    'i',
    'x/i/a',
    '*/*',
  ];
  const tokens = ['', 'i', '/', 'i/', 'x/i', 'i/*'].flatMap((iss) =>
    ['', 'a', '/a', '*', 'a*', 'xa'].map((sub) => ({ iss, sub })),
  );
  return values.map((value, index) =>
    set(`principal-${index}`, {
      objects: [
        policy('DENY', [{ from: [{ source: { requestPrincipals: [value] } }] }]),
        tokenRules([...new Set(tokens.map(({ iss }) => iss))].filter((issuer) => issuer !== '').map((issuer) => ({ issuer }))),
      ],
      requests: tokens.map((claims) => http({ jwt: { claims } })),
    }),
  );
}

/** What CONNECT may ask for. */
function hosts(): Case[] {
  const objects = [policy('DENY', [{ to: [{ operation: { hosts: ['a:443', 'a'] } }] }])];
  const texts = [
    'a:443',
    'a',
    'a:443#',
    'a#:443',
    'a:443?x',
    'a:443/',
    'a:',
    'A:443',
    'a:x',
    'a^:443',
    'a{:443',
    'a:443/#',
    '^',
    '@a:443',
    'a@@b:443',
    '/a',
    '*',
  ];
  return [set('connect', { objects, requests: texts.map((path) => http({ method: 'CONNECT', path, authority: 'a:443' })) })];
}

interface Written {
  readonly mesh?: Mesh;
  readonly kind?: string;
  readonly hops?: number;
  readonly service?: Case['service'];
  readonly objects: readonly KubernetesObject[];
  readonly requests: readonly CaseRequest[];
}

function set(name: string, { mesh, kind = 'sidecar', hops, service, objects, requests }: Written): Case {
  const gateway = kind === 'gateway' ? 'gw' : 'waypoint';
  return {
    id: `e-${name}`,
    mesh: { rootNamespace: 'istio-system', trustDomain: 'cluster.local', trustDomainAliases: [], ...mesh },
    workload: {
      namespace: 'foo',
      labels: kind === 'sidecar' ? { app: 'httpbin' } : { app: 'httpbin', 'gateway.networking.k8s.io/gateway-name': gateway },
      ...(kind === 'sidecar' ? {} : { kind: kind as 'gateway' | 'waypoint' }),
    },
    ...(service === undefined ? {} : { service, useFilterState: true }),
    ...(hops === undefined ? {} : { xffNumTrustedHops: hops }),
    objects,
    requests,
  };
}

const WIRE = { peer: null, directIp: '127.0.0.1', remoteIp: '10.1.2.3', localIp: '10.9.0.1', localPort: 8080 };

function http(change: Change): HttpRequest {
  return { ...WIRE, method: 'GET', authority: 'example.com', path: '/x', headers: [], ...change };
}

function policy(action: string, rules: readonly unknown[], more: Record<string, unknown> = {}): KubernetesObject {
  const { namespace = 'foo', name = 'p0', annotations, ...spec } = more as Record<string, string>;
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: {
      name,
      namespace,
      ...(annotations === undefined ? {} : { annotations: annotations as unknown as Record<string, string> }),
    },
    spec: { action, ...spec, rules },
  };
}

function tokenRules(rules: readonly Record<string, unknown>[]): KubernetesObject {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    metadata: { name: 'ra', namespace: 'foo' },
    spec: { jwtRules: rules.map((rule) => ({ jwks: '@JWKS', ...rule })) },
  };
}

function header(name: string, value: string): Record<string, unknown> {
  return { when: [{ key: `request.headers[${name}]`, values: [value] }] };
}
