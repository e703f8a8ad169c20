import type { JsonValue } from '../../wire/call.ts';
import { parseAddress } from '../address.ts';
import type { Chain } from '../chain.ts';
import type { RequestFacts } from '../facts.ts';
import type { HeaderMap } from './header-map.ts';
import { meshId } from './mesh-id.ts';

/** What matchers are compared with: the request as the proxy's filters see it. */
export interface Attributes {
  /** In the order in which the proxy tries them; empty for plain text. */
  readonly identities: readonly string[];
  readonly directIp: Address;
  readonly remoteIp: Address;
  readonly localIp: Address;
  readonly localPort: number;
  /** In lower case. */
  readonly sni: string | undefined;
  /** Undefined on plain TCP. */
  readonly http: HttpAttributes | undefined;
  /** The payload of the token that won; undefined before the JWT filter and without one. */
  payload: JsonValue | undefined;
  readonly metadata: RequestFacts['metadata'];
  /** Why the last leaf that could not be told could not. */
  unsure: 'token-text' | 'proxy-text';
  /** A regular expression matches bytes that are not UTF-8. */
  readonly anyByte: boolean;
}

export interface HttpAttributes {
  readonly headers: HeaderMap;
  /** Normalised, without query and fragment; undefined on CONNECT, which has none and no route. */
  path: string | undefined;
}

/** The bytes of an address; undefined when the facts hold none that can be read, which then lies in no block. */
export type Address = readonly number[] | undefined;

/** The attributes of the connection, and of the request if there is one. */
export function readAttributes(
  chain: Chain,
  facts: RequestFacts,
  http: (HttpAttributes & { readonly remoteIp: string }) | undefined,
): Attributes {
  return {
    identities: identitiesOf(chain, facts),
    directIp: parseAddress(facts.directIp),
    remoteIp: parseAddress(http?.remoteIp ?? facts.remoteIp),
    localIp: parseAddress(facts.localIp),
    localPort: facts.localPort,
    sni: facts.sni === undefined || facts.sni === '' ? undefined : facts.sni.toLowerCase(),
    http,
    payload: undefined,
    metadata: facts.metadata,
    unsure: 'token-text',
    anyByte: chain.profile.regexOnInvalidUtf8,
  };
}

/** URI SANs, DNS SANs, subject; the one string of filter state on a waypoint and inside HBONE. */
function identitiesOf({ workload }: Chain, { peer }: RequestFacts): readonly string[] {
  if (peer === undefined) return [];
  if (workload.kind === 'ztunnel') return peer.uris.filter((uri) => meshId(uri) !== undefined).slice(0, 1);
  if (workload.filterState === true || workload.kind === 'waypoint') return peer.uris.slice(0, 1);
  return [...peer.uris, ...peer.dns, peer.subject];
}
