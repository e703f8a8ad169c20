import type { Randomness } from '../core/ports.ts';
import type { RequestHead } from '../wire/call.ts';
import { serializeSetCookie } from '../wire/cookie.ts';
import { stateCookieName } from './cookie-name.ts';
import { isRandomText, randomText } from './digest.ts';
import { ownCookies } from './session.ts';

/** How long a browser may take from being sent away to coming back. */
export const STATE_MS = 10 * 60_000;

/** The cookie that ties a flow to the browser that began it; undefined unless there is exactly one of the right form. */
export function readStateCookie(head: RequestHead, origin: string): string | undefined {
  const values = ownCookies(head, stateCookieName(origin));
  const [value] = values;
  return values.length === 1 && value !== undefined && isRandomText(value) ? value : undefined;
}

/** The browser's state cookie, kept if it has one so that flows in several tabs do not undo one another. */
export function keepStateCookie(
  head: RequestHead,
  origin: string,
  randomness: Randomness,
): { readonly value: string; readonly setCookie: string } {
  const value = readStateCookie(head, origin) ?? randomText(randomness);
  return { value, setCookie: write(origin, value, STATE_MS / 1000) };
}

export function clearStateCookie(origin: string): string {
  return write(origin, '', 0);
}

/** `Lax`: it must come along when the provider sends the browser back from another site. */
function write(origin: string, value: string, maxAgeSeconds: number): string {
  const secure = origin.startsWith('https:');
  return serializeSetCookie(stateCookieName(origin), value, {
    path: '/',
    secure,
    httpOnly: true,
    sameSite: 'Lax',
    maxAgeSeconds,
  });
}
