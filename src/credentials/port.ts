import type { Secret } from '../core/secret.ts';

/** What a target lends to calls that it let through: its own secret, never shown to the caller. */
export interface UpstreamCredential {
  /** Value of the upstream `Authorization` header. Throws a Problem of kind `fault`. */
  authorization(): Promise<Secret>;
  /** The secret itself, for protocols that carry it elsewhere (a socket's first frame). */
  secret(): Promise<Secret>;
}
