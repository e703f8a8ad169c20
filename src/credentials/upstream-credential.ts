import type { Secrets } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import { Secret } from '../core/secret.ts';
import type { UpstreamCredential } from './port.ts';

export interface UpstreamCredentialOptions {
  readonly secrets: Secrets;
  /** `file:///run/secrets/prefect-auth`. */
  readonly reference: string;
  /** `basic`: the secret is `user:password`, as Prefect's auth string is. `bearer`: it is the token. */
  readonly scheme: 'basic' | 'bearer';
}

/** The target's own secret as an `Authorization` value, read anew when it was rotated. */
export function createUpstreamCredential(options: UpstreamCredentialOptions): UpstreamCredential {
  const { secrets, reference, scheme } = options;
  return {
    async authorization() {
      const value = (await secrets.read(reference)).reveal();
      if (scheme === 'basic') return new Secret(`Basic ${Buffer.from(value, 'utf8').toString('base64')}`);
      // RFC 6750 §2.1 b64token. Anything else would be a header that the upstream refuses, or a smuggled one.
      if (!/^[A-Za-z0-9._~+/-]+=*$/.test(value)) {
        throw new Problem({ code: 'SECRET_UNAVAILABLE', kind: 'fault', message: 'the secret of a target is not a bearer token' });
      }
      return new Secret(`Bearer ${value}`);
    },
    secret: () => secrets.read(reference),
  };
}
