import type { RequestHead } from './parts.ts';

/**
 * A path of this origin to come back to, or the front page. It is only ever sent after our own origin (`ORIGIN` + path) and begins
 * with exactly one slash, so that no reading of it leads elsewhere.
 */
export function returnPath(value: string | undefined): string {
  if (value === undefined || value.length > 1_500) return '/';
  return /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(value) ? value : '/';
}

/** This call's own path and query, for after a sign-in. */
export function ownPath(head: RequestHead): string {
  return head.rawQuery === '' ? head.path.raw : `${head.path.raw}?${head.rawQuery}`;
}

/** The sign-in that leads back to this call. */
export function signInFor(origin: string, head: RequestHead): string {
  return `${origin}/login?${new URLSearchParams({ return: returnPath(ownPath(head)) })}`;
}
