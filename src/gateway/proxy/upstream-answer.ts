import type { Dispatcher } from 'undici';
import { Problem } from '../../core/problem.ts';
import type { IsOwnCookie } from '../../identity/port.ts';
import { HeaderList } from '../../wire/headers.ts';
import { stripForClient, stripTrailers } from '../../wire/hop.ts';

type Raw = Dispatcher.DispatchController['rawHeaders'];

/**
 * The upstream's fields as they may go back. INVARIANT: no answer of an upstream sets a cookie of ours, which would put one
 * person's browser into another's session. Throws UPSTREAM_ANSWER_INVALID for fields that cannot be passed on.
 */
export function answerHeaders(raw: Raw, isOwnCookie: IsOwnCookie): HeaderList {
  const strings = rawStrings(raw);
  const kept: string[] = [];
  for (let i = 0; i < strings.length; i += 2) {
    const name = strings[i] ?? '';
    const value = strings[i + 1] ?? '';
    if (name.length === 10 && name.toLowerCase() === 'set-cookie' && isOwnCookie(cookieName(value))) continue;
    kept.push(name, value);
  }
  try {
    return stripForClient(HeaderList.fromRaw(kept));
  } catch (cause) {
    throw new Problem({
      code: 'UPSTREAM_ANSWER_INVALID',
      kind: 'upstream',
      message: 'the service behind this gateway sent an answer that cannot be passed on',
      cause,
    });
  }
}

/** Trailers are advice: those that cannot be read are left out. */
export function answerTrailers(raw: Raw): HeaderList {
  const strings = rawStrings(raw);
  if (strings.length === 0) return HeaderList.empty;
  try {
    return stripTrailers(HeaderList.fromRaw(strings));
  } catch {
    return HeaderList.empty;
  }
}

/** As browsers read it: of a cookie without a name, the value is sent back as it is, and then reads as a name. */
function cookieName(setCookie: string): string {
  const pair = setCookie.split(';', 1)[0] ?? '';
  return (
    pair
      .replace(/^[\s=]+/, '')
      .split('=', 1)[0]
      ?.trim() ?? ''
  );
}

function rawStrings(raw: Raw): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}
