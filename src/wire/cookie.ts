import { Problem } from '../core/problem.ts';
import type { HeaderList } from './headers.ts';

export type CookiePair = readonly [name: string, value: string];

/** Printable ASCII without `=` and `;`: wider than a token, because applications use names such as `prefs[theme]`. */
const NAME = /^[!-:<>-~]+$/;

/**
 * Pairs of one `Cookie` value in order, duplicates as they came (RFC 6265 §5.4 as servers read it: `;` separates, also inside
 * quotes). Values keep their bytes. Pieces without a name are left out: `=fl_x=1` is one cookie to us and another to somebody else.
 */
export function parseCookies(header: string): readonly CookiePair[] {
  const pairs: CookiePair[] = [];
  for (const piece of header.split(';')) {
    const equals = piece.indexOf('=');
    if (equals < 0) continue;
    const name = piece.slice(0, equals).trim();
    if (NAME.test(name)) pairs.push([name, piece.slice(equals + 1).trim()]);
  }
  return pairs;
}

/** The inverse: what goes upstream after own cookies were taken out. */
export function serializeCookies(pairs: Iterable<CookiePair>): string {
  return Array.from(pairs, ([name, value]) => `${name}=${value}`).join('; ');
}

/** The pairs of all `Cookie` fields: HTTP/2 may split them (RFC 9113 §8.2.3). */
export function cookiesOf(headers: HeaderList): readonly CookiePair[] {
  return headers.getAll('cookie').flatMap(parseCookies);
}

/** The fields with at most one `Cookie`, which holds the pairs whose name the predicate does not name. Set-Cookie stays. */
export function withoutCookies(headers: HeaderList, isDropped: (name: string) => boolean): HeaderList {
  if (!headers.has('cookie')) return headers;
  const kept = cookiesOf(headers).filter(([name]) => !isDropped(name));
  const others = headers.without('cookie');
  return kept.length === 0 ? others : others.with('Cookie', serializeCookies(kept));
}

export interface SetCookieOptions {
  readonly path: string;
  /** Absent: until the browser closes. 0 deletes the cookie. */
  readonly maxAgeSeconds?: number;
  readonly secure: boolean;
  readonly sameSite: 'Strict' | 'Lax' | 'None';
  readonly httpOnly: boolean;
}

/** RFC 6265 §4.1.1 `cookie-octet`. */
const VALUE = /^[!#-+\--:<-[\]-~]*$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const PATH = /^\/[!-:<-~]*$/;

/**
 * One `Set-Cookie` value. Throws COOKIE_INVALID of kind `fault` when an argument cannot be written, or when a browser would drop
 * the cookie: `__Host-` needs `secure` and path `/`, `__Secure-` and `SameSite=None` need `secure`.
 */
export function serializeSetCookie(name: string, value: string, options: SetCookieOptions): string {
  const { path, maxAgeSeconds, secure, sameSite, httpOnly } = options;
  const written = TOKEN.test(name) && VALUE.test(value) && PATH.test(path);
  const lasting = maxAgeSeconds === undefined || (Number.isSafeInteger(maxAgeSeconds) && maxAgeSeconds >= 0);
  const lower = name.toLowerCase();
  const hostPrefix = !lower.startsWith('__host-') || (secure && path === '/');
  const securePrefix = secure || !(lower.startsWith('__secure-') || sameSite === 'None');
  if (!written || !lasting || !hostPrefix || !securePrefix) {
    throw new Problem({ code: 'COOKIE_INVALID', kind: 'fault', message: 'a cookie of the gateway could not be written' });
  }
  const parts = [`${name}=${value}`, `Path=${path}`];
  if (maxAgeSeconds !== undefined) parts.push(`Max-Age=${maxAgeSeconds}`);
  if (secure) parts.push('Secure');
  if (httpOnly) parts.push('HttpOnly');
  parts.push(`SameSite=${sameSite}`);
  return parts.join('; ');
}
