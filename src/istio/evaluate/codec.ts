import { parseAddress } from '../address.ts';
import type { Chain } from '../chain.ts';
import type { RequestFacts } from '../facts.ts';
import { ENVOY_METHODS } from '../http1-methods.ts';
import type { Profile } from '../profile.ts';

/** A refusal by the proxy's codec or connection manager, before any filter. */
export interface Rejection {
  /** Undefined: the stream is reset. */
  readonly s?: number;
  readonly by: string;
}

/** What the codec makes of a request target. */
export interface Target {
  readonly authority: string;
  /** Undefined: CONNECT, which has none. */
  readonly path: string | undefined;
  /** Of an absolute target, or as sent over HTTP/2; undefined: the connection tells. */
  readonly scheme?: string;
}

/**
 * Refuses what the proxy's codec refuses, else says what the target is. The rules are those of Envoy's HTTP/1 parser (balsa) and of
 * its HTTP/2 library, byte by byte as running proxies showed them.
 */
export function readTarget(facts: RequestFacts, { profile, workload }: Chain): Target | Rejection {
  const target = facts.protocol === 'h2' ? readHttp2(facts, profile) : readHttp1(facts, profile);
  const isPlain = facts.peer === undefined && facts.sni === undefined;
  const isEdge = workload.kind === 'gateway' && (workload.trustedHops ?? 0) === 0;
  if (isEdge && isPlain && 'path' in target && target.scheme === 'https') {
    return { s: 403, by: 'http1.https_url_on_plaintext_connection' };
  }
  if ('path' in target && facts.method === 'QUERY' && profile.knowsQuery && !hasContentType(facts)) {
    return { s: 400, by: 'query_missing_content_type' };
  }
  return target;
}

const RESET: Rejection = { by: 'h2_stream_reset' };

function http1(by: string): Rejection {
  return { s: 400, by };
}

const CODEC_ERROR = http1('http1.codec_error');
const INVALID_URL = http1('http1.invalid_url');

function readHttp1({ method, path: sent, authority, headers }: RequestFacts, profile: Profile): Target | Rejection {
  // The parser takes white space around the target as one.
  const path = sent.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
  const head = `${method} ${path}`;
  // The first line ends at a line feed, and then has no version.
  if (/^[\x21-\x7e]+\n/.test(path)) return { s: 426, by: 'low_version' };
  if (CONTROL.test(head) || CONTROL.test(authority) || headers.some((pair) => pair.some((text) => CONTROL.test(text)))) {
    return http1('http1.invalid_characters');
  }
  if (!ENVOY_METHODS.has(method) || (method === 'QUERY' && !profile.knowsQuery)) return CODEC_ERROR;
  if (path === '' && method === 'CONNECT') return INVALID_URL;
  if (!VISIBLE.test(path)) return CODEC_ERROR;
  if (headers.some(([name, value]) => !TOKEN.test(name.split(':', 1)[0] ?? '') || value.trimEnd().includes('\n')))
    return CODEC_ERROR;
  if (authority.includes('\n')) return CODEC_ERROR;
  const target = method === 'CONNECT' ? connectTarget(path) : originOrAbsolute(method, path, authority);
  if ('by' in target) return target;
  return /^[!$-.0-;=@-[\]_a-z~\r]*$/.test(target.authority) ? target : http1('http.invalid_authority');
}

function originOrAbsolute(method: string, path: string, authority: string): Target | Rejection {
  if (path.startsWith('/') || (path.startsWith('*') && method === 'OPTIONS')) return { authority, path };
  if (path.startsWith('*')) return INVALID_URL;
  const absolute = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([A-Za-z0-9!$%&'()*+,\-.:;=@[\]_~]*)((?:[/?].*)?)$/.exec(path);
  if (absolute === null || (absolute[2] ?? '').includes('@@')) return CODEC_ERROR;
  const [, scheme = '', host = '', rest = ''] = absolute;
  if (!isHost(host)) return INVALID_URL;
  if (!/^https?$/i.test(scheme)) return http1('http1.invalid_scheme');
  return { authority: host.replace(/^.*@/, ''), path: rest === '' ? '/' : rest, scheme: scheme.toLowerCase() };
}

function connectTarget(path: string): Target | Rejection {
  if (!AUTHORITY.test(path) || /^[^/?]*@@/.test(path)) return CODEC_ERROR;
  const isAuthority = isHost(path) && /:[0-9]+$/.test(path);
  return isAuthority ? { authority: path.replace(/^.*@/, ''), path: undefined } : INVALID_URL;
}

/** What the parser lets stand before a path or a query. */
const AUTHORITY = /^[A-Za-z0-9!$%&'()*+,\-.:;=@[\]_~]*(?:[/?].*)?$/;

/** A host that URL parsing accepts: user information once at most, a name or an address in brackets, a port that is one. */
function isHost(text: string): boolean {
  const match = /^(?:[^@]*@)?(?:\[([^[\]]*)\]|[A-Za-z0-9.-]+)(?::([0-9]{1,10}))?$/.exec(text);
  if (match === null || Number(match[2] ?? 0) > 65_535) return false;
  return match[1] === undefined || (match[1].includes(':') && parseAddress(match[1]) !== undefined);
}

function readHttp2({ method, path, authority, headers }: RequestFacts, profile: Profile): Target | Rejection {
  if (!TOKEN.test(method)) return RESET;
  if (!/^[!$-.0-;=A-[\]_a-z~]*$/.test(authority)) return RESET;
  if (authority === '' && !profile.passesEmptyAuthority) return RESET;
  if (headers.some(([name, value]) => !TOKEN.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))) return RESET;
  if (
    headers.some(([name, value]) => CONNECTION.has(name.toLowerCase()) || (name.toLowerCase() === 'te' && value !== 'trailers'))
  )
    return RESET;
  if (method === 'CONNECT') return { authority, path: undefined };
  const isPath = path.startsWith('/') || (path === '*' && method === 'OPTIONS');
  return isPath && !/[\0-\x20\x7f]/.test(path) ? { authority, path, scheme: 'http' } : RESET;
}

function hasContentType({ headers }: RequestFacts): boolean {
  return headers.some(([name]) => name.toLowerCase() === 'content-type');
}

/** Headers of a connection, which HTTP/2 has none of. */
const CONNECTION: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;
const VISIBLE = /^[\x21-\x7e]+$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
