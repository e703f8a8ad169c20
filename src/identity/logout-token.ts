import { Problem } from '../core/problem.ts';
import type { JsonValue } from '../wire/call.ts';
import { invalid } from './refusal.ts';
import { parseToken, type TokenRules, verifyStatement } from './token.ts';

/** Of which sign-ins a provider says that they have ended. At least one of `subject` and `session` is there. */
export interface LogoutStatement {
  /** `sub`. */
  readonly subject: string | undefined;
  /** `sid`: the provider's own name of its session. */
  readonly session: string | undefined;
  /** `jti`: the same statement is taken once. */
  readonly id: string;
  readonly expiresAtMs: number;
}

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Providers older than the final specification send no type, or that of any JWT. */
const TYPES: ReadonlySet<string> = new Set(['logout+jwt', 'jwt']);
const MAX_NAME = 255;

/**
 * Reads and verifies a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6). An ID token can never pass for one: it
 * has no `events`, and a logout token must have no `nonce`. Throws LOGOUT_TOKEN_INVALID (invalid), or IDENTITY_UNAVAILABLE
 * (fault) when the keys cannot be had.
 */
export async function readLogoutToken(text: string, rules: TokenRules, nowMs: number): Promise<LogoutStatement> {
  try {
    const { claims, expiresAtMs, isExpired } = await verifyStatement(parseToken(text, TYPES), rules, nowMs);
    if (isExpired) throw wrong('it has expired');
    if (claims['nonce'] !== undefined) throw wrong('it has a nonce, as an ID token has');
    if (!isLogoutEvent(claims['events'])) throw wrong('it states no logout');
    const [subject, session, id] = [name(claims['sub']), name(claims['sid']), name(claims['jti'])];
    if (id === undefined) throw wrong('it has no `jti`');
    if (subject === undefined && session === undefined) throw wrong('it names neither `sub` nor `sid`');
    return { subject, session, id, expiresAtMs };
  } catch (error) {
    if (error instanceof Problem && error.kind === 'unauthenticated') throw wrong(error.message);
    throw error;
  }
}

export function wrong(why: string): Problem {
  return invalid('LOGOUT_TOKEN_INVALID', `the logout token is not accepted: ${why}`);
}

function isLogoutEvent(events: JsonValue | undefined): boolean {
  return isObject(events) && isObject(events[EVENT]);
}

function isObject(value: JsonValue | undefined): value is Readonly<Record<string, JsonValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Absent is undefined; there and of another form is wrong, since what it was to name would not be ended. */
function name(value: JsonValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= MAX_NAME) return value;
  throw wrong('a claim has the wrong form');
}
