import type { JsonObject, JsonValue } from '../../wire/call.ts';
import type { TokenFact } from '../facts.ts';
import type { JwtRule } from '../objects.ts';
import { parseTokenText } from './token-parse.ts';

/** `ok`, or Envoy's words for what is wrong; undefined: it hangs on a signature that the facts do not judge. */
export type TokenStatus = string | undefined;

/** Seconds by which clocks may differ. */
const SKEW = 60;

/**
 * One token at a place of a rule, in the order of Envoy's checks: form, issuer, times, audience, signature. The rule itself judges;
 * where only absence is asked for and the rule takes every issuer, the rule of the token's issuer does.
 */
export function judgeClaims(
  { text, token }: { readonly text: string; readonly token: TokenFact | undefined },
  place: JwtRule,
  isRequired: boolean,
  rules: readonly JwtRule[],
  now: number,
  accept: (rule: JwtRule, claims: JsonValue) => void,
): TokenStatus {
  const parsed = token === undefined ? parseTokenText(text) : { claims: token.claims };
  if ('status' in parsed) return parsed.status;
  const malformed = claimsStatus(parsed.claims);
  if (malformed !== undefined) return malformed;
  const claims = (parsed.claims ?? {}) as JsonObject;
  const issuer = typeof claims['iss'] === 'string' ? claims['iss'] : '';
  if (place.issuer !== '' && place.issuer !== issuer) return UNKNOWN_ISSUER;
  const judge = isRequired || place.issuer !== '' ? place : (rules.find((one) => one.issuer === issuer) ?? place);
  const { nbf, exp } = claims;
  if (typeof nbf === 'number' && now + SKEW < Math.floor(nbf)) return 'Jwt not yet valid';
  if (typeof exp === 'number' && exp >= 1 && now > Math.floor(exp) + SKEW) return 'Jwt is expired';
  if (
    judge.audiences.length > 0 &&
    !audiencesOf(claims).some((audience) => judge.audiences.some((one) => sameAudience(one, audience)))
  ) {
    return 'Audiences in Jwt are not allowed';
  }
  if (token === undefined) return undefined;
  if (!token.signed) return 'Jwt verification fails';
  accept(judge, claims);
  return 'ok';
}

const UNKNOWN_ISSUER = 'Jwt issuer is not configured';

/** What is wrong with the types of the registered claims; undefined when nothing is. */
function claimsStatus(claims: JsonValue): TokenStatus {
  // Protobuf's reader takes null for an object without members.
  if (claims === null) return undefined;
  if (typeof claims !== 'object' || Array.isArray(claims)) return 'Jwt payload is an invalid JSON';
  const object = claims as JsonObject;
  for (const name of ['iss', 'sub']) if (!isText(object, name)) return notA(name, 'a string');
  for (const name of ['iat', 'nbf', 'exp']) {
    const value = object[name];
    if (value === undefined) continue;
    if (typeof value !== 'number') return notA(name, 'an integer');
    if (value < 0 || value >= 2 ** 64) return notA(name, 'a positive 64 bit integer');
  }
  if (!isText(object, 'jti')) return notA('jti', 'a string');
  const audience = object['aud'];
  const isAudience =
    audience === undefined ||
    typeof audience === 'string' ||
    (Array.isArray(audience) && audience.every((one) => typeof one === 'string'));
  return isAudience ? undefined : notA('aud', 'a string or string list');
}

function isText(claims: JsonObject, name: string): boolean {
  return claims[name] === undefined || typeof claims[name] === 'string';
}

function notA(name: string, what: string): string {
  return `Jwt payload [${name}] field is not ${what}`;
}

function audiencesOf({ aud }: JsonObject): readonly string[] {
  return typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud.filter((one): one is string => typeof one === 'string') : [];
}

/** Envoy compares audiences without scheme and trailing slash (jwt_verify_lib check_audience.cc). */
function sameAudience(left: string, right: string): boolean {
  return bareAudience(left) === bareAudience(right);
}

function bareAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}
