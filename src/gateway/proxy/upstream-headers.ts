import type { HeaderChanges } from '../../targets/target.ts';
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
  const { incoming, caller, corridor, decisionId } = decided;
  const { head, peer } = incoming;
  const keepsAuthorization = caller.subject.kind === 'shared_secret';
  let headers = stripForUpstream(head.headers).without(keepsAuthorization ? ['x-request-id'] : ['authorization', 'x-request-id']);
  headers = headers
    .with('x-request-id', decisionId)
    .with('x-forwarded-for', peer.address)
    .with('x-forwarded-proto', scheme)
    .with('x-forwarded-host', head.headers.get('host') ?? head.host);
  const trace = traceOf(head.headers, { randomness: corridor.randomness, sample: () => false, trusted: false });
  headers = applyChanges(headers, { set: traceHeaders(trace), remove: [] });
  return withoutCookies(applyChanges(headers, changes), corridor.isOwnCookie);
}

export function applyChanges(headers: HeaderList, changes: HeaderChanges): HeaderList {
  let changed = changes.remove.length === 0 ? headers : headers.without(changes.remove);
  for (const [name, value] of Object.entries(changes.set)) changed = changed.with(name, value);
  return changed;
}
