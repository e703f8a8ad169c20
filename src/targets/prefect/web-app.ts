import type { RequestHead } from '../../wire/call.ts';

/**
 * True for calls of the web app: it shows an error page in place of a list that it may not read. Says nothing about who calls,
 * and changes only the form of a refusal.
 */
export function isWebApp(head: RequestHead): boolean {
  const { headers } = head;
  if (headers.has('authorization')) return headers.has('x-prefect-ui') && headers.has('sec-fetch-site');
  return headers.has('sec-fetch-site') || headers.has('x-prefect-ui') || headers.has('cookie');
}
