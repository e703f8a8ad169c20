import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { AnsweredCase, Case, CaseRequest, HttpRequest, Identities, Verdict } from '../case.ts';
import { askTcp, type Channel, http1Channel, http2Channel, type Reply } from './ask.ts';
import { Authoriser } from './authoriser.ts';
import { type Certificates, issueCertificates } from './certificates.ts';
import { type Cluster, Envoy } from './envoy.ts';
import { FACTS, type Fact, listenersOf } from './listeners.ts';
import { openSocket, socketKey } from './socket.ts';
import { Tokens } from './tokens.ts';
import type { Translation } from './translation.ts';

/** Sets that one Envoy carries at a time, and sets that are asked at the same time. */
const SETS_AT_ONCE = 150;
const LANES = 12;

export interface Driver {
  /** Answers cases; a set that Envoy or the translator refuses is left out and named. */
  answer(cases: readonly Case[], translations: ReadonlyMap<string, Translation>): AsyncGenerator<Outcome>;
  close(): Promise<void>;
  readonly keySet: string;
}

export type Outcome =
  | { readonly kind: 'answered'; readonly answered: AnsweredCase }
  | { readonly kind: 'refused'; readonly id: string; readonly reason: string };

export interface DriverOptions {
  readonly binary: string;
  /** `1.40.0`: what answers say about who gave them. */
  readonly version: string;
  readonly folder: string;
  readonly identities: Identities;
}

/** Asks real Envoys. Certificates, keys and the external authoriser are made once. */
export async function openDriver({ binary, version, folder, identities }: DriverOptions): Promise<Driver> {
  const certificates = await issueCertificates(join(folder, 'certificates'), identities);
  const tokens = new Tokens();
  const authoriser = new Authoriser();
  const ports = await authoriser.listen();
  const dead = await closedPort();
  let batches = 0;

  const clustersOf = (cases: readonly Case[]): Cluster[] => {
    const clusters = new Map<string, Cluster>();
    for (const provider of cases.flatMap((one) => one.mesh.extensionProviders ?? [])) {
      for (const [settings, isHttp2] of [
        [provider.envoyExtAuthzGrpc, true],
        [provider.envoyExtAuthzHttp, false],
      ] as const) {
        if (settings === undefined || settings.port > 65_535) continue;
        const name = `outbound|${settings.port}||${settings.service.replace(/^[^/]*\//, '')}`;
        const port = settings.service.includes('dead') ? dead : isHttp2 ? ports.grpc : ports.http;
        clusters.set(name, { name, port, isHttp2 });
      }
    }
    return [...clusters.values()];
  };

  async function* answer(cases: readonly Case[], translations: ReadonlyMap<string, Translation>): AsyncGenerator<Outcome> {
    for (let at = 0; at < cases.length; at += SETS_AT_ONCE) {
      const batch: { set: Case; translation: Translation }[] = [];
      for (const set of cases.slice(at, at + SETS_AT_ONCE)) {
        const translation = translations.get(set.id);
        if (translation === undefined || translation.error !== undefined) {
          yield { kind: 'refused', id: set.id, reason: `not translated: ${translation?.error ?? 'no answer'}` };
        } else batch.push({ set, translation });
      }
      const listeners = batch.flatMap(({ set, translation }) => listenersOf(set, translation, certificates));
      const clusters = clustersOf(batch.map(({ set }) => set));
      batches += 1;
      const envoy = await Envoy.start(binary, join(folder, `envoy-${version}-${batches}`), listeners, clusters);
      try {
        const outcomes: Outcome[] = [];
        const queue = [...batch];
        const lane = async (): Promise<void> => {
          for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
            outcomes.push(await answerSet({ ...next, envoy, certificates, tokens, authoriser, version }));
          }
        };
        await Promise.all(Array.from({ length: LANES }, lane));
        yield* outcomes;
      } finally {
        await envoy.stop();
      }
    }
  }

  return {
    answer,
    keySet: tokens.keySet,
    close: async () => {
      authoriser.close();
    },
  };
}

interface Asking {
  readonly set: Case;
  readonly translation: Translation;
  readonly envoy: Envoy;
  readonly certificates: Certificates;
  readonly tokens: Tokens;
  readonly authoriser: Authoriser;
  readonly version: string;
}

async function answerSet(asking: Asking): Promise<Outcome> {
  const { set, translation, envoy, version } = asking;
  const http = envoy.ports.get(`http-${set.id}`);
  const tcp = envoy.ports.get(`tcp-${set.id}`);
  if (http === undefined || tcp === undefined) return { kind: 'refused', id: set.id, reason: 'envoy refused the filters' };
  const channels = new Map<string, Channel>();
  const verdicts: Verdict[] = [];
  try {
    for (const request of set.requests) verdicts.push(await answerRequest(asking, request, { http, tcp }, channels));
  } catch (error) {
    throw new Error(`set ${set.id}, request ${verdicts.length}`, { cause: error });
  } finally {
    for (const channel of channels.values()) channel.close();
  }
  const { validation, attached } = translation;
  return { kind: 'answered', answered: { ...set, envoy: version, validation, attached, verdicts } };
}

async function answerRequest(
  { set, certificates, tokens, authoriser }: Asking,
  request: CaseRequest,
  ports: { readonly http: number; readonly tcp: number },
  channels: Map<string, Channel>,
): Promise<Verdict> {
  if (request.kind === 'tcp') {
    const isAllowed = await askTcp(await openSocket(ports.tcp, request, undefined, certificates));
    return { v: isAllowed ? 'allow' : 'deny' };
  }
  const isHttp2 = request.protocol === 'h2';
  const key = socketKey(request, isHttp2 ? 'h2' : 'h1');
  let channel = channels.get(key);
  if (channel === undefined || !channel.isOpen()) {
    const socket = await openSocket(ports.http, request, isHttp2 ? 'h2' : 'http/1.1', certificates);
    channel = isHttp2 ? http2Channel(socket) : http1Channel(socket);
    channels.set(key, channel);
  }
  const before = authoriser.asked(set.id);
  const reply = await channel.ask({ ...request, headers: headersOf(request, tokens) });
  const asked = authoriser.asked(set.id) > before ? providerKind(set) : undefined;
  return verdictOf(reply, isHttp2, asked);
}

function headersOf(request: HttpRequest, tokens: Tokens): (readonly [string, string])[] {
  const carried = [request.jwt, request.jwt2].filter((token) => token !== undefined);
  return [...request.headers, ...carried.map((token) => tokens.header(token))];
}

function providerKind(set: Case): string {
  return set.mesh.extensionProviders?.some((provider) => provider.envoyExtAuthzHttp !== undefined) === true ? 'http' : 'grpc';
}

/** Response-code details of a denial by policy: RBAC, the token filter, the external authoriser. */
const DENIALS = /^(?:rbac|ext_authz_|jwt_authn)/;
const RBAC = /^rbac_access_denied_matched_policy\[(.*)\]$/;

function verdictOf(reply: Reply | undefined, isHttp2: boolean, asked: string | undefined): Verdict {
  if (reply === undefined) return { v: 'reject', by: isHttp2 ? 'h2_stream_reset' : 'http1_closed' };
  const facts: Partial<Record<Fact, string>> = {};
  for (const [header, key] of FACTS) {
    const value = reply.headers.get(header)?.replace(/^"(.*)"$/, '$1');
    if (value !== undefined && value !== '-' && value !== '') facts[key] = value;
  }
  const { details, ...rest } = facts;
  const common = { s: reply.status, ...rest, ...(asked === undefined ? {} : { asked }) };
  if (details === 'direct_response') return { v: 'allow', ...common };
  // Without a route the request has passed all filters.
  if (details === 'route_not_found') return { v: 'allow', by: details, ...common };
  const policy = RBAC.exec(details ?? '')?.[1];
  if (policy !== undefined) return { v: 'deny', by: 'rbac', id: policy, ...common };
  return { v: DENIALS.test(details ?? '') ? 'deny' : 'reject', ...(details === undefined ? {} : { by: details }), ...common };
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
