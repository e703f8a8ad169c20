import { Problem } from '../core/problem.ts';
import type { RequestHead } from './call.ts';
import { HeaderList } from './headers.ts';
import { connectionOptions } from './hop.ts';
import { type CanonicalHost, canonicalHost } from './host.ts';
import { parseRequestTarget } from './path.ts';

export interface HeadInput {
  readonly method: string;
  /** The request target as it stood on the wire: `req.url`. */
  readonly target: string;
  /** `req.rawHeaders`, without the pseudo-headers of HTTP/2. */
  readonly rawHeaders: readonly string[];
  /** `:authority` of HTTP/2; must agree with `Host` when both are there. */
  readonly authority?: string;
}

/**
 * The head of one request, read once and strictly. Throws a Problem: METHOD_INVALID, METHOD_REFUSED, TARGET_INVALID,
 * HOST_INVALID, HOST_MISMATCH, FRAMING_INVALID, CONNECTION_INVALID, WEBSOCKET_INVALID, and those of `headers.ts`, `path.ts`
 * and `query.ts`.
 */
export function parseHead(input: HeadInput): RequestHead {
  const method = checkedMethod(input.method);
  const headers = HeaderList.fromRaw(input.rawHeaders);
  // Said twice, each reader believes another one: `get` refuses that (HEADER_AMBIGUOUS).
  for (const name of SINGLE) headers.get(name);
  checkFraming(headers);
  checkConnection(headers);
  const stated = statedHost(headers, input.authority);
  const target = originForm(input.target, stated);
  const { path, rawQuery, query } = parseRequestTarget(target);
  const upgrade = isWebSocket(method, headers);
  // Any other protocol (`h2c`) is an offer that the sender lets us ignore (RFC 9110 §7.8), so it goes no further.
  const kept = upgrade || !headers.has('upgrade') ? headers : headers.without(UPGRADE_OFFER);
  return { method, path, rawQuery, query, headers: kept, host: stated.host, upgrade };
}

const SINGLE = ['authorization', 'content-type', 'content-encoding', 'origin'];
const UPGRADE_OFFER = ['upgrade', 'http2-settings'];
const METHOD = /^[A-Z][A-Z0-9_-]{0,31}$/;

function checkedMethod(method: string): string {
  if (!METHOD.test(method)) throw invalid('METHOD_INVALID', 'the method is not an upper-case token');
  // CONNECT asks for a tunnel that nobody can look into, TRACE echoes credentials.
  if (method === 'CONNECT' || method === 'TRACE') {
    throw new Problem({ code: 'METHOD_REFUSED', kind: 'invalid', status: 405, message: `the gateway does not serve ${method}` });
  }
  return method;
}

/** One `Host`, or `:authority`, or both saying the same. */
function statedHost(headers: HeaderList, authority: string | undefined): CanonicalHost {
  const values = headers.getAll('host');
  const [value] = values;
  if (values.length > 1 || (value === undefined && authority === undefined))
    throw invalid('HOST_INVALID', 'exactly one host must be named');
  const stated = canonicalHost(authority ?? value ?? '');
  if (authority !== undefined && value !== undefined && !agrees(stated, canonicalHost(value))) throw mismatch();
  return stated;
}

const ABSOLUTE_FORM = /^(https?):\/\/([^/?#]*)(.*)$/i;

/** Absolute-form (RFC 9112 §3.2.2) is taken apart only when its host says what `Host` says: upstreams differ in which one wins. */
function originForm(target: string, stated: CanonicalHost): string {
  if (target.startsWith('/')) return target;
  const match = ABSOLUTE_FORM.exec(target);
  if (match === null) throw invalid('TARGET_INVALID', 'the request target is neither a path nor an http URL');
  const [, scheme = '', authority = '', rest = ''] = match;
  if (!agrees(canonicalHost(authority), stated, scheme.toLowerCase() === 'https' ? 443 : 80)) throw mismatch();
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function agrees(a: CanonicalHost, b: CanonicalHost, defaultPort?: number): boolean {
  return a.host === b.host && (a.port ?? defaultPort) === (b.port ?? defaultPort);
}

/**
 * The HTTP parser refuses these too; this keeps them refused whatever door and parser the head came through (request
 * smuggling, RFC 9112 §6.3).
 */
function checkFraming(headers: HeaderList): void {
  const lengths = headers.getAll('content-length');
  const codings = headers.getAll('transfer-encoding');
  const [length] = lengths;
  const [coding] = codings;
  const conflict = lengths.length + codings.length > 1;
  const badLength = length !== undefined && !/^[0-9]{1,15}$/.test(length);
  const badCoding = coding !== undefined && coding.toLowerCase() !== 'chunked';
  if (conflict || badLength || badCoding)
    throw invalid('FRAMING_INVALID', 'the length of the body is stated twice or not plainly');
}

/** Fields that change what the call means; naming them in `Connection` asks one hop to drop what the other has read. */
const END_TO_END = new Set([
  'host',
  'authorization',
  'cookie',
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
]);

function checkConnection(headers: HeaderList): void {
  for (const option of connectionOptions(headers)) {
    if (END_TO_END.has(option))
      throw invalid('CONNECTION_INVALID', `\`connection\` names \`${option}\`, which is no hop-by-hop field`);
  }
}

/** 16 bytes in base64 (RFC 6455 §4.1). */
const WEBSOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

/** True for an opening handshake as RFC 6455 §4.2.1 wants it; a half one is refused, as hops differ in what they take for one. */
function isWebSocket(method: string, headers: HeaderList): boolean {
  const offers = headers.getAll('upgrade');
  if (!offers.some((offer) => /(?:^|[\s,])websocket(?:$|[\s,/])/i.test(offer))) return false;
  const keys = headers.getAll('sec-websocket-key');
  const versions = headers.getAll('sec-websocket-version');
  const proper =
    method === 'GET' &&
    offers.length === 1 &&
    offers[0]?.toLowerCase() === 'websocket' &&
    connectionOptions(headers).has('upgrade') &&
    keys.length === 1 &&
    WEBSOCKET_KEY.test(keys[0] ?? '') &&
    versions.length === 1 &&
    versions[0] === '13' &&
    !headers.has('transfer-encoding') &&
    (headers.get('content-length') ?? '0') === '0';
  if (!proper) throw invalid('WEBSOCKET_INVALID', 'the WebSocket handshake is not complete');
  return true;
}

function mismatch(): Problem {
  return invalid('HOST_MISMATCH', 'the request names two different hosts');
}

function invalid(code: string, message: string): Problem {
  return new Problem({ code, kind: 'invalid', message });
}
