import {
  DIRECT_IPS,
  type Facts,
  HOSTS,
  LOCAL_PORTS,
  METHODS,
  PATHS,
  REMOTE_IPS,
  REMOTE_IPS_6,
  type Surroundings,
  setLocal,
  setRemote,
} from './facts.ts';
import type { Plan, Term } from './policy.ts';
import type { Random } from './random.ts';

/** One step for a term, whatever else the request is. */
export function stepAway(term: Term, facts: Facts, random: Random, surroundings: Surroundings): void {
  stepFor(term)(facts, random, surroundings);
}

/** One small step away from a request that fits: near misses on either side of a policy's edge are what tells evaluators apart. */
export function mutate(facts: Facts, plan: Plan, random: Random, surroundings: Surroundings): void {
  const terms = [...plan.sources.flat(), ...plan.operations.flat(), ...plan.conditions];
  const term = terms.length === 0 ? undefined : random.pick(terms);
  if (term === undefined || random.chance(0.15)) random.pick(Object.values(STEPS))(facts, random, surroundings);
  else if (term.negative.length > 0 && random.chance(0.75))
    term.field.fit(random.pick(term.negative), facts, random, surroundings);
  else if (random.chance(0.2)) term.field.fit(term.field.value(random), facts, random, surroundings);
  else stepFor(term)(facts, random, surroundings);
}

type Step = (facts: Facts, random: Random, surroundings: Surroundings) => void;

function stepFor({ field }: Term): Step {
  const name = field.list?.[0] ?? field.key ?? '';
  if (/^(?:hosts|request\.headers\[(?:host|:authority)\])$/.test(name)) return STEPS.host;
  if (/^(?:methods|request\.headers\[:method\])$/.test(name)) return STEPS.method;
  if (/^(?:paths|request\.headers\[:path\])$/.test(name)) return STEPS.path;
  if (name === 'ports') return STEPS.port;
  if (field.needsToken === true) return STEPS.token;
  if (name.startsWith('request.headers')) return STEPS.header;
  if (name === 'ipBlocks') return STEPS.direct;
  if (name === 'remoteIpBlocks') return STEPS.remote;
  if (name === 'destination.ip') return STEPS.local;
  if (name === 'connection.sni') return STEPS.sni;
  if (field.side === 'source') return STEPS.peer;
  return STEPS.path;
}

const STEPS = {
  host: (facts, random) => {
    const host = facts.authority;
    facts.authority = random.pick([
      ...[`${host}:8080`, `${host}:443`, `${host}.`, upper(host), host.slice(1), `x${host}`, `x.${host}`, `${host}x`],
      ...[
        host.replace('.', 'x'),
        random.pick(HOSTS),
        '[::1]:8080',
        '127.0.0.1',
        `user@${host}`,
        `${host}:65535`,
        `${host}:65536`,
        `${host}:`,
        `${host}:a`,
        `[${host}]`,
        `${host}/x`,
        host.replace(/:.*/, ''),
      ],
    ]);
    if (facts.authority === '') facts.authority = 'x';
  },
  method: (facts, random) => {
    facts.method = random.weighted([
      [4, random.pick(METHODS)],
      [1, facts.method.toLowerCase()],
      [1, `${facts.method.slice(0, 1)}${facts.method.slice(1).toLowerCase()}`],
      [0.5, `${facts.method}X`],
      [0.5, 'TRACE'],
      [0.5, 'QUERY'],
    ]);
    if (facts.method === 'QUERY' && random.chance(0.5)) facts.headers.push(['content-type', 'text/plain']);
    if (![...METHODS, 'TRACE', 'QUERY'].includes(facts.method) && random.chance(0.9)) facts.isHttp2 = true;
  },
  path: (facts, random) => {
    for (
      let steps = random.weighted([
        [7, 1],
        [2, 2],
        [1, 3],
      ]);
      steps > 0;
      steps -= 1
    ) {
      facts.path = random.pick(PATH_STEPS)(facts.path, random);
    }
    if (random.chance(0.02)) facts.path = `${random.pick(['http', 'https', 'HTTP'])}://${random.pick(HOSTS)}${facts.path}`;
    if (!/^[\x20-\x7e]*$/.test(facts.path) && random.chance(0.7)) facts.isHttp2 = true;
  },
  port: (facts, random) => {
    facts.localPort = random.pick([...LOCAL_PORTS, 80, 8081]);
  },
  direct: (facts, random) => {
    facts.directIp = random.pick([...DIRECT_IPS, '127.255.255.254', '127.0.6.255']);
  },
  remote: (facts, random) => {
    if (random.chance(0.3)) {
      const others = [
        ...[
          'garbage',
          '203.0.113.9, 10.1.0.9',
          '10.1.2.3',
          '2001:db8::7',
          '10.1.2.3:80',
          ' 10.1.2.3 ',
          '10.1.2.3,',
          ', 10.1.2.3',
        ],
        ...[
          '192.168.1.7,198.51.100.4',
          '10.1.2.3, 192.168.1.7, 203.0.113.9',
          '2001:db8::7, 10.1.0.9',
          'unknown, 10.1.2.3',
          '10.1.2.3, x',
        ],
        ...['[2001:db8::7]:80', '10.1.0.9,203.0.113.9,10.1.2.3,192.168.1.7', '', '010.001.002.003', '10.1.2.3 , 10.1.0.9'],
      ];
      facts.headers.push(['x-forwarded-for', random.pick(others)]);
    } else setRemote(facts, random.pick([...REMOTE_IPS, ...REMOTE_IPS_6, '198.51.100.127', '2001:db9::1', '11.0.0.1']));
  },
  local: (facts, random) => setLocal(facts, random.pick(['10.9.0.1', '10.9.0.3', '10.10.0.1', '2001:db8:9::1', '2001:db8:a::1'])),
  peer: (facts, random, { identities }) => {
    facts.peer = random.chance(0.35) ? null : random.pick(Object.keys(identities));
  },
  sni: (facts, random) => {
    const name = facts.sni ?? 'a.example.com';
    random.pick<() => void>([
      () => {
        facts.sni = undefined;
      },
      () => {
        facts.sni = `x${name}`;
      },
      () => {
        facts.sni = upper(name);
      },
      () => {
        facts.sni = name.replace('.', 'x');
      },
      () => {
        facts.peer = null;
      },
    ])();
  },
  token: (facts, random) => {
    const { claims } = facts;
    if (claims === undefined || random.chance(0.12)) {
      facts.claims = undefined;
      return;
    }
    const name = random.pick(Object.keys(claims));
    const value = claims[name];
    const steps: (() => void)[] = [
      () => delete claims[name],
      () => {
        claims[name] = random.pick<unknown>([7, true, null, {}, [], '', [['x']], { a: 'x' }, 3.5, ['', 'x']]);
      },
      () => {
        claims[name] = typeof value === 'string' ? value.toUpperCase() : 'other';
      },
      () => {
        claims[name] = typeof value === 'string' ? `${value}x` : [value];
      },
      () => {
        claims[name] = typeof value === 'string' ? `x${value}` : value;
      },
      () => {
        claims[name] = typeof value === 'string' ? [1, value, null] : value;
      },
      () => {
        claims['sub'] = random.pick(['alice', 'bob', 'alice/x', 'carol', '*']);
      },
      () => delete claims['sub'],
      () => {
        claims['iss'] = random.pick(['https://idp.example', 'issuer-x', 'https://evil.example']);
      },
    ];
    random.pick(steps)();
  },
  header: (facts, random) => {
    const at = random.between(0, Math.max(0, facts.headers.length - 1));
    const header = facts.headers[at];
    if (header === undefined) {
      facts.headers.push([random.pick(['x-role', 'x-team', 'x-empty']), random.pick(['admin', 'user', '', 'a'])]);
      return;
    }
    const [name, value] = header;
    const others: [string, string][][] = [
      [],
      [[name, `${value}x`]],
      [[name, `x${value}`]],
      [[name, upper(value)]],
      [[name, `${value},other`]],
      [[name, `other,${value}`]],
      [
        [name, value],
        [name, 'other'],
      ],
      [
        [name, 'other'],
        [name, value],
      ],
      [[name, '']],
      [[name, `${value}\xe9`]],
      [[name, `\xff${value}`]],
      [[name, `${value} `]],
      [[`${name}-x`, value]],
    ];
    facts.headers.splice(at, 1, ...random.pick(others));
  },
} satisfies Record<string, Step>;

const PATH_STEPS: readonly ((path: string, random: Random) => string)[] = [
  (path) => `${path}/`,
  (path) => `/${path}`,
  (path) => path.replace(/\/(?=[^/]*$)/, '//'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/./'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/x/../'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/x/..;/'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/..;a=b/'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/.;a/'),
  (path) => path.replace(/\/(?=[^/]*$)/, '%2f'),
  (path) => path.replace(/\/(?=[^/]*$)/, '%2F'),
  (path) => path.replace(/\/(?=[^/]*$)/, '%5C'),
  (path) => path.replace(/\/(?=[^/]*$)/, '\\'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/%2e%2e/'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/%2E/'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/%252e%252e/'),
  (path) => `${path}?q=1`,
  (path) => `${path}#x`,
  (path) => `${path}%23x`,
  (path) => `${path}?a=/admin`,
  (path) => `${path};x=1`,
  (path) => `${path};`,
  (path) => `${path}%00`,
  (path) => `${path}.`,
  (path) => `${path}/..`,
  (path) => `${path}/%2e`,
  (path) => upper(path),
  (path) => path.slice(0, -1) || '/',
  (path, random) =>
    `${path}${random.pick(['x', '[b', ']', '|', '"', '<a>', '^', '`', '{x}', '~', '!', "'", '(', '*', '+', ',', ':', '@', '=', '&', '$'])}`,
  (path, random) =>
    `${path}${random.pick(['\xe9', '\xff', '\x80', '\xc3\xa9', '%C3%A9', '%c3%a9', '%ff', '%7', '%zz', '%', '%7e', '%41', '%20'])}`,
  (path, random) => `${random.pick(['/public', '/x', '/a/b'])}${path}`,
  (path, random) => encodeOne(path, random),
  (path, random) => encodeOne(path, random),
  (path) => `${path}/.`,
  (path) => `${path}/...`,
  (path) => `${path}/../`,
  (path) => `/..${path}`,
  (path) => `/.${path}`,
  (path) => `/./${path}`,
  (path) => path.replace(/\/(?=[^/]*$)/, '/.%2e/'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/%2e./'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/x/..//'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/x%2f..%2f'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/x%5c..%5c'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/x\\..\\'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/..;/'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/;/../'),
  (path) => `${path}?`,
  (path) => `${path}?x#y`,
  (path) => `${path}#y?x`,
  (path) => `${path}?/../admin`,
  (path) => `${path}?a?b`,
  (path) => `${path}?a=%2e%2f#`,
  (path) => path.replace(/^\//, '/\\'),
  (path) => `${path}%5c`,
  (path) => `${path}/%`,
  (path) => `${path}%2e`,
  (path) => `${path}%2E%2E`,
  (path) => path.replace(/\/(?=[^/]*$)/, '/%2e.;x/'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/.%2E;/'),
  (path) => path.replace(/\/(?=[^/]*$)/, '//../'),
  (path) => path.replace(/\/(?=[^/]*$)/, '/%2F/'),
  (path) => `${path}%`,
  (path) => `${path}%2`,
  (path) => `${path}%2g`,
  (path) => `${path}%2Fx`,
  (path, random) => `${path}${random.pick(['\x80', '\xe9', '\xff', '\xc3\xa9'])}`,
  (_, random) => random.pick(PATHS),
  (path) => path.replace(/^\//, ''),
  (path) => path.replace(/^\//, '%2f'),
  (path) => `/x/../..${path}`,
  (path) => path.replace(/\/(?=[^/]*$)/, '/a/'),
];

/** Percent-encodes one character. */
function encodeOne(path: string, random: Random): string {
  const at = random.between(0, path.length - 1);
  const code = path.charCodeAt(at).toString(16).padStart(2, '0');
  return `${path.slice(0, at)}%${random.chance(0.5) ? code : code.toUpperCase()}${path.slice(at + 1)}`;
}

/** Of ASCII alone: above it, one byte would become another character. */
function upper(text: string): string {
  return text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
}
