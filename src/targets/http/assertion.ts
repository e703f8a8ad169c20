import type { Caller } from '../../core/caller.ts';
import { callerText, subjectText } from '../../core/caller.ts';
import type { Assert } from './forward.ts';

/** What is signed: a JWT (RFC 7519) with the actor chain of RFC 8693 §4.1. The signer adds `iss`, `alg` and `kid`. */
export interface AssertionClaims {
  /** The target's name: an assertion made for one service is worth nothing at another. */
  readonly aud: string;
  /** `user:ada@acme.com`. */
  readonly sub: string;
  readonly act?: { readonly sub: string };
  readonly groups: readonly string[];
  /** False when the list of groups may lack some. */
  readonly groups_complete: boolean;
  readonly email?: string;
  /** Seconds since the epoch. */
  readonly iat: number;
  readonly exp: number;
}

export interface AssertionOptions {
  /** Name of the target. */
  readonly audience: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Compact JWS, ES256. */
  sign(claims: AssertionClaims): Promise<string>;
}

const LIFETIME_SECONDS = 60;
/** A cached assertion has at least this long to live when it leaves. */
const MARGIN_MS = 30_000;
const MAX_CACHED = 2_000;

/** Signs once per caller and half minute; callers that differ in anything stated get assertions of their own. */
export function createAssertion(options: AssertionOptions): Assert {
  const cached = new Map<string, { readonly token: Promise<string>; readonly endsAtMs: number }>();
  return (caller) => {
    const now = options.now();
    const key = identityOf(caller);
    const kept = cached.get(key);
    if (kept !== undefined && kept.endsAtMs - MARGIN_MS > now && kept.endsAtMs - LIFETIME_SECONDS * 1000 <= now)
      return kept.token;
    const issuedAt = Math.floor(now / 1000);
    const token = options.sign(claims(caller, options.audience, issuedAt));
    cached.delete(key);
    cached.set(key, { token, endsAtMs: (issuedAt + LIFETIME_SECONDS) * 1000 });
    token.catch(() => cached.delete(key));
    if (cached.size > MAX_CACHED) cached.delete(cached.keys().next().value ?? key);
    return token;
  };
}

function claims(caller: Caller, audience: string, issuedAt: number): AssertionClaims {
  const actor = caller.actors[0];
  const email = caller.claims['email'];
  return {
    aud: audience,
    sub: subjectText(caller.subject),
    ...(actor === undefined ? {} : { act: { sub: subjectText(actor) } }),
    groups: caller.membership.groups,
    groups_complete: caller.membership.complete,
    ...(email === undefined ? {} : { email }),
    iat: issuedAt,
    exp: issuedAt + LIFETIME_SECONDS,
  };
}

function identityOf(caller: Caller): string {
  let text = identities.get(caller);
  if (text === undefined) {
    text = JSON.stringify([callerText(caller), caller.source, caller.membership, caller.claims['email']]);
    identities.set(caller, text);
  }
  return text;
}

const identities = new WeakMap<Caller, string>();
