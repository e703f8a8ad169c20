import type { Subject } from '../core/caller.ts';
import type { Problem } from '../core/problem.ts';
import type { KnownCaller } from './port.ts';
import type { ParsedToken, VerifiedToken } from './token.ts';

/** What one verified token proves. */
export interface Proof {
  readonly who: KnownCaller;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly isExpired: boolean;
}

/** One configured issuer of tokens. */
export interface IdentitySource {
  readonly name: string;
  readonly issuer: string;
  readonly disclose: 'rule' | 'none';
  /** Changes with the issuer's keys. */
  keysVersion(): number;
  /** Throws a Problem: `TOKEN_*` (unauthenticated) or `IDENTITY_UNAVAILABLE` (fault). */
  prove(token: ParsedToken, nowMs: number): Promise<Proof>;
  /** Whether the source may still name this subject: what was kept from before a change of `owns` is held against it. */
  owns(subject: Subject): boolean;
  /** Asks the issuer whether the token still stands; undefined means yes. Absent when the source has no such check. */
  readonly review?: (token: ParsedToken) => Promise<Problem | undefined>;
}

/** An OIDC source also says whom the claims of a sign-in name. */
export type ClaimsReader = (verified: Pick<VerifiedToken, 'claims' | 'subject'>) => KnownCaller;
