import type { RequestFacts } from '../facts.ts';

/** A refusal by the proxy's codec or connection manager, before any filter. */
export interface Rejection {
  /** Undefined: the stream is reset. */
  readonly s?: number;
  readonly by: string;
}

/** What the codec makes of a request target. */
export interface Target {
  readonly authority: string;
  /** Undefined: CONNECT without a path. */
  readonly path: string | undefined;
}

/** Refuses what the proxy's codec refuses, else says what the target is. */
export function readTarget(facts: RequestFacts): Target | Rejection {
  return facts.protocol === 'h2' ? readHttp2(facts) : readHttp1(facts);
}

const CODEC_ERROR: Rejection = { s: 400, by: 'http1.codec_error' };
const RESET: Rejection = { by: 'h2_stream_reset' };

function readHttp1({ method, path, authority }: RequestFacts): Target | Rejection {
  if (!HTTP1_METHODS.has(method)) return CODEC_ERROR;
  if (path === '' || !/^[\t\f\x21-\x7e]*$/.test(path)) return CODEC_ERROR;
  if (method === 'CONNECT') return { authority: path, path: undefined };
  if (path.startsWith('/') || path.startsWith('*')) return { authority, path };
  const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)(.*)$/.exec(path);
  if (absolute === null) return CODEC_ERROR;
  const rest = absolute[2] ?? '';
  return { authority: absolute[1] ?? '', path: rest === '' ? '/' : rest.startsWith('/') ? rest : `/${rest}` };
}

function readHttp2({ method, path, authority }: RequestFacts): Target | Rejection {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) return RESET;
  if (/[\0-\x20\x7f]/.test(path)) return RESET;
  if (!/^[A-Za-z0-9\-._~!$&'()*+,;=:%[\]]*$/.test(authority)) return RESET;
  if (method === 'CONNECT') return { authority, path: undefined };
  return { authority, path };
}

/** The methods that Envoy's HTTP/1 parser knows. */
const HTTP1_METHODS: ReadonlySet<string> = new Set([
  ...['ACL', 'BIND', 'CHECKOUT', 'CONNECT', 'COPY', 'DELETE', 'GET', 'HEAD', 'LINK', 'LOCK', 'MERGE', 'MKACTIVITY', 'MKCALENDAR'],
  ...[
    'MKCOL',
    'MOVE',
    'MSEARCH',
    'NOTIFY',
    'OPTIONS',
    'PATCH',
    'POST',
    'PROPFIND',
    'PROPPATCH',
    'PURGE',
    'PUT',
    'REBIND',
    'REPORT',
  ],
  ...['SEARCH', 'SOURCE', 'SUBSCRIBE', 'TRACE', 'UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'],
]);
