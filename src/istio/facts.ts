import type { JsonValue } from '../wire/call.ts';

/** The identities in a peer certificate. Any URI SAN, DNS SAN or the subject may match. */
export interface PeerIdentity {
  readonly uris: readonly string[];
  readonly dns: readonly string[];
  /** RFC 2253 text such as `CN=admin,O=Example`; empty when there is none. */
  readonly subject: string;
}

/** A JSON Web Token of the request. Its signature was judged by whoever made the facts; its claims are judged here. */
export interface TokenFact {
  readonly claims: JsonValue;
  /** The signature verifies under the keys of the rule that names the token's issuer. */
  readonly signed: boolean;
  /** Where it sits. The default is `Authorization: Bearer `. */
  readonly in: { readonly header: string; readonly prefix: string } | { readonly param: string } | { readonly cookie: string };
}

/**
 * One request or connection as a proxy receives it, before any normalisation. Strings from the wire are latin-1: one
 * character is one byte.
 */
export interface RequestFacts {
  readonly transport: 'http' | 'tcp';
  readonly protocol: 'http/1.1' | 'h2';
  readonly method: string;
  readonly authority: string;
  /** With query and fragment, as sent. */
  readonly path: string;
  /** In order, duplicates kept; tokens of `tokens` are not repeated here. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly tokens: readonly TokenFact[];
  /** Undefined: plain text, or no client certificate. */
  readonly peer: PeerIdentity | undefined;
  /** Requested server name; undefined without TLS or when none was sent. */
  readonly sni: string | undefined;
  /** Address of the TCP peer, without port. */
  readonly directIp: string;
  /** Client address before `x-forwarded-for` is read (from the PROXY protocol, or the peer itself). */
  readonly remoteIp: string;
  readonly localIp: string;
  readonly localPort: number;
  /** Other dynamic metadata by filter name, for `experimental.envoy.filters.*` keys. */
  readonly metadata: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
  /** What the external authoriser of a provider says; undefined: nobody was asked, the answer is unknown. */
  readonly askAuthoriser?: (provider: string) => AuthoriserAnswer | undefined;
  /** Seconds since the epoch, for `exp` and `nbf`. */
  readonly now: number;
}

export type AuthoriserAnswer =
  | { readonly answer: 'allow' }
  | { readonly answer: 'deny'; readonly status: number }
  | { readonly answer: 'error' };
