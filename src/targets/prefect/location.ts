import type { RequestHead } from '../../wire/call.ts';

/**
 * The server's redirects and links are absolute, built from what it believes its address to be. A redirect becomes a path of the
 * origin that the client asked. INVARIANT: it never leads to another host, `//host` included.
 */
export function relativeLocation(location: string): string {
  if (!URL.canParse(location, BASE)) return '/';
  const url = new URL(location, BASE);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return '/';
  return `/${`${url.pathname}${url.search}${url.hash}`.replace(/^\/+/, '')}`;
}

/** The same resource on the origin that the client asked. Clients need an absolute URL here. */
export function ownUrl(url: string, head: RequestHead, origin: string | undefined): string {
  const path = relativeLocation(url);
  const scheme = origin?.startsWith('https:') === true ? 'https' : 'http';
  return `${scheme}://${head.headers.get('host') ?? head.host}${path}`;
}

const BASE = 'http://upstream.invalid/';
