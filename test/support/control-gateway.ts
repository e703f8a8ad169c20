import { request as httpRequest } from 'node:http';
import type { AuditEntry, AuditSearch, DecisionEntry } from '../../src/audit/port.ts';
import { openActivation, type PolicyTools } from '../../src/control/activation.ts';
import type { ControlParts } from '../../src/control/parts.ts';
import { openControl } from '../../src/control/server.ts';
import { type Caller, callerText } from '../../src/core/caller.ts';
import type { ObligationKind } from '../../src/core/decision.ts';
import { uuidv7 } from '../../src/core/id.ts';
import { Problem } from '../../src/core/problem.ts';
import type { EventRecord, OutcomeRecord, Recorder, RefusalRecord } from '../../src/core/record.ts';
import { sealInput } from '../../src/core/sealed-input.ts';
import { decide } from '../../src/decide/decide.ts';
import { sentence } from '../../src/decide/sentence.ts';
import { sessionsSchema } from '../../src/identity/config.ts';
import { ADA, CONTROL, oidcEntry, PEER, randomness, room, TARGET, testClock } from '../../src/identity/fixture.ts';
import { notEnforceable } from '../../src/policy/activation.ts';
import { nearest } from '../../src/policy/explain.ts';
import { loadPolicies } from '../../src/policy/load.ts';
import { runPolicyTests } from '../../src/policy/policy-test.ts';
import type { PolicyFile, Vocabulary } from '../../src/policy/port.ts';
import { parseResourceText } from '../../src/policy/resource-pattern.ts';
import { FAIRLEAD_CATALOGUE } from '../../src/targets/fairlead/catalogue.ts';
import { HTTP_CATALOGUE } from '../../src/targets/http/catalogue.ts';
import { parseHead } from '../../src/wire/head.ts';
import { CANARY, codeFlowIssuer } from './code-flow-issuer.ts';

/** The control origin over the real rooms of identity, policy and decide; store and record are in memory, the provider on loopback. */

export { CANARY, CONTROL, TARGET };
export const HOST = new URL(CONTROL).host;
export const GRACE = { sub: 'u-2', email: 'grace@acme.example', email_verified: true, groups: ['platform'] };
export { ADA };

export const POLICY: PolicyFile = {
  path: 'policies/web.yaml',
  text: `apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: { name: web }
spec:
  owner: data-team@acme.example
  rules:
    - { name: data-reads, who: [group:data], can: [http.get], on: ["web/reports/**"] }
    - { name: platform-reads, who: [group:platform], can: [http.get], on: ["web/**"] }
`,
};

export const VOCABULARY: Vocabulary = {
  targets: [{ name: 'web', kind: 'http' }],
  catalogues: [HTTP_CATALOGUE, FAIRLEAD_CATALOGUE],
  sources: [{ name: 'okta', home: false }],
  administrators: ['group:platform'],
};

export const TOOLS: PolicyTools = {
  load: (files) => loadPolicies(files, VOCABULARY),
  notEnforceable,
  test: (policy) =>
    runPolicyTests(policy, (input) => decide({ ...input, access: ['policy'], mode: 'enforce', admitted: new Set() }).decision),
};

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  json(): unknown;
  readonly location: string;
  readonly setCookies: readonly string[];
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
}

export type ControlGateway = Awaited<ReturnType<typeof controlGateway>>;

/** `origin` other than the public one is for clients that cannot be told to send another host; `sessions` as in a configuration. */
export async function controlGateway(
  given: {
    readonly origin?: string;
    readonly port?: number;
    readonly sessions?: Readonly<Record<string, string>>;
    /** In place of the provider whose browser is the test itself: an entry of `identity:`. */
    readonly source?: Readonly<Record<string, unknown>>;
  } = {},
) {
  const { origin = CONTROL, port = 0, sessions = {} } = given;
  const clock = testClock();
  const provider = await codeFlowIssuer(clock);
  const identityRoom = await room([given.source ?? oidcEntry(provider.issuer.issuer)], {
    clock,
    controlOrigin: origin,
    sessions: sessionsSchema.parse(sessions),
  });
  const { identity, store, log, health } = identityRoom;
  const record = memoryRecord();
  const activation = await openActivation(
    { tools: TOOLS, enforced: new Set<ObligationKind>(), store, clock, log, health, metrics: NO_METRICS },
    [POLICY],
  );
  const decideNow: ControlParts['decide'] = (caller, requests) =>
    decide({
      caller,
      requests,
      policy: activation.current(),
      access: ['policy'],
      mode: 'enforce',
      now: new Date(clock.now()),
      admitted: new Set(),
    });
  const parts: ControlParts = {
    origin,
    clock,
    randomness,
    log,
    metrics: NO_METRICS,
    recorder: record.recorder,
    search: record.search,
    activation,
    authenticator: identity.authenticator,
    sessions: identity.sessions,
    login: identity.login,
    providerLogout: identity.providerLogout,
    handoff: identity.handoff,
    cliLogin: identity.cliLogin,
    tokens: identity.programTokens,
    revocations: identity.revocations,
    targets: [{ name: 'web', kind: 'http', origin: TARGET, mode: 'enforce' }],
    decide: decideNow,
    nearest: (caller, request) => nearest(activation.current(), { caller, request, now: new Date(clock.now()) }),
    sentence,
    parseHead,
    parseResource(text) {
      const path = parseResourceText(text);
      if (path === undefined) throw new Problem({ code: 'RESOURCE_INVALID', kind: 'invalid', message: 'no resource' });
      return path;
    },
  };
  const server = await openControl(parts, {
    listen: { host: '127.0.0.1', port },
    limits: { headBytes: 16 * 1024, connections: 100 },
    jwks: async () => ({ keys: [{ kid: 'k1' }] }),
  });

  const send = (path: string, sent: Sent = {}) => sendTo(server.port, path, sent);

  /** A whole sign-in as a browser does it; yields the `Cookie` value of the session. */
  async function signIn(who: Record<string, unknown>, given: { returnTo?: string; cookie?: string } = {}) {
    const { callback, cookie } = await begin(who, given);
    const done = await send(callback, { headers: { cookie } });
    const session = done.setCookies.map((one) => one.split(';')[0] ?? '').find((one) => /^__Host-fl_[0-9a-f]{16}=./.test(one));
    return { done, callback, stateCookie: cookie, cookie: session ?? '' };
  }

  /** A sign-in up to the moment where the provider sends the browser back. */
  async function begin(who: Record<string, unknown>, given: { returnTo?: string; cookie?: string } = {}) {
    const held = given.cookie === undefined ? {} : { cookie: given.cookie };
    const start = await send(`/login/okta?${new URLSearchParams({ return: given.returnTo ?? '/' })}`, { headers: held });
    const state = start.setCookies[0]?.split(';')[0] ?? '';
    const cookie = given.cookie === undefined ? state : `${given.cookie}; ${state}`;
    return { start, callback: provider.authorize(start.location, who), cookie };
  }

  /** A decision about a call to the target, in the record as the gateway would have put it there. */
  async function decided(caller: Caller, path: readonly string[], peer = PEER.address): Promise<string> {
    const id = uuidv7(clock, randomness);
    const requests = [
      { action: 'http.get', resource: { path: ['web', ...path], attributes: {} }, attributes: { method: 'GET' } },
    ] as const;
    const { decision, attributesRead } = decideNow(caller, [requests[0]]);
    await record.recorder.decision({
      id,
      timeMs: clock.now(),
      target: 'web',
      door: 'proxy',
      class: 'read',
      caller: callerText(caller),
      source: caller.source,
      peer,
      method: 'GET',
      path: `/${path.join('/')}`,
      operation: 'GET',
      decision,
      attributes: { ...attributesRead, 'fairlead.input': sealInput(caller, requests) },
    });
    return id;
  }

  return {
    ...identityRoom,
    identity,
    parts,
    port: server.port,
    record,
    activation,
    provider,
    send,
    signIn,
    begin,
    decided,
    async close() {
      await server.close();
      await provider.issuer.close();
    },
  };
}

export function person(name: string, groups: readonly string[]): Caller {
  return {
    subject: { kind: 'user', name },
    actors: [],
    peer: PEER,
    source: 'okta',
    membership: { groups, complete: true },
    claims: {},
  };
}

const NO_METRICS = { count() {}, gauge() {}, observe() {} };

function memoryRecord() {
  const entries: AuditEntry[] = [];
  const events: EventRecord[] = [];
  const refusals: RefusalRecord[] = [];
  const outcomes: OutcomeRecord[] = [];
  const recorder: Recorder = {
    async decision(one) {
      entries.push({ type: 'decision.v1', seq: entries.length, truncated: [], ...one });
    },
    refusal(one) {
      refusals.push(one);
      entries.push({ type: 'refusal.v1', seq: entries.length, truncated: [], ...one });
    },
    async event(one) {
      events.push(one);
      const { type: event, ...rest } = one;
      entries.push({ type: 'event.v1', seq: entries.length, truncated: [], event, ...rest });
    },
    outcome(one) {
      outcomes.push(one);
    },
  };
  const search: AuditSearch = {
    async search(query) {
      const limit = query.limit ?? 50;
      const from = Number(query.cursor ?? 0);
      const found = entries
        .filter((entry) => matches(entry, query))
        .toReversed()
        .map((entry) => sealed(entry, query.reveal));
      const page = found.slice(from, from + limit);
      return { entries: page, ...(found.length > from + limit ? { cursor: String(from + limit) } : {}) };
    },
    async get(id, options) {
      const found = entries.find((entry) => entry.id === id);
      return found && sealed(found, options?.reveal);
    },
  };
  const decisions = () => entries.filter((entry): entry is DecisionEntry => entry.type === 'decision.v1');
  return { recorder, search, entries, events, refusals, outcomes, decisions };
}

function matches(entry: AuditEntry, query: Parameters<AuditSearch['search']>[0]): boolean {
  if (query.sinceMs !== undefined && entry.timeMs < query.sinceMs) return false;
  if (entry.type !== 'decision.v1') {
    const caller = entry.type === 'event.v1' ? entry.caller : undefined;
    return query.verdict === undefined && query.target === undefined && (query.caller === undefined || query.caller === caller);
  }
  return (
    (query.caller === undefined || query.caller === entry.caller) &&
    (query.verdict === undefined || query.verdict === entry.decision.verdict) &&
    (query.target === undefined || query.target === entry.target)
  );
}

function sealed(entry: AuditEntry, reveal: boolean | undefined): AuditEntry {
  if (entry.type !== 'decision.v1' || reveal === true) return entry;
  const requests = entry.decision.requests.map((request) => ({
    ...request,
    clauses: request.clauses.map((clause) => ({ ...clause, observed: '' })),
  }));
  return { ...entry, attributes: undefined, decision: { ...entry.decision, requests } };
}

/** Over a real connection, under any host name. */
export function sendTo(port: number, path: string, { method = 'GET', headers = {}, body }: Sent): Promise<Answer> {
  const bytes = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'object' ? { 'content-type': 'application/json' } : {};
  const length = bytes === undefined ? {} : { 'content-length': String(Buffer.byteLength(bytes)) };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { port, host: '127.0.0.1', path, method, headers: { host: HOST, ...type, ...length, ...headers } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text,
            json: () => JSON.parse(text) as unknown,
            location: answer.headers.location ?? '',
            setCookies: answer.headers['set-cookie'] ?? [],
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(bytes);
  });
}
