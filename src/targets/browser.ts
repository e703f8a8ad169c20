import type { RequestHead } from '../wire/call.ts';

/**
 * True for a person's browser that opens a page of its own: only such a call may be sent to the sign-in page or be answered
 * with a page. A call with an `Authorization` header is a program's, whatever else it says.
 */
export function isNavigation(head: RequestHead): boolean {
  if (head.method !== 'GET' || head.upgrade || head.headers.has('authorization')) return false;
  const mode = first(head, 'sec-fetch-mode');
  // Fetch Metadata: browsers set these and no script can; a client without them is believed by what it accepts.
  if (mode !== undefined) return mode === 'navigate' && (first(head, 'sec-fetch-dest') ?? 'document') === 'document';
  return head.headers.getAll('accept').some((value) => /(?:^|,)\s*text\/html\s*(?:[;,]|$)/i.test(value));
}

/** Path and query as the browser asked for them: where it comes back to after it signed in. */
export function returnTo(head: RequestHead): string {
  return head.rawQuery === '' ? head.path.raw : `${head.path.raw}?${head.rawQuery}`;
}

function first(head: RequestHead, name: string): string | undefined {
  return head.headers.getAll(name)[0];
}
