import type { RequestHead } from '../wire/call.ts';
import { invalid } from './refusal.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * For calls whose credential the browser adds by itself: a write or a socket must come from a page of the same origin. `Origin`
 * says so, or, where a page hides it (`null` under `Referrer-Policy: no-referrer`), `Sec-Fetch-Site`, which pages cannot set. Other
 * ports of the same host count as foreign. Throws a Problem `ORIGIN_MISMATCH` (invalid, 403).
 */
export function checkOrigin(head: RequestHead, ownOrigin: string): void {
  if (SAFE_METHODS.has(head.method) && !head.upgrade) return;
  const origin = head.headers.get('origin');
  if (origin === ownOrigin) return;
  const isHidden = origin === undefined || origin === 'null';
  if (isHidden && head.headers.get('sec-fetch-site') === 'same-origin') return;
  throw invalid('ORIGIN_MISMATCH', 'the call uses the session cookie but does not come from a page of this origin', {
    status: 403,
    hint: 'programs use `fairlead token` instead of the cookie',
  });
}
