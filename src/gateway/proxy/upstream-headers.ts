import type { HeaderChanges } from '../../targets/target.ts';
import type { RequestHead } from '../../wire/call.ts';
import { withoutCookies } from '../../wire/cookie.ts';
import type { HeaderList } from '../../wire/headers.ts';
import { stripForUpstream } from '../../wire/hop.ts';
import { traceHeaders, traceOf } from '../../wire/trace.ts';
import type { Decided } from '../passage.ts';

/**
 * The head as the upstream gets it: hop-by-hop, forwarding and identity headers gone, our own cookies and the caller's credential
 * gone, then what we know ourselves, then what the adapter adds. INVARIANT: nothing that names an identity comes from the client.
 */
export function upstreamHeaders(decided: Decided, changes: HeaderChanges, scheme: 'http' | 'https'): HeaderList {
  const { incoming, caller, corridor, decisionId, target } = decided;
  const { head, peer } = incoming;
  const trace = traceOf(head.headers, { randomness: corridor.randomness, sample: () => false, trusted: false });
  const own: Record<string, string> = {
    'x-request-id': decisionId,
    'x-forwarded-for': peer.address,
    'x-forwarded-proto': scheme,
    'x-forwarded-host': head.headers.get('host') ?? head.host,
    ...traceHeaders(trace),
  };
  const keepsAuthorization = caller.subject.kind === 'shared_secret' && target.mode === 'observe';
  const stripped = stripForUpstream(head.headers, own, keepsAuthorization ? undefined : 'authorization');
  return applyChanges(withoutCookies(stripped, corridor.isOwnCookie), changes);
}

/** Path and query of a call on its upstream, whose own path stands before them. */
export function upstreamPath(upstream: URL, changed: string | undefined, head: Pick<RequestHead, 'path' | 'rawQuery'>): string {
  const base = upstream.pathname === '/' ? '' : upstream.pathname.replace(/\/$/, '');
  if (changed !== undefined) return base + changed;
  return base + head.path.raw + (head.rawQuery === '' ? '' : `?${head.rawQuery}`);
}

export function applyChanges(headers: HeaderList, changes: HeaderChanges): HeaderList {
  const { remove, set } = changes;
  return headers.changed((name) => remove.some((other) => other.toLowerCase() === name), set);
}
