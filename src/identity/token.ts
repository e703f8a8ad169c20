import { compactVerify } from 'jose';
import { Problem } from '../core/problem.ts';
import type { JsonObject, JsonValue } from '../wire/call.ts';
import { parseJson } from '../wire/json.ts';
import { type Algorithm, isAlgorithm } from './algorithm.ts';
import { sha256Hex } from './digest.ts';
import type { IssuerKeys } from './keys.ts';
import { unauthenticated } from './refusal.ts';

export const MAX_TOKEN_CHARS = 16 * 1024;
/** Types of token that speak for a caller: plain JWT and RFC 9068; no logout token, no proof of possession, no event. */
const ACCEPTED_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);
const JSON_LIMITS = { maxBytes: MAX_TOKEN_CHARS, maxDepth: 16, maxKeys: 1024 };

/** A token read but not verified: nothing in it may be believed, `issuer` only chooses whose keys it is held against. */
export interface ParsedToken {
  readonly compact: string;
  /** SHA-256 of the whole token: what caches go by. */
  readonly digest: string;
  /** SHA-256 of what is signed, safe to log. One statement has one id, though an ECDSA signature can be written in two ways. */
  readonly id: string;
  readonly algorithm: Algorithm;
  readonly kid: string | undefined;
  readonly issuer: string;
  readonly unverified: JsonObject;
}

/** Signature, issuer, audience, type and times have been checked. */
export interface VerifiedToken {
  readonly claims: JsonObject;
  readonly subject: string;
  readonly audience: readonly string[];
  readonly issuedAtMs: number;
  /** `exp`, or the source's longest life after `iat` when that is earlier. */
  readonly expiresAtMs: number;
  /** Everything else is right, but its time is over. */
  readonly isExpired: boolean;
  readonly verified: typeof VERIFIED;
}

const VERIFIED = Symbol('verified');

export interface TokenRules {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly skewMs: number;
  readonly maxLifetimeMs: number;
  readonly keys: IssuerKeys;
}

/**
 * Reads a JWS in compact form, strictly: canonical base64url, UTF-8, no duplicate members, no critical extensions. `types` are the
 * values of `typ` that it may have; it may have none. Throws a Problem `TOKEN_MALFORMED`, `TOKEN_ALGORITHM`, `TOKEN_TYPE` or
 * `TOKEN_ISSUER` (unauthenticated), never with any of the token's text.
 */
export function parseToken(text: string, types: ReadonlySet<string> = ACCEPTED_TYPES): ParsedToken {
  if (text.length > MAX_TOKEN_CHARS) throw malformed();
  const parts = text.split('.');
  const [head, body, signature] = parts;
  if (parts.length !== 3 || !head || !body || signature === undefined) throw malformed();
  const header = jsonObject(head);
  // `alg: none` comes without a signature; it is named for what it is.
  if (!isAlgorithm(header['alg'])) {
    throw unauthenticated('TOKEN_ALGORITHM', 'the token is not signed with an accepted algorithm');
  }
  if (signature === '' || decode(signature).length === 0) throw malformed();
  // RFC 7515 §4.1.11: an extension that is not understood and marked critical must be refused; none is understood here.
  if (header['crit'] !== undefined || header['b64'] !== undefined) throw malformed();
  const type = header['typ'];
  if (type !== undefined && !(typeof type === 'string' && types.has(type.toLowerCase().replace(/^application\//, '')))) {
    throw unauthenticated('TOKEN_TYPE', 'the token is not one that speaks for a caller');
  }
  const kid = header['kid'];
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 256)) throw malformed();
  const unverified = jsonObject(body);
  const issuer = unverified['iss'];
  if (typeof issuer !== 'string' || issuer.length > 512) throw unauthenticated('TOKEN_ISSUER', 'the token names no issuer');
  const id = sha256Hex(`${head}.${body}`);
  return { compact: text, digest: sha256Hex(text), id, algorithm: header['alg'], kid, issuer, unverified };
}

/**
 * Verifies against one issuer's rules (RFC 7519 §4.1, RFC 8725). Remote key references in the header (`jku`, `x5u`, `jwk`, `x5c`)
 * are never read. An expired token is a value, so that a worker's can be held; every other fault throws a Problem: `TOKEN_*`
 * (unauthenticated) or `IDENTITY_UNAVAILABLE` (fault).
 */
export async function verifyToken(token: ParsedToken, rules: TokenRules, nowMs: number): Promise<VerifiedToken> {
  const { claims, audience, ...times } = await verifyStatement(token, rules, nowMs);
  // A security event, of which the logout token is one, speaks about a person, not for one (OIDC Back-Channel Logout 1.0 §2.4).
  if (claims['events'] !== undefined) throw unauthenticated('TOKEN_TYPE', 'the token is not one that speaks for a caller');
  // RFC 7800: a token bound to a key says nothing in the hands of whoever cannot show the key, and no door here can ask for it.
  if (claims['cnf'] !== undefined)
    throw unauthenticated('TOKEN_BOUND', 'the token is bound to a key that the call does not show');
  const subject = claims['sub'];
  if (typeof subject !== 'string' || subject === '' || subject.length > 255) throw claimWrong();
  return { claims, subject, audience, ...times, verified: VERIFIED };
}

/** What every token of an issuer is held to, whatever it says: algorithm, signature, issuer, audience and times. Throws like `verifyToken`. */
export async function verifyStatement(
  token: ParsedToken,
  rules: TokenRules,
  nowMs: number,
): Promise<Omit<VerifiedToken, 'subject' | 'verified'>> {
  if (!rules.algorithms.includes(token.algorithm)) {
    throw unauthenticated('TOKEN_ALGORITHM', 'the token is not signed with an accepted algorithm');
  }
  await verifySignature(token, rules);
  const claims = token.unverified;
  if (token.issuer !== rules.issuer) throw unauthenticated('TOKEN_ISSUER', 'the token is from another issuer');
  const audience = audiences(claims['aud']);
  if (!audience.some((name) => rules.audience.includes(name))) {
    throw unauthenticated(
      'TOKEN_AUDIENCE',
      'the token was issued for somebody else',
      `ask for the audience ${quoted(rules.audience)}`,
    );
  }
  return { claims, audience, ...lifetime(claims, rules, nowMs) };
}

async function verifySignature(token: ParsedToken, rules: TokenRules): Promise<void> {
  const issuedAt = token.unverified['iat'];
  const issuedAtMs = typeof issuedAt === 'number' ? issuedAt * 1000 : 0;
  const candidates = await rules.keys.candidates({ kid: token.kid, algorithm: token.algorithm, issuedAtMs });
  for (const key of candidates) {
    try {
      await compactVerify(token.compact, key, { algorithms: [token.algorithm] });
      return;
    } catch {
      // Not signed by this key; a key set may hold several that fit when tokens carry no `kid`.
    }
  }
  throw unauthenticated('TOKEN_SIGNATURE', 'the token is not signed by its issuer');
}

function lifetime(
  claims: JsonObject,
  rules: TokenRules,
  nowMs: number,
): Pick<VerifiedToken, 'issuedAtMs' | 'expiresAtMs' | 'isExpired'> {
  const issuedAtMs = timeMs(claims['iat']);
  const endMs = timeMs(claims['exp']);
  const notBeforeMs = claims['nbf'] === undefined ? issuedAtMs : timeMs(claims['nbf']);
  if (Math.max(issuedAtMs, notBeforeMs) > nowMs + rules.skewMs) {
    throw unauthenticated('TOKEN_NOT_YET_VALID', 'the token is not valid yet', 'check the clocks of the issuer and of this host');
  }
  const expiresAtMs = Math.min(endMs, issuedAtMs + rules.maxLifetimeMs);
  return { issuedAtMs, expiresAtMs, isExpired: nowMs >= expiresAtMs + rules.skewMs };
}

/** NumericDate of RFC 7519 §2, in milliseconds. */
function timeMs(value: JsonValue | undefined): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1e11)) throw claimWrong();
  return value * 1000;
}

function audiences(value: JsonValue | undefined): readonly string[] {
  const list = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  if (list.length > 64) throw claimWrong();
  return list.filter((name): name is string => typeof name === 'string');
}

function jsonObject(part: string): JsonObject {
  const bytes = decode(part);
  let value: JsonValue;
  try {
    value = parseJson(bytes, JSON_LIMITS);
  } catch (error) {
    if (error instanceof Problem) throw malformed();
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed();
  return value as JsonObject;
}

/** Canonical base64url only: one token has one text, so that caches and revocations by digest cannot be dodged. */
function decode(part: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(part)) throw malformed();
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part) throw malformed();
  return bytes;
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(' or ');
}

function malformed(): Problem {
  return unauthenticated('TOKEN_MALFORMED', 'the bearer token cannot be read');
}

function claimWrong(): Problem {
  return unauthenticated('TOKEN_CLAIMS', 'the token lacks a required claim, or one has the wrong form');
}
