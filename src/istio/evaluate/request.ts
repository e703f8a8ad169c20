import type { Chain } from '../chain.ts';
import type { RequestFacts } from '../facts.ts';
import type { HttpAttributes } from './attributes.ts';
import { clientAddress } from './client-address.ts';
import { type Rejection, readTarget } from './codec.ts';
import { HeaderMap } from './header-map.ts';
import { normalizePath, withoutQuery } from './normalize-path.ts';
import { mutateHeaders } from './proxy-headers.ts';
import { tokenMark } from './token-text.ts';

/** A request that reached the filters. */
export interface ReceivedRequest extends HttpAttributes {
  readonly remoteIp: string;
}

/** A request that did not, with what is known of it. */
export interface RefusedRequest {
  readonly refused: Rejection;
  readonly path: string | undefined;
  readonly remoteIp: string | undefined;
}

/** What codec and connection manager do to a request before the first filter. */
export function receive(chain: Chain, facts: RequestFacts): ReceivedRequest | RefusedRequest {
  const target = readTarget(facts, chain);
  if ('by' in target) return { refused: target, path: undefined, remoteIp: target.s === undefined ? undefined : facts.remoteIp };
  const headers = readHeaders(chain, facts);
  const client = clientAddress(chain.workload, facts.remoteIp, headers.joined('x-forwarded-for'));
  if (client.forwardedFor !== undefined) headers.set('x-forwarded-for', client.forwardedFor);
  mutateHeaders(headers, chain, facts, target.scheme);
  headers.set(':method', facts.method);
  headers.set(':authority', target.authority);
  const path = target.path === undefined ? undefined : withTokens(target.path, facts);
  if (path === undefined) return { headers, path: undefined, remoteIp: client.remoteIp };
  if (!path.startsWith('/')) {
    return { refused: { s: 404, by: 'absolute_path_rejected' }, path, remoteIp: facts.remoteIp };
  }
  const normal = normalizePath(path, chain.normalization, chain.profile);
  if (normal.isRefused) {
    return { refused: { s: 400, by: 'path_normalization_failed' }, path: normal.path, remoteIp: facts.remoteIp };
  }
  headers.set(':path', normal.path);
  return { headers, path: withoutQuery(normal.path), remoteIp: client.remoteIp };
}

function readHeaders(chain: Chain, facts: RequestFacts): HeaderMap {
  const headers = new HeaderMap(chain.profile.duplicateHeaders === 'joined');
  const isHttp2 = facts.protocol === 'h2';
  let cookie = '';
  const add = (sentName: string, value: string): void => {
    const name = sentName.toLowerCase();
    if (!isHttp2) headers.add(name, trimmed(value));
    else if (name !== 'cookie') headers.add(name, value);
    // Crumbs are one header over HTTP/2; empty ones before the first that is not vanish.
    else cookie = cookie === '' ? value : `${cookie}; ${value}`;
  };
  for (const [name, value] of facts.headers) add(name, value);
  for (const [index, { in: place }] of facts.tokens.entries()) {
    if ('header' in place) add(place.header, place.prefix + tokenMark(index));
    if ('cookie' in place) add('cookie', `${place.cookie}=${tokenMark(index)}`);
  }
  if (cookie !== '') headers.add('cookie', cookie);
  return headers;
}

/** HTTP/1 lets white space stand around a value. */
function trimmed(value: string): string {
  return /^[ \t\r]|[ \t\r\n]$/.test(value) ? value.replace(/^[ \t\r]+|[ \t\r\n]+$/g, '') : value;
}

/** Tokens in parameters stand at the end of the query. */
function withTokens(path: string, { tokens }: RequestFacts): string {
  if (tokens.length === 0) return path;
  const pairs = tokens.flatMap(({ in: place }, index) => ('param' in place ? [`${place.param}=${tokenMark(index)}`] : []));
  if (pairs.length === 0) return path;
  const hash = path.indexOf('#');
  const whole = hash < 0 ? path : path.slice(0, hash);
  return `${whole}${whole.includes('?') ? '&' : '?'}${pairs.join('&')}`;
}
