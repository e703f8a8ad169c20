import { sha256Hex } from './digest.ts';

/**
 * True for every cookie in Fairlead's name space, also those of other origins of the same host (ports do not separate cookies).
 * Such cookies never reach an upstream; only the one with this origin's own name is ever read.
 */
export function isOwnCookie(name: string): boolean {
  return /^(?:__Host-)?fl_/.test(name);
}

/**
 * Name of an origin's session cookie: `fl_` and 16 hex digits of the origin's SHA-256. Under https it carries `__Host-`, which a
 * sibling domain or a plain-http page cannot set (RFC 6265bis §4.1.3.2).
 */
export function sessionCookieName(origin: string): string {
  let name = names.get(origin);
  if (name === undefined) {
    name = `${hostPrefix(origin)}fl_${sha256Hex(origin).slice(0, 16)}`;
    if (names.size >= MAX_NAMES) names.clear();
    names.set(origin, name);
  }
  return name;
}

/** Each call asks for the name of its origin, of which there are as many as targets. */
const names = new Map<string, string>();
const MAX_NAMES = 1_000;

/** Name of the cookie that ties a sign-in under way to the browser that began it. */
export function stateCookieName(origin: string): string {
  return `${sessionCookieName(origin)}_state`;
}

function hostPrefix(origin: string): string {
  return origin.startsWith('https:') ? '__Host-' : '';
}
