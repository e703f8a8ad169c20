import type { Identity } from '../case.ts';
import { DIRECT_IPS, ensureClaims, type Facts, type Surroundings, setLocal, setRemote } from './facts.ts';
import type { Random } from './random.ts';

/**
 * One thing that a policy can look at: values as people write them, and how to make a request that one of them fits. Fitting is an
 * attempt: only Envoy says whether it did.
 */
export interface Field {
  /** As a list of a source or operation: `paths` and `notPaths`. */
  readonly list?: readonly [positive: string, negative: string];
  /** As the key of a condition. */
  readonly key?: string;
  readonly side: 'source' | 'operation' | 'when';
  readonly isHttpOnly?: boolean;
  readonly needsToken?: boolean;
  readonly value: (random: Random) => string;
  readonly fit: (value: string, facts: Facts, random: Random, surroundings: Surroundings) => void;
}

const WORDS = ['a', 'bob', 'x1', 'zz', '7', 'info', 'a-b'];

/** Makes one of the four forms out of a word: exact, prefix, suffix, presence. */
function formed(random: Random, word: string): string {
  const cut = random.between(1, Math.max(1, word.length - 1));
  return random.weighted([
    [4, word],
    [2, `${word.slice(0, cut)}*`],
    [2, `*${word.slice(-cut)}`],
    [1, '*'],
    [0.15, `*${word}*`],
    [0.15, `${word.slice(0, cut)}*${word.slice(cut)}`],
  ]);
}

/** A text that a form covers. */
export function covered(random: Random, value: string): string {
  if (value === '*') return random.pick(WORDS);
  const filling = random.chance(0.3) ? '' : random.pick(WORDS);
  if (value.startsWith('*')) return `${filling}${value.slice(1)}`;
  if (value.endsWith('*')) return `${value.slice(0, -1)}${filling}`;
  return value;
}

const hosts: Field = {
  list: ['hosts', 'notHosts'],
  side: 'operation',
  isHttpOnly: true,
  value: (random) =>
    random.pick([
      ...['example.com', 'api.example.com', 'api.internal', 'Example.Com', 'EXAMPLE.com', 'example.com:8080', '*.example.com'],
      ...['*.com', 'api.*', 'example.*', '*', 'example.com:*', '*:8080', '*.Internal', 'API.*', 'example.co'],
    ]),
  fit: (value, facts, random) => {
    const host = covered(random, value);
    facts.authority = random.chance(0.3) ? host.toUpperCase() : host;
  },
};

const methods: Field = {
  list: ['methods', 'notMethods'],
  side: 'operation',
  isHttpOnly: true,
  value: (random) =>
    random.pick(['GET', 'POST', 'HEAD', 'OPTIONS', 'PURGE', 'DELETE', 'P*', '*T', 'GE*', '*', 'get', 'PU*', '*E', 'O*']),
  fit: (value, facts, random) => {
    if (value === '*') return;
    const known = ['GET', 'POST', 'PUT', 'PATCH', 'PURGE', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE'];
    const fitting = known.filter((method) => approximates(value, method));
    facts.method = fitting.length > 0 ? random.pick(fitting) : covered(random, value);
    if (!known.includes(facts.method)) facts.isHttp2 = true;
  },
};

const paths: Field = {
  list: ['paths', 'notPaths'],
  side: 'operation',
  isHttpOnly: true,
  value: (random) =>
    random.chance(0.3)
      ? random.pick([
          ...['/foo/{*}', '/foo/{*}/bar/{**}', '/store/{**}/cart', '/{**}', '/{*}', '/api/v1/users/{*}', '/api/{*}/users/{**}'],
          ...[
            '/allow/admin/{**}',
            '/foo/{**}/',
            '/{*}/x',
            '/a/{*}.txt',
            '/foo/{*}/*',
            '/api/v1/{**}',
            '/{*}/{*}/{*}',
            '/a.b/{*}',
          ],
        ])
      : random.pick([
          ...['/admin', '/admin*', '/admin/*', '/info', '*/info', '*', '/', '/*', '/public/*', '*/x', '/a.b', '*.txt', '/foo/*'],
          ...[
            '/api/v1/*',
            '/a|b',
            '/a%7Cb',
            '/caf\u00e9',
            '/caf%C3%A9',
            '/user/admin',
            '/ADMIN',
            '/admin;x=1',
            '/admin/',
            '*/admin',
          ],
          ...[
            '/pkg.Service/*',
            '/a*b',
            '*users*',
            '/a%20b',
            '/a b',
            '/foo//a',
            '/foo/a',
            '/store/a/cart',
            '*cart',
            '/x/../y',
            '/~a',
          ],
        ]),
  fit: (value, facts, random) => {
    facts.path = value.includes('{')
      ? value
          .split('{**}')
          .map((part) =>
            part.split('{*}').reduce((done, next) => `${done}${random.pick(['7', 'a', 'x.y', 'b-1', 'a*b', 'k=v'])}${next}`),
          )
          .reduce((done, next) => `${done}${random.pick(['', 'a', 'a/b', 'x/', '/', 'a;b/c'])}${next}`)
      : value === '*'
        ? facts.path
        : random.chance(0.05)
          ? value
          : asBytes(covered(random, value));
    if (!facts.path.startsWith('/') && random.chance(0.9)) facts.path = `/${facts.path}`;
  },
};

/** A policy's text is UTF-8 in Envoy; a request's is one character a byte. */
function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

const ports: Field = {
  list: ['ports', 'notPorts'],
  key: 'destination.port',
  side: 'operation',
  value: (random) => random.pick(['8080', '443', '9090', '8080', '443', '80', '0']),
  fit: (value, facts) => {
    const port = Number(value);
    if (port > 0 && port < 65536) facts.localPort = port;
  },
};

const principals: Field = {
  list: ['principals', 'notPrincipals'],
  key: 'source.principal',
  side: 'source',
  value: (random) =>
    random.pick([
      ...['cluster.local/ns/foo/sa/sleep', 'td1/ns/foo/sa/admin', 'old-td/ns/foo/sa/sleep', 'cluster.local/ns/bar/sa/httpbin'],
      ...['cluster.local/ns/foo/sa/cert-manager.io', 'foobar/ns/foo/sa/sleep', 'new-td/ns/foo/sa/sleep', 'x-td/ns/foo/sa/sleep'],
      ...[
        'cluster.local/ns/foo/sa/*',
        'cluster.local/ns/foo/*',
        'cluster.local/*',
        'td1/*',
        'old-td/ns/*',
        'td*',
        'cluster.local/ns/foo/sa/s*',
      ],
      ...[
        '*/sa/sleep',
        '*/ns/foo/sa/sleep',
        '*sleep',
        '*/sa/cert-manager.io',
        '*/sa/admin',
        '*-td/ns/foo/sa/sleep',
        '*',
        '*',
        '*/k/v/sa/sleep',
      ],
      ...['old*/ns/foo/sa/sleep', '*.local/ns/foo/sa/sleep', 'CLUSTER.LOCAL/ns/foo/sa/sleep', 'spiffe://td1/ns/foo/sa/admin'],
      ...[
        'cluster.local/ns/*/sa/sleep',
        'other.example.com/ns/a/ns/foo/sa/sleep',
        'sleep.foo.svc.cluster.local',
        'CN=admin,O=Example',
      ],
      ...['*/ns/foo/sa/*', 'cluster.local/vm/foo', '*/vm/foo', 'cluster.local/ns/foo/k/v/sa/sleep', '*/rev/1'],
    ]),
  fit: (value, facts, random, { identities, trustDomains }) => {
    const written = [value, ...trustDomains.map((domain) => value.replace(/^[^/]*(?=\/ns\/)/, domain))];
    choosePeer(facts, random, identities, (identity) =>
      names(identity).some((name) => written.some((pattern) => approximates(pattern, name.replace(/^spiffe:\/\//, '')))),
    );
  },
};

const namespaces: Field = {
  list: ['namespaces', 'notNamespaces'],
  key: 'source.namespace',
  side: 'source',
  value: (random) =>
    random.pick([
      'foo',
      'bar',
      'foo-test',
      'foo*',
      '*test',
      '*',
      'f*',
      'f*o',
      'foo-*',
      '*oo',
      'b*r',
      'a/ns/foo',
      'a*o',
      'ba?',
      'fo.',
    ]),
  fit: (value, facts, random, { identities }) => {
    const pattern = new RegExp(`/ns/${value.split('*').map(escaped).join('.*')}/`);
    choosePeer(facts, random, identities, (identity) => names(identity).some((name) => pattern.test(name)));
  },
};

const serviceAccounts: Field = {
  list: ['serviceAccounts', 'notServiceAccounts'],
  key: 'source.serviceAccount',
  side: 'source',
  value: (random) =>
    random.pick([
      'foo/sleep',
      'sleep',
      'foo/cert-manager.io',
      'cert-manager.io',
      'bar/httpbin',
      'httpbin',
      'foo/admin',
      'bar/sleep',
      'foo/httpbin',
    ]),
  fit: (value, facts, random, { identities }) => {
    const [namespace, account] = value.includes('/') ? value.split('/') : ['foo', value];
    choosePeer(facts, random, identities, (identity) =>
      names(identity).some((name) => name.includes(`/ns/${namespace}/`) && name.includes(`/sa/${account}`)),
    );
  },
};

const trustDomainField: Field = {
  list: ['trustDomains', 'notTrustDomains'],
  key: 'source.trustDomain',
  side: 'source',
  value: (random) =>
    random.pick([
      'cluster.local',
      'td1',
      'old-td',
      'new-td',
      '*',
      'td*',
      'old-*',
      '*-td',
      '*.local',
      'o*m',
      'cluster*',
      'foobar',
      '*.example.com',
    ]),
  fit: (value, facts, random, { identities }) => {
    choosePeer(facts, random, identities, (identity) =>
      names(identity).some((name) => approximates(value, /^spiffe:\/\/([^/]*)/.exec(name)?.[1] ?? '\n')),
    );
  },
};

const ISSUERS = ['https://idp.example', 'issuer-x'];

const requestPrincipals: Field = {
  list: ['requestPrincipals', 'notRequestPrincipals'],
  key: 'request.auth.principal',
  side: 'source',
  isHttpOnly: true,
  needsToken: true,
  value: (random) =>
    random.pick([
      ...[
        'https://idp.example/alice',
        'issuer-x/bob',
        'issuer-x/*',
        'https://idp.example/*',
        '*',
        '*',
        '*/alice',
        '*/bob',
        '*.example/alice',
      ],
      ...[
        'issuer-x*',
        'https://idp.example*',
        '*alice',
        '*ice',
        '*/*',
        'issuer-x/al*',
        'issuer-x',
        'issuer-x/a/b',
        '*b',
        'https*',
        '*-x/bob',
      ],
    ]),
  fit: (value, facts, random, surroundings) => {
    const claims = ensureClaims(facts, surroundings, random);
    const slash = value.lastIndexOf('/');
    if (slash < 0) {
      if (value === '*') return;
      if (value.startsWith('*')) claims['sub'] = covered(random, value);
      else claims['iss'] = covered(random, value);
      return;
    }
    const issuer = value.slice(0, slash);
    const fitting = surroundings.issuers.filter((known) => approximates(issuer, known));
    claims['iss'] = fitting.length > 0 ? random.pick(fitting) : covered(random, issuer);
    const subject = value.slice(slash + 1);
    claims['sub'] = random.chance(0.15) ? subject : covered(random, subject);
  },
};

function claimField(key: string, path: readonly string[], words: readonly string[]): Field {
  return {
    key,
    side: 'when',
    isHttpOnly: true,
    needsToken: true,
    value: (random) => formed(random, random.pick(words)),
    fit: (value, facts, random, surroundings) => {
      const text = covered(random, value);
      const held = random.weighted<unknown>([
        [5, text],
        [3, [random.pick(WORDS), text]],
        [1, [text]],
        [0.5, `${random.pick(WORDS)} ${text}`],
      ]);
      let object = ensureClaims(facts, surroundings, random);
      for (const name of path.at(-1) === '0' ? [] : path.slice(0, -1)) {
        const inner: Record<string, unknown> = {};
        object[name] = inner;
        object = inner;
      }
      if (path.at(-1) === '0') object[path.at(-2) ?? ''] = [held];
      else object[path.at(-1) ?? ''] = held;
      if (path.length > 1 && random.chance(0.1)) spoil(surroundings, facts, random, path[0] ?? '');
    },
  };
}

/** Something else where a path of claims wants an object. */
function spoil(surroundings: Surroundings, facts: Facts, random: Random, name: string): void {
  const claims = ensureClaims(facts, surroundings, random);
  claims[name] = random.pick<unknown>([[claims[name]], null, 'b', 7, { b: null }, { b: [{ c: 'y' }] }, [], { B: 'yes' }]);
}

const claims: readonly Field[] = [
  claimField('request.auth.claims[roles][0]', ['roles', '0'], ['admin']),
  claimField('request.auth.claims[group]', ['group'], ['admin', 'dev-team', 'ops']),
  claimField('request.auth.claims[a][b]', ['a', 'b'], ['yes', 'nested']),
  claimField('request.auth.claims[a][b][c]', ['a', 'b', 'c'], ['deep', 'y']),
  claimField('request.auth.claims[scope]', ['scope'], ['read', 'write', 'read write']),
  claimField('request.auth.claims[permission]', ['permission'], ['read', 'admin']),
  claimField('request.auth.claims[sub]', ['sub'], ['alice', 'bob']),
  claimField('request.auth.claims[iss]', ['iss'], ISSUERS),
  claimField('request.auth.claims[roles]', ['roles'], ['admin', 'viewer']),
  claimField('request.auth.claims[https://x.example/r]', ['https://x.example/r'], ['admin']),
];

const audiences: Field = { ...claimField('request.auth.audiences', ['aud'], ['api', 'web', 'https://api.example']) };
const presenter: Field = { ...claimField('request.auth.presenter', ['azp'], ['client-1', 'foo']) };

function headerField(name: string, words: readonly string[]): Field {
  return {
    key: `request.headers[${name}]`,
    side: 'when',
    isHttpOnly: true,
    value: (random) => formed(random, random.pick(words)),
    fit: (value, facts, random) => {
      const header = random.chance(0.2) && !facts.isHttp2 ? name.toUpperCase() : name.toLowerCase();
      const text = value === '*' && random.chance(0.4) ? '' : covered(random, value);
      const other = random.pick(['user', 'zz', '']);
      const plain: [string, string][] = [[header, text]];
      facts.headers.push(
        ...random.weighted<readonly [string, string][]>([
          [6, plain],
          [1, [[header, other], ...plain]],
          [1, [...plain, [header, other]]],
          [0.7, [[header, `${text},${other}`]]],
        ]),
      );
    },
  };
}

/** A header that carries a token where a RequestAuthentication says so, and something else where none does. */
function carrierField(name: string, values: readonly string[]): Field {
  return {
    key: `request.headers[${name}]`,
    side: 'when',
    isHttpOnly: true,
    value: (random) => random.pick(values),
    fit: (value, facts, random, surroundings) => {
      if (value === '*' && random.chance(0.6)) ensureClaims(facts, surroundings, random);
      else if (name !== 'authorization' || !value.startsWith('Bearer')) facts.headers.push([name, covered(random, value)]);
    },
  };
}

const pseudoHeaders: readonly Field[] = [
  {
    key: 'request.headers[:method]',
    side: 'when',
    isHttpOnly: true,
    value: methods.value,
    fit: methods.fit,
  },
  {
    key: 'request.headers[:path]',
    side: 'when',
    isHttpOnly: true,
    value: (random) => random.pick(['/admin', '/admin*', '*q=1', '/admin?q=1', '*', '/info?*']),
    fit: (value, facts, random) => {
      facts.path = value === '*' ? facts.path : covered(random, value);
      if (!facts.path.startsWith('/')) facts.path = `/${facts.path}`;
    },
  },
  {
    key: 'request.headers[:authority]',
    side: 'when',
    isHttpOnly: true,
    value: (random) => random.pick(['example.com', 'Example.Com', '*.example.com', 'api.*', '*']),
    fit: (value, facts, random) => {
      facts.authority = covered(random, value);
    },
  },
  {
    key: 'request.headers[host]',
    side: 'when',
    isHttpOnly: true,
    value: (random) => random.pick(['example.com', 'Example.Com', '*.example.com', 'api.*', '*']),
    fit: (value, facts, random) => {
      facts.authority = covered(random, value);
    },
  },
];

const headers: readonly Field[] = [
  headerField('x-role', ['admin', 'user', 'user,admin']),
  headerField('X-Team', ['ops', 'Ops', 'caf\u00e9']),
  headerField('x-empty', ['a', '', '7', 'true', '2.5']),
  headerField('cookie', ['a=1', 'a=1; b=2']),
  headerField('user-agent', ['curl/8', 'Mozilla/5.0']),
  {
    key: 'request.headers[x-forwarded-for]',
    side: 'when',
    isHttpOnly: true,
    value: (random) =>
      random.pick(['*', '10.1.2.3', '203.0.113.9*', '*10.1.2.3', '203.0.113.9,*', '203.0.113.9,127.0.0.1', '*127.0.0.1']),
    fit: (value, facts, random) => {
      facts.headers.push(['x-forwarded-for', value === '*' ? '192.168.1.7' : covered(random, value)]);
    },
  },
  carrierField('authorization', [
    '*',
    '*',
    'Bearer *',
    'Basic abc',
    'Basic*',
    '*abc',
    'Bearer',
    '*AAAA',
    'Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA',
  ]),
  carrierField('x-payload', ['*', 'eyJ*', 'abc']),
  carrierField('x-jwt', ['*', '*', 'abc', 'a*']),
  carrierField('x-token', ['*', 'Tok *', 'Tok']),
];

const directIps: Field = {
  list: ['ipBlocks', 'notIpBlocks'],
  key: 'source.ip',
  side: 'source',
  value: (random) =>
    random.pick([
      '127.0.0.1',
      '127.0.0.0/8',
      '127.0.7.0/24',
      '127.0.0.2/31',
      '127.0.0.3',
      '10.0.0.0/8',
      '::1',
      '0.0.0.0/0',
      '::/0',
      '127.0.7.33/32',
      '127.0.0.9/30',
    ]),
  fit: (value, facts, random) => {
    const fitting = DIRECT_IPS.filter((address) => inBlock(value, address));
    if (fitting.length > 0) facts.directIp = random.pick(fitting);
  },
};

const REMOTE_BLOCKS = [
  ...[
    '10.1.2.3',
    '10.1.0.0/16',
    '192.168.1.0/24',
    '203.0.113.9',
    '198.51.100.128/25',
    '2001:db8::/32',
    '2001:db8::7',
    '10.1.2.3/8',
  ],
  ...['0.0.0.0/0', '::/0', '10.1.0.9/31', '2001:db8::/47', '192.168.1.7/32', '::1', '2001:db8:0:0:0:0:0:7', '2001:db8::7/126'],
  ...['::ffff:10.1.2.3', '2001:0DB8::7', '2001:db8::/33', '10.1.2.3/9', '10.1.2.3/0'],
];

const remoteIps: Field = {
  list: ['remoteIpBlocks', 'notRemoteIpBlocks'],
  key: 'remote.ip',
  side: 'source',
  value: (random) => random.pick(REMOTE_BLOCKS),
  fit: (value, facts, random) => {
    const known = [
      '10.1.2.3',
      '10.1.0.9',
      '10.1.0.8',
      '192.168.1.7',
      '203.0.113.9',
      '198.51.100.200',
      '2001:db8::7',
      '2001:db8:1::1',
      '::1',
    ];
    const fitting = known.filter((address) => inBlock(value, address));
    if (fitting.length === 0) return;
    const address = random.pick(fitting);
    if (random.chance(0.35))
      facts.headers.push(['x-forwarded-for', random.pick([address, `203.0.113.9, ${address}`, `${address},10.1.0.9`])]);
    else setRemote(facts, address);
  },
};

const localIps: Field = {
  key: 'destination.ip',
  side: 'when',
  value: (random) =>
    random.pick(['10.9.0.1', '10.9.0.0/16', '10.9.0.2', '2001:db8:9::/48', '2001:db8:9::1', '0.0.0.0/0', '::/0', '10.9.0.3/31']),
  fit: (value, facts, random) => {
    const fitting = ['10.9.0.1', '10.9.0.2', '10.9.7.1', '2001:db8:9::1', '2001:db8:9:1::1'].filter((address) =>
      inBlock(value, address),
    );
    if (fitting.length > 0) setLocal(facts, random.pick(fitting));
  },
};

const sni: Field = {
  key: 'connection.sni',
  side: 'when',
  value: (random) =>
    random.pick([
      'a.example.com',
      '*.example.com',
      'a.*',
      '*',
      'api.internal',
      'A.example.com',
      '*.Example.com',
      'a.example.co*',
      '*internal',
    ]),
  fit: (value, facts, random) => {
    facts.sni = random.chance(0.2)
      ? covered(random, value).toUpperCase()
      : covered(random, value === '*' ? 'a.example.com' : value);
    facts.peer ??= 'sleep-foo';
  },
};

const experimental: readonly Field[] = ['k', 'list', 'num', 'n', 'missing'].map((name) => ({
  key: `experimental.envoy.filters.http.oracle[${name}]`,
  side: 'when',
  value: (random) => random.pick(['v', '[a]', '[bb]', '*', '[*]', 'v*', '*v', '[b*]', '[*b]', 'a', '3', 'x', '[x]', '[v]']),
  fit: () => undefined,
}));

export const SOURCE_FIELDS = [principals, namespaces, serviceAccounts, trustDomainField, requestPrincipals, directIps, remoteIps];
export const OPERATION_FIELDS = [hosts, methods, paths, ports];
export const CONDITIONS = [
  ...[ports, principals, namespaces, serviceAccounts, trustDomainField, requestPrincipals, directIps, remoteIps, localIps, sni],
  // These come in few forms each, and a form needs several sets to end both ways.
  ...[
    audiences,
    presenter,
    audiences,
    presenter,
    presenter,
    requestPrincipals,
    requestPrincipals,
    principals,
    namespaces,
    serviceAccounts,
  ],
  ...[...claims, ...headers, ...pseudoHeaders, ...experimental],
];

function choosePeer(
  facts: Facts,
  random: Random,
  identities: Surroundings['identities'],
  fits: (identity: Identity) => boolean,
): void {
  const fitting = Object.entries(identities).filter(([, identity]) => fits(identity));
  const [name] = random.pick(fitting.length > 0 ? fitting : Object.entries(identities));
  facts.peer = name;
}

function names(identity: Identity): string[] {
  const subject = [identity.cn && `CN=${identity.cn}`, identity.o && `O=${identity.o}`]
    .filter((part) => part !== undefined)
    .join(',');
  return [...(identity.uri ?? []), ...(identity.dns ?? []), subject];
}

function approximates(pattern: string, text: string): boolean {
  if (pattern === '*') return true;
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  if (pattern.endsWith('*')) return text.startsWith(pattern.slice(0, -1));
  return pattern === text;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function inBlock(block: string, address: string): boolean {
  const [base = '', length] = block.split('/');
  if (base.includes(':') !== address.includes(':')) return false;
  const bits = Number(length ?? (base.includes(':') ? 128 : 32));
  return bitsOf(base).slice(0, bits) === bitsOf(address).slice(0, bits);
}

function bitsOf(address: string): string {
  if (!address.includes(':'))
    return address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
  const [head = '', tail = ''] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const middle = Array.from({ length: 8 - front.length - back.length }, () => '0');
  return [...front, ...middle, ...back].map((part) => Number.parseInt(part, 16).toString(2).padStart(16, '0')).join('');
}
