import type { Caller } from '../../src/core/caller.ts';
import { anonymousCaller } from '../../src/core/caller.ts';
import { Problem } from '../../src/core/problem.ts';
import type { DecisionRecord, EventRecord, OutcomeRecord, Recorder, RefusalRecord } from '../../src/core/record.ts';
import { Secret } from '../../src/core/secret.ts';
import { openAdmissions } from '../../src/gateway/admissions.ts';
import type { Limits, Timeouts } from '../../src/gateway/config.ts';
import { openLiveCalls } from '../../src/gateway/live.ts';
import type { BoundTarget, Corridor } from '../../src/gateway/port.ts';
import { openProxyDoor } from '../../src/gateway/proxy/server.ts';
import { upstreamPools } from '../../src/gateway/proxy/upstream-pools.ts';
import { isOwnCookie } from '../../src/identity/cookie-name.ts';
import { memoryStore, randomness, testLog } from '../../src/identity/fixture.ts';
import type { Authenticator, Credential, Identified } from '../../src/identity/port.ts';
import { openRevocations } from '../../src/identity/revocation.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { loadPolicies } from '../../src/policy/load.ts';
import type { ActivePolicy, PolicySet, Vocabulary } from '../../src/policy/port.ts';
import { createHttpAdapter } from '../../src/targets/http/adapter.ts';
import { HTTP_CATALOGUE } from '../../src/targets/http/catalogue.ts';
import type { TargetAdapter, TargetContext } from '../../src/targets/target.ts';
import { systemClock } from './records.ts';
import { upstreamServer } from './upstream.ts';

/**
 * The corridor and the proxy door over real rooms: policy, decide, the `http` adapter, revocations, live calls. The record is kept in
 * memory, and bearer `tok-NAME` is the user `NAME@acme.example`, of group `data` unless its name starts with `other`.
 */

export const HOST = 'web.acme.example';

const VOCABULARY: Vocabulary = {
  targets: [{ name: 'web', kind: 'http' }],
  catalogues: [HTTP_CATALOGUE],
  sources: [{ name: 'okta', home: false }],
  administrators: [],
};

/** Everything below /public for the group; nothing else. */
export const RULES = [
  '- { name: all, who: [group:data], can: [http.get, http.head, http.options, http.post, http.put, http.patch, http.delete, http.connect_socket, http.raw], on: ["web/open/**"] }',
];

export interface GatewayOptions {
  readonly rules?: readonly string[];
  readonly mode?: 'enforce' | 'observe';
  readonly limits?: Partial<Limits>;
  readonly timeouts?: Partial<Timeouts>;
  readonly authenticator?: Partial<Authenticator>;
  readonly recorder?: Partial<Recorder>;
  /** In place of the `http` adapter, or over it. */
  readonly adapter?: (http: TargetAdapter) => TargetAdapter;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Where calls go instead of the recording upstream. */
  readonly upstreamUrl?: string;
  readonly secret?: string;
}

export type TestGateway = Awaited<ReturnType<typeof testGateway>>;

export async function testGateway(options: GatewayOptions = {}) {
  const upstream = await upstreamServer();
  const log = testLog();
  const metrics = createMetrics();
  const store = memoryStore(systemClock);
  const record = keptRecord(options.recorder ?? {});
  const policy = switchablePolicy(policyOf(options.rules ?? RULES));
  const revocations = await openRevocations({ store, clock: systemClock, log, keepMs: 86_400_000 });
  const live = openLiveCalls({ clock: systemClock, log, metrics, revocations, policy });
  const pools = upstreamPools({ connectTimeoutMs: options.timeouts?.connect ?? 2_000 });
  const context: TargetContext = {
    name: 'web',
    upstream: { json: async () => ({ status: 404, body: undefined }) },
    whyUrl: (id) => `https://access.acme.example/why/${id}`,
    loginUrl: (to) => `/.fairlead/login?return=${encodeURIComponent(to)}`,
    now: () => Date.now(),
  };
  const http = createHttpAdapter(context, { sign: async (claims) => `signed.${claims.sub}` });
  const { secret } = options;
  const target: BoundTarget = {
    name: 'web',
    adapter: options.adapter?.(http) ?? http,
    mode: options.mode ?? 'enforce',
    access: ['policy'],
    upstream: new URL(options.upstreamUrl ?? upstream.url),
    origin: `https://${HOST}`,
    maxBodyBytes: 1024 * 1024,
    ...(secret === undefined ? {} : { secret: async () => new Secret(secret) }),
  };
  const corridor: Corridor = {
    clock: systemClock,
    randomness,
    log,
    metrics,
    routes: { find: (host) => (host === HOST ? target : undefined) },
    authenticator: { ...bearerNames(target), ...options.authenticator },
    revocations,
    policy,
    recorder: record.recorder,
    admissions: await openAdmissions({ store, clock: systemClock, log, policy }),
    live,
    isOwnCookie,
  };
  const notHere = (): never => {
    throw new Problem({ code: 'NOT_FOUND', kind: 'not_found', message: 'no sign-in in this test' });
  };
  const door = await openProxyDoor({
    corridor,
    listen: { host: '127.0.0.1', port: 0 },
    limits: { headBytes: 64 * 1024, bodyBytes: 1024 * 1024, messageBytes: 64 * 1024, connections: 10_000, ...options.limits },
    timeouts: {
      head: 10_000,
      body: 60_000,
      idle: 75_000,
      connect: 2_000,
      answer: 10_000,
      firstFrame: 10_000,
      ...options.timeouts,
    },
    scheme: options.tls === undefined ? 'http' : 'https',
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    dispatcherFor: () => pools.poolFor(target.upstream),
    ownPaths: {
      handoff: { begin: notHere, issue: notHere, redeem: notHere },
      sessions: { start: notHere, end: notHere, cookieValue: () => undefined },
      authenticator: corridor.authenticator,
    },
  });
  return {
    door,
    port: door.port,
    upstream,
    record,
    policy,
    revocations,
    live,
    log,
    metrics,
    corridor,
    async close() {
      await door.drain(0);
      live.close();
      await pools.close();
      await upstream.close();
    },
  };
}

export function policyOf(rules: readonly string[]): PolicySet {
  const text = `apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: { name: web }
spec:
  owner: data-team@acme.example
  rules:${rules.length === 0 ? ' []' : ''}
${rules.map((rule) => `    ${rule}\n`).join('')}`;
  const { policy, diagnostics } = loadPolicies(rules.length === 0 ? [] : [{ path: 'policies/web.yaml', text }], VOCABULARY);
  if (policy === undefined) throw new Error(JSON.stringify(diagnostics));
  return policy;
}

function switchablePolicy(first: PolicySet): ActivePolicy & { set(policy: PolicySet): void } {
  let current = first;
  const listeners = new Set<(policy: PolicySet) => void>();
  return {
    current: () => current,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(policy) {
      current = policy;
      for (const listener of [...listeners]) listener(policy);
    },
  };
}

/** Everything that was recorded, and in which order; `closed` waits for the outcome of a decision. */
function keptRecord(given: Partial<Recorder>) {
  const decisions: DecisionRecord[] = [];
  const refusals: RefusalRecord[] = [];
  const outcomes: OutcomeRecord[] = [];
  const events: EventRecord[] = [];
  const recorder: Recorder = {
    async decision(one) {
      await given.decision?.(one);
      decisions.push(one);
    },
    refusal(one) {
      refusals.push(one);
      given.refusal?.(one);
    },
    async event(one) {
      events.push(one);
    },
    outcome(one) {
      outcomes.push(one);
      given.outcome?.(one);
    },
  };
  return {
    recorder,
    decisions,
    refusals,
    outcomes,
    /** The outcomes of the decision at `index`, once there is one. */
    async outcome(index = 0): Promise<OutcomeRecord['outcome']> {
      await until(() => decisions[index] !== undefined && outcomes.some(({ id }) => id === decisions[index]?.id));
      const found = outcomes.filter(({ id }) => id === decisions[index]?.id);
      if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} outcomes for one decision`);
      return found[0].outcome;
    },
  };
}

export function user(name: string, peer: Caller['peer'] = { address: '127.0.0.1' }): Caller {
  return {
    subject: { kind: 'user', name: `${name}@acme.example` },
    actors: [],
    peer,
    source: 'okta',
    membership: { groups: name.startsWith('other') ? [] : ['data'], complete: true },
    claims: name.startsWith('nomail') ? {} : { email: `${name}@acme.example` },
  };
}

export function credentialOf(name: string): Credential {
  return { kind: 'bearer', id: `digest-${name}`, issuedAtMs: Date.now() - 60_000, viaCookie: false };
}

/** `Basic …` of the target's own secret counts only where it observes, as in the real room. */
export const SHARED = 'Basic c2hhcmVkOnNlY3JldA==';

function bearerNames(target: BoundTarget): Authenticator {
  const byToken = (token: string, peer: Caller['peer']): Identified => {
    const name = /^tok-([a-z]+)$/.exec(token)?.[1];
    if (name === undefined) return { kind: 'refused', problem: invalidToken() };
    return { kind: 'caller', caller: user(name, peer), credential: credentialOf(name), disclose: 'rule' };
  };
  return {
    async identify({ head, peer }) {
      const given = head.headers.get('authorization');
      if (given === undefined) return { kind: 'anonymous', caller: anonymousCaller(peer) };
      if (given === SHARED && target.mode === 'observe') {
        const caller: Caller = { ...anonymousCaller(peer), subject: { kind: 'shared_secret', target: 'web' } };
        return { kind: 'caller', caller, credential: { ...credentialOf('shared'), id: 'shared-secret:web' }, disclose: 'none' };
      }
      return byToken(given.replace(/^Bearer /, ''), peer);
    },
    identifyToken: async (token, { peer }) => byToken(token, peer),
  };
}

function invalidToken(): Problem {
  return new Problem({ code: 'TOKEN_INVALID', kind: 'unauthenticated', message: 'the bearer token is not known' });
}

/** Waits until `test` holds; fails after `withinMs`. */
export async function until(test: () => boolean, withinMs = 5_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!test()) {
    if (performance.now() > end) throw new Error('what was waited for did not happen');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
