import { Problem } from '../core/problem.ts';

/** A presented credential is not acceptable: 401. `message` never quotes the credential. */
export function unauthenticated(code: string, message: string, hint?: string): Problem {
  return new Problem({ code, kind: 'unauthenticated', message, ...(hint === undefined ? {} : { hint }) });
}

/**
 * Whether the credential is good cannot be told now (keys, provider or store do not answer): our own fault, never a 401.
 * `source` is the identity source's configured name.
 */
export function identityUnavailable(source: string, cause?: unknown): Problem {
  return new Problem({
    code: 'IDENTITY_UNAVAILABLE',
    kind: 'fault',
    message: `the identity source \`${source}\` cannot be asked right now`,
    hint: 'try again shortly; the health page names what does not answer',
    ...(cause === undefined ? {} : { cause }),
  });
}

export function invalid(
  code: string,
  message: string,
  options: { readonly status?: number; readonly hint?: string } = {},
): Problem {
  return new Problem({ code, kind: 'invalid', message, ...options });
}

/** Two credentials on one call: which of them speaks is not ours to guess. */
export function ambiguous(): Problem {
  return invalid('CREDENTIALS_AMBIGUOUS', 'the call carries more than one credential', {
    hint: 'send either one Authorization header or the session cookie',
  });
}

export function revoked(): Problem {
  return unauthenticated('CREDENTIAL_REVOKED', 'the credential was revoked', 'sign in again, or ask an administrator');
}
