import type { JsonObject } from '../../wire/call.ts';
import type { PeerIdentity } from '../facts.ts';
import { type RequestDraft, wireText } from './draft.ts';
import type { ReadRequest } from './read-request.ts';
import { unreadableRequest } from './token.ts';

/**
 * One line of an Envoy access log in JSON, with the member names of Istio's own format and those that people often add. A log holds
 * neither the headers nor, as Istio sets it up, who called. Problem: REQUEST_UNREADABLE.
 */
export function readAccessLogJson(value: JsonObject): ReadRequest {
  const text = (...names: readonly string[]): string | undefined => {
    const found = names
      .map((name) => value[name])
      .find((one) => typeof one === 'number' || (typeof one === 'string' && one !== '-' && one !== ''));
    return found === undefined ? undefined : String(found);
  };
  const draft = draftOf({
    method: text('method', ':method', 'request_method'),
    path: text('x_envoy_original_path', 'path', ':path', 'request_path'),
    protocol: text('protocol'),
    authority: text('authority', ':authority', 'host', 'request_authority'),
    forwardedFor: text('x_forwarded_for', 'x-forwarded-for'),
    userAgent: text('user_agent', 'user-agent'),
    local: text('downstream_local_address'),
    remote: text('downstream_remote_address'),
    direct: text('downstream_direct_remote_address'),
    cluster: text('upstream_cluster'),
    sni: text('requested_server_name'),
    peerUri: text('downstream_peer_uri_san', 'peer_uri_san', 'source_principal'),
    peerSubject: text('downstream_peer_subject'),
  });
  return {
    form: 'access-log-json',
    draft,
    logged: { status: Number(text('response_code') ?? 0) || 0, details: text('response_code_details') ?? '' },
  };
}

/** Words of Istio's default text format: brackets and quotes hold words together. */
const WORDS = /\[[^\]]*\]|"(?:[^"\\]|\\.)*"|\S+/g;

/** Longer than any line with the longest path that Envoy takes by default. */
const MOST_CHARACTERS = 65_536;

/** One line of an Envoy access log in Istio's default text format. Problem: REQUEST_UNREADABLE. */
export function readAccessLogText(text: string): ReadRequest {
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line.length > MOST_CHARACTERS) throw unreadableRequest(`the line is longer than ${MOST_CHARACTERS} characters`);
  // `rbac_access_denied_matched_policy[ns[a]-policy[b]-rule[0]]` begins with no bracket, so it stays one word.
  const words = line.match(WORDS)?.map((word) => word.replace(/^"(.*)"$/s, '$1')) ?? [];
  const word = (index: number): string | undefined => (words[index] === '-' || words[index] === '' ? undefined : words[index]);
  const [, method, path, protocol] = /^(\S+) (\S+) (\S+)$/.exec(words[1] ?? '') ?? [];
  if (words.length < 20 || !/^\d+$/.test(words[2] ?? ''))
    throw unreadableRequest("this is not a line of an access log in Istio's default format");
  const isHttp = method !== undefined && method !== '-';
  const draft = draftOf({
    ...(isHttp ? { method, path, protocol } : {}),
    forwardedFor: word(11),
    userAgent: word(12),
    authority: word(14),
    cluster: word(16),
    local: word(18),
    remote: word(19),
    sni: word(20),
  });
  return { form: 'access-log-text', draft, logged: { status: Number(words[2]), details: word(4) ?? '' } };
}

interface LogFields {
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly protocol?: string | undefined;
  readonly authority?: string | undefined;
  readonly forwardedFor?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly local?: string | undefined;
  readonly remote?: string | undefined;
  readonly direct?: string | undefined;
  readonly cluster?: string | undefined;
  readonly sni?: string | undefined;
  readonly peerUri?: string | undefined;
  readonly peerSubject?: string | undefined;
}

function draftOf(log: LogFields): RequestDraft {
  const remote = addressOf(log.remote);
  const direct = addressOf(log.direct) ?? remote;
  const local = addressOf(log.local);
  // `inbound|8080||` names the port of the workload itself; the local address has it too, unless traffic was redirected.
  const inbound = /^inbound\|(\d{1,5})\|/.exec(log.cluster ?? '')?.[1];
  const port = inbound ?? local?.port;
  const headers: (readonly [string, string])[] = [];
  if (log.forwardedFor !== undefined) headers.push(['x-forwarded-for', wireText(log.forwardedFor)]);
  if (log.userAgent !== undefined) headers.push(['user-agent', wireText(log.userAgent)]);
  const draft = {
    transport: log.method === undefined ? 'tcp' : 'http',
    protocol: log.method === undefined ? undefined : /2|3/.test(log.protocol?.slice(5) ?? '') ? 'h2' : 'http/1.1',
    method: log.method,
    path: log.path === undefined ? undefined : wireText(log.path),
    authority: log.authority === undefined ? undefined : wireText(log.authority),
    headers: headers.length > 0 ? headers : undefined,
    peer: peerOf(log),
    sni: log.sni,
    directIp: direct?.ip,
    remoteIp: remote?.ip,
    localIp: local?.ip,
    localPort: port === undefined ? undefined : Number(port),
  } as const;
  return Object.fromEntries(Object.entries(draft).filter(([, part]) => part !== undefined)) as RequestDraft; // the parts that are known
}

function peerOf({ peerUri, peerSubject }: LogFields): PeerIdentity | undefined {
  if (peerUri === undefined && peerSubject === undefined) return undefined;
  const uris = (peerUri ?? '').split(',').filter((uri) => uri !== '');
  // Istio's own attribute goes without its scheme.
  return { uris: uris.map((uri) => (uri.includes('://') ? uri : `spiffe://${uri}`)), dns: [], subject: peerSubject ?? '' };
}

function addressOf(text: string | undefined): { readonly ip: string; readonly port: string | undefined } | undefined {
  const [, six, four, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text ?? '') ?? [];
  const ip = six ?? four;
  return ip === undefined ? undefined : { ip, port };
}
