import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Clock, Health, Log, LogFields, Randomness, Store } from '../core/ports.ts';
import { Secret } from '../core/secret.ts';
import type { RequestHead } from '../wire/call.ts';
import { parseHead } from '../wire/head.ts';
import { HeaderList } from '../wire/headers.ts';
import { type IdentitySourceConfig, identitySchema, sessionsSchema } from './config.ts';
import { type Identity, type IdentityOptions, openIdentity } from './identity.ts';

/** What the tests of this room are built on: real ports in memory, and an issuer on loopback that can misbehave. */

export const CONTROL = 'https://access.acme.example';
export const TARGET = 'https://prefect.acme.example';
export const PEER = { address: '127.0.0.1' };

export interface TestClock extends Clock {
  nowMs: number;
}

export function testClock(nowMs = Math.floor(Date.now() / 1000) * 1000): TestClock {
  return {
    nowMs,
    now() {
      return this.nowMs;
    },
  };
}

export const randomness: Randomness = { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) };

/** The store's contract in memory; values pass through JSON as on disk. */
export function memoryStore(clock: Clock): Store & { readonly text: () => string } {
  const kept = new Map<string, { text: string; expiresAtMs: number | undefined }>();
  const id = (kind: string, key: string) => `${kind}\n${key}`;
  const read = (name: string): unknown => {
    const found = kept.get(name);
    if (found === undefined || (found.expiresAtMs !== undefined && found.expiresAtMs <= clock.now())) return undefined;
    return JSON.parse(found.text);
  };
  return {
    text: () => JSON.stringify([...kept]),
    get: async (kind, key) => read(id(kind, key)),
    async list(kind, prefix = '') {
      const start = id(kind, prefix);
      const names = [...kept.keys()].filter((name) => name.startsWith(start) && read(name) !== undefined);
      return names.map((name) => {
        const expiresAtMs = kept.get(name)?.expiresAtMs;
        return { key: name.slice(kind.length + 1), value: read(name), ...(expiresAtMs === undefined ? {} : { expiresAtMs }) };
      });
    },
    async put(kind, key, value, options) {
      kept.set(id(kind, key), { text: JSON.stringify(value), expiresAtMs: options?.expiresAtMs });
    },
    async add(kind, key, value, options) {
      if (read(id(kind, key)) !== undefined) return false;
      await this.put(kind, key, value, options);
      return true;
    },
    async delete(kind, key) {
      kept.delete(id(kind, key));
    },
    async take(kind, key) {
      const value = read(id(kind, key));
      kept.delete(id(kind, key));
      return value;
    },
  };
}

export interface TestLog extends Log {
  readonly lines: { readonly event: string; readonly fields: LogFields | undefined }[];
}

export function testLog(): TestLog {
  const lines: TestLog['lines'] = [];
  const add = (event: string, fields?: LogFields): void => {
    lines.push({ event, fields });
  };
  return { lines, info: add, warn: add, error: add };
}

export interface TestHealth extends Health {
  readonly states: Map<string, string>;
}

export function testHealth(): TestHealth {
  const states = new Map<string, string>();
  return { states, set: (component, state) => states.set(component, state) };
}

export interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function signingKey(kid: string, algorithm = 'ES256'): Promise<SigningKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true });
  return { privateKey: pair.privateKey, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg: algorithm, use: 'sig' } };
}

export interface TestIssuer {
  readonly issuer: string;
  key: SigningKey;
  keys: JWK[];
  /** Answers in place of the usual documents; return false to leave it to them. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly hits: string[];
  sign(claims: Record<string, unknown>, options?: SignOptions): Promise<string>;
  close(): Promise<void>;
}

export interface SignOptions {
  readonly header?: Record<string, unknown>;
  readonly key?: SigningKey;
}

/** An issuer with discovery, keys and signed tokens; claims given as `undefined` are left out. */
export async function testIssuer(clock: Clock, path = ''): Promise<TestIssuer> {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.url ?? '');
    if (made.answer(request, response)) return;
    const documents: Record<string, unknown> = {
      [`${path}/.well-known/openid-configuration`]: { issuer: made.issuer, jwks_uri: `${made.issuer}/keys` },
      [`${path}/keys`]: { keys: made.keys },
    };
    const document = documents[request.url ?? ''];
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const key = await signingKey('k1');
  const made: TestIssuer = {
    issuer: `http://127.0.0.1:${port}${path}`,
    key,
    keys: [key.jwk],
    answer: () => false,
    hits,
    sign(claims, options = {}) {
      const by = options.key ?? made.key;
      const now = Math.floor(clock.now() / 1000);
      const all = { iss: made.issuer, aud: 'fairlead', iat: now, exp: now + 600, ...claims };
      const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
      const header = { alg: by.jwk.alg ?? 'ES256', ...(by.jwk.kid === undefined ? {} : { kid: by.jwk.kid }), ...options.header };
      return new SignJWT(kept).setProtectedHeader(header).sign(by.privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return made;
}

export function sourceConfigs(list: readonly unknown[]): readonly IdentitySourceConfig[] {
  return identitySchema.parse(list);
}

export function oidcEntry(issuer: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: 'okta',
    oidc: { issuer, clientId: 'fairlead', audience: ['fairlead'] },
    owns: { users: ['*@acme.example'], groups: ['*'], agents: ['copilot*'], workloads: ['fraud/*'] },
    disclose: 'rule',
    ...more,
  };
}

export function clusterEntry(issuer: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: 'prod', kubernetes: { issuer, audience: ['fairlead'], ...more }, home: true };
}

export interface Room {
  readonly identity: Identity;
  readonly clock: TestClock;
  readonly store: ReturnType<typeof memoryStore>;
  readonly log: TestLog;
  readonly health: TestHealth;
}

/** The whole room over its real parts. */
export async function room(
  list: readonly unknown[],
  given: Partial<IdentityOptions> & { clock?: TestClock } = {},
): Promise<Room> {
  const clock = given.clock ?? testClock();
  const store = (given.store as ReturnType<typeof memoryStore> | undefined) ?? memoryStore(clock);
  const log = testLog();
  const health = testHealth();
  const identity = await openIdentity({
    sources: sourceConfigs(list),
    sessions: sessionsSchema.parse({}),
    controlOrigin: CONTROL,
    isTargetOrigin: (origin) => origin === TARGET,
    secrets: { read: async () => new Secret('a-client-secret') },
    randomness,
    log,
    health,
    ...given,
    clock,
    store,
  });
  return { identity, clock, store, log, health };
}

/** A request head as a door makes it, but for headers that stand twice: the proxy door refuses some of those before us. */
export function head(input: {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: readonly (readonly [string, string])[];
}): RequestHead {
  const { method = 'GET', target = '/', headers = [] } = input;
  const raw = [['host', 'prefect.acme.example'], ...headers].flat();
  const once = [['host', 'prefect.acme.example'], ...headers.filter(([name]) => UPGRADE.some(([one]) => one === name))].flat();
  return { ...parseHead({ method, target, rawHeaders: once }), headers: HeaderList.fromRaw(raw) };
}

export const UPGRADE: readonly (readonly [string, string])[] = [
  ['connection', 'Upgrade'],
  ['upgrade', 'websocket'],
  ['sec-websocket-version', '13'],
  ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ=='],
];

/** `name=value` of a Set-Cookie. */
export function cookiePair(setCookie: string): string {
  return setCookie.split(';')[0] ?? '';
}

export const ADA = { sub: 'u-1', email: 'ada@acme.example', email_verified: true, groups: ['data'] };

export const SCORER = {
  sub: 'system:serviceaccount:fraud:scorer',
  'kubernetes.io': { namespace: 'fraud', serviceaccount: { name: 'scorer', uid: '0b1c' }, pod: { name: 'scorer-7d9', uid: '1' } },
};
