import { formatAddress, parseAddress } from '../address.ts';
import type { WorkloadRef } from '../objects.ts';

/** What is known of the client's address from a request. */
export interface ClientAddress {
  /** What `remoteIpBlocks` is compared with. */
  readonly remoteIp: string;
  /** `x-forwarded-for` as it is forwarded; undefined: as it came. */
  readonly forwardedFor: string | undefined;
}

/**
 * The client's address (envoy source/common/http/conn_manager_utility.cc). A gateway trusts its own socket and as many entries
 * of `x-forwarded-for` as it was told of proxies in front, and appends the peer; a sidecar and a waypoint believe the last entry.
 */
export function clientAddress(workload: WorkloadRef, remoteIp: string, xff: string | undefined): ClientAddress {
  if (workload.kind !== 'gateway') return { remoteIp: lastAddress(xff, 0) ?? remoteIp, forwardedFor: undefined };
  const hops = workload.trustedHops ?? 0;
  return {
    remoteIp: (hops > 0 ? lastAddress(xff, hops - 1) : undefined) ?? remoteIp,
    forwardedFor: xff === undefined || xff === '' ? remoteIp : `${xff},${remoteIp}`,
  };
}

/** The last entry once some are skipped, if it is an address. A comma at the very end leaves the whole text, which is none. */
function lastAddress(xff: string | undefined, skipped: number): string | undefined {
  let text = xff;
  for (let count = 0; count < skipped; count += 1) {
    const comma = text?.lastIndexOf(',') ?? -1;
    if (comma < 0) return undefined;
    text = text?.slice(0, comma);
  }
  if (text === undefined) return undefined;
  const comma = text.lastIndexOf(',');
  const entry = (comma >= 0 && comma + 1 < text.length ? text.slice(comma + 1) : text).replace(
    /^[ \t\f\v\n\r]+|[ \t\f\v\n\r]+$/g,
    '',
  );
  // A zone is read and says nothing about the address.
  const bytes = parseAddress(entry.includes(':') ? entry.replace(/%[0-9A-Za-z]+$/, '') : entry);
  return bytes === undefined ? undefined : formatAddress(bytes);
}
