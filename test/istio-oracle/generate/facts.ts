import type { CaseRequest, Identities, Token } from '../case.ts';
import type { Random } from './random.ts';

/** A request under construction. */
export interface Facts {
  method: string;
  authority: string;
  path: string;
  headers: [string, string][];
  isHttp2: boolean;
  claims: Record<string, unknown> | undefined;
  peer: string | null;
  sni: string | undefined;
  directIp: string;
  remoteIp: string;
  localIp: string;
  localPort: number;
}

/** What a set gives its requests to choose from. */
export interface Surroundings {
  readonly identities: Identities;
  /** Trust domain and aliases. */
  readonly trustDomains: readonly string[];
  /** Issuers that the set's RequestAuthentication knows. */
  readonly issuers: readonly string[];
}

export const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PURGE'];
export const HOSTS = ['example.com', 'api.example.com', 'api.internal', 'Example.Com', 'example.com:8080', 'www.example.org'];
export const PATHS = [
  ...['/', '/admin', '/admin/x', '/public/info', '/info', '/api/v1/users/7', '/api/v1/users/7/roles', '/foo/a', '/foo/a/bar/b'],
  ...['/store/a/cart', '/store//cart', '/a.b', '/x/y/z.txt', '/pkg.Service/Method', '/user/admin', '/foo/', '/a%20b'],
];
export const DIRECT_IPS = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.7.33', '127.8.0.3'];
export const REMOTE_IPS = ['127.0.0.1', '10.1.2.3', '10.1.0.9', '192.168.1.7', '203.0.113.9', '198.51.100.200'];
export const REMOTE_IPS_6 = ['2001:db8::7', '2001:db8:1::1', '::1'];
export const LOCAL_PORTS = [8080, 443, 9090];

/** A request that fits no rule in particular. Most come over one connection: new ones are what costs. */
export function plainFacts(random: Random): Facts {
  return {
    method: random.chance(0.6) ? 'GET' : random.pick(METHODS),
    authority: random.pick(HOSTS),
    path: random.pick(PATHS),
    headers: [],
    isHttp2: random.chance(0.3),
    claims: undefined,
    peer: null,
    sni: undefined,
    directIp: '127.0.0.1',
    remoteIp: '10.1.2.3',
    localIp: '10.9.0.1',
    localPort: 8080,
  };
}

/** Both addresses of a PROXY header are of one family. */
export function setRemote(facts: Facts, address: string): void {
  facts.remoteIp = address;
  const isSix = address.includes(':');
  if (isSix !== facts.localIp.includes(':')) facts.localIp = isSix ? '2001:db8:9::1' : '10.9.0.1';
}

export function setLocal(facts: Facts, address: string): void {
  facts.localIp = address;
  const isSix = address.includes(':');
  if (isSix !== facts.remoteIp.includes(':')) facts.remoteIp = isSix ? '2001:db8::7' : '10.1.2.3';
}

export function ensureClaims(facts: Facts, surroundings: Surroundings, random: Random): Record<string, unknown> {
  facts.claims ??= { iss: random.pick(surroundings.issuers), sub: random.pick(['alice', 'bob']) };
  return facts.claims;
}

export interface TokenChoices {
  readonly token: Partial<Token>;
  readonly second?: Token;
}

export function requestOf(facts: Facts, choices: TokenChoices): CaseRequest {
  return {
    method: facts.method,
    authority: facts.authority,
    path: facts.path,
    headers: facts.headers,
    ...wireOf(facts),
    ...(facts.claims === undefined ? {} : { jwt: { claims: facts.claims, ...choices.token } }),
    ...(choices.second === undefined ? {} : { jwt2: choices.second }),
    ...(facts.isHttp2 ? { protocol: 'h2' as const } : {}),
  };
}

export function tcpRequestOf(facts: Facts): CaseRequest {
  return { kind: 'tcp', ...wireOf(facts) };
}

function wireOf({ peer, sni, directIp, remoteIp, localIp, localPort }: Facts) {
  return { peer, ...(peer === null || sni === undefined ? {} : { sni }), directIp, remoteIp, localIp, localPort };
}
