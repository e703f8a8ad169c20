import type { DroppedTerm } from '../chain.ts';
import type { IdentityTest, LeafTest, Matcher, Origin, StringTest } from '../matcher.ts';
import { wireText } from '../wire-text.ts';
import { parseCidr } from './cidr.ts';
import { expandPrincipal, expandTrustDomain, type TrustBundle } from './trust-domain.ts';

/** What the meaning of a value hangs on beside the value. */
export interface TermScope {
  /** Of the policy: a service account without a namespace is in it. */
  readonly namespace: string;
  readonly bundle: TrustBundle;
  readonly transport: 'http' | 'tcp';
}

export type DropReason = DroppedTerm['reason'];

/** One value of one field as matchers, of which one must hold, or why it cannot be translated. */
export type Term = (value: string, origin: Origin, scope: TermScope) => readonly Matcher[] | DropReason;

/** The terms by the field that carries them (istio pilot/pkg/security/authz/model). */
export const hosts: Term = httpOnly((value) => ({ type: 'header', name: ':authority', test: headerTest(wireText(value), true) }));
export const methods: Term = httpOnly((value) => ({ type: 'header', name: ':method', test: headerTest(wireText(value), false) }));
export const paths: Term = httpOnly((value) => ({
  type: 'path',
  test: isTemplate(value) ? { op: 'template', template: value } : stringTest(wireText(value)),
}));
export const ports: Term = (value, origin) => {
  // Go's ParseUint: digits alone, leading zeros included.
  const port = /^[0-9]{1,20}$/.test(value) ? Number(value) : Number.NaN;
  return port <= 65_535 ? [{ type: 'port', port, origin }] : 'bad-port';
};
export const localIps: Term = (value, origin) => blockTerm('localIp', value, origin);
export const directIps: Term = (value, origin) => blockTerm('directIp', value, origin);
export const remoteIps: Term = (value, origin) => blockTerm('remoteIp', value, origin);
export const sni: Term = (value, origin) => [{ type: 'sni', test: stringTest(wireText(value)), origin }];

export const principals: Term = (value, origin, { bundle }) =>
  expandPrincipal(value, bundle).map((one) => ({ type: 'identity', test: principalTest(wireText(one)), origin }));
export const namespaces: Term = (value, origin) => [
  { type: 'identity', test: { op: 'namespace', value: wireText(value) }, origin },
];
export const serviceAccounts: Term = (value, origin, scope) => {
  const slash = value.indexOf('/');
  const namespace = slash < 0 ? scope.namespace : value.slice(0, slash);
  return [
    {
      type: 'identity',
      test: { op: 'serviceAccount', namespace: wireText(namespace), name: wireText(value.slice(slash + 1)) },
      origin,
    },
  ];
};
export const trustDomains: Term = (value, origin, { bundle }) =>
  expandTrustDomain(value, bundle).map((one) => ({
    type: 'identity',
    test: { op: 'trustDomain', value: wireText(one) },
    origin,
  }));

export const requestPrincipals: Term = (value, origin, { transport }) => {
  if (transport === 'tcp') return 'http-only';
  const [iss, sub] = splitRequestPrincipal(value);
  return [
    {
      type: 'and',
      of: [
        { type: 'claim', path: ['iss'], shape: 'string', test: iss, origin },
        { type: 'claim', path: ['sub'], shape: 'string', test: sub, origin },
      ],
    },
  ];
};

/** A claim by its path; of the path undefined when the key that names it is malformed. */
export function claim(path: readonly string[] | undefined): Term {
  return (value, origin, { transport }) => {
    if (transport === 'tcp') return 'http-only';
    return path === undefined ? 'bad-key' : [{ type: 'claim', path, shape: 'list', test: stringTest(value), origin }];
  };
}

export function header(name: string | undefined): Term {
  return (value, origin, { transport }) => {
    if (transport === 'tcp') return 'http-only';
    if (name === undefined) return 'bad-key';
    // Envoy's header map calls the authority by both names.
    const lower = name.toLowerCase();
    return [{ type: 'header', name: lower === 'host' ? ':authority' : lower, test: headerTest(wireText(value), false), origin }];
  };
}

/** `experimental.envoy.filters.X[k]`; a value in brackets asks for an element of a list. */
export function metadata(key: { readonly filter: string; readonly key: string } | undefined): Term {
  return (value, origin) => {
    if (key === undefined) return 'bad-key';
    const isList = value.startsWith('[') && value.endsWith(']');
    const test = stringTest(isList ? value.replace(/^[[\]]+|[[\]]+$/g, '') : value);
    return [{ type: 'metadata', ...key, shape: isList ? 'list' : 'string', test, origin }];
  };
}

/** The four forms of a value, in the order in which Istio tries them: `*`, `*suffix`, `prefix*`, exact. */
export function stringTest(value: string, prefix = ''): StringTest {
  if (value === '*') return { op: 'nonEmpty' };
  if (value.startsWith('*')) return { op: 'suffix', value: value.slice(1), ignoreCase: false };
  if (value.endsWith('*')) return { op: 'prefix', value: prefix + value.slice(0, -1), ignoreCase: false };
  return { op: 'exact', value: prefix + value, ignoreCase: false };
}

function headerTest(value: string, ignoreCase: boolean): StringTest {
  if (value === '*') return { op: 'present' };
  const test = stringTest(value);
  return 'value' in test ? { ...test, ignoreCase } : test;
}

function principalTest(value: string): IdentityTest {
  const test = stringTest(value, 'spiffe://');
  return test.op === 'suffix' ? { op: 'spiffeSuffix', suffix: test.value } : test;
}

function isTemplate(value: string): boolean {
  return value.includes('{*}') || value.includes('{**}');
}

/** Issuer and subject, split at the last slash; with a leading star the part after the slash is taken as it is written. */
function splitRequestPrincipal(value: string): readonly [iss: StringTest, sub: StringTest] {
  const slash = value.lastIndexOf('/');
  const left = value.slice(0, Math.max(slash, 0));
  const right = value.slice(slash + 1);
  const any: StringTest = { op: 'nonEmpty' };
  const exact = (text: string): StringTest => ({ op: 'exact', value: text, ignoreCase: false });
  if (value === '*') return [any, any];
  if (value.startsWith('*')) {
    if (slash < 0) return [any, { op: 'suffix', value: value.slice(1), ignoreCase: false }];
    return [left === '*' ? any : { op: 'suffix', value: left.slice(1), ignoreCase: false }, exact(right)];
  }
  if (value.endsWith('*')) {
    if (slash < 0) return [{ op: 'prefix', value: value.slice(0, -1), ignoreCase: false }, any];
    return [exact(left), right === '*' ? any : { op: 'prefix', value: right.slice(0, -1), ignoreCase: false }];
  }
  return slash < 0 ? [exact(value), exact('')] : [exact(left), exact(right)];
}

function httpOnly(read: (value: string) => LeafTest): Term {
  return (value, origin, { transport }) => (transport === 'tcp' ? 'http-only' : [{ ...read(value), origin }]);
}

function blockTerm(type: 'localIp' | 'directIp' | 'remoteIp', value: string, origin: Origin): readonly Matcher[] | DropReason {
  const block = parseCidr(value);
  return block === undefined ? 'bad-cidr' : [{ type, block, origin }];
}
