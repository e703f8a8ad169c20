import { Problem } from '../../core/problem.ts';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';
import { parseTokenText } from '../evaluate/token-parse.ts';
import type { TokenFact } from '../facts.ts';
import type { JwtRule } from '../objects.ts';
import type { RequestDraft } from './draft.ts';

/** Where a proxy looks for a token when its RequestAuthentication does not say. */
export const BEARER = { header: 'authorization', prefix: 'Bearer ' } as const;

/**
 * Takes the JSON Web Tokens out of a draft: from the header where bearers stand, and from the places that the rules read. Their
 * signatures are not judged here: each is taken to be valid. A value that is none stays where it is.
 */
export function withTokens(draft: RequestDraft, rules: readonly JwtRule[]): RequestDraft {
  const headers = [
    BEARER,
    ...rules.flatMap(({ fromHeaders }) => fromHeaders.map(({ name, prefix }) => ({ header: name, prefix }))),
  ];
  const cookies = new Set(rules.flatMap(({ fromCookies }) => fromCookies));
  const params = new Set(rules.flatMap(({ fromParams }) => fromParams));
  const taken: TokenFact[] = [];
  const kept = (draft.headers ?? []).flatMap(([name, value]): readonly (readonly [string, string])[] => {
    if (name.toLowerCase() === 'cookie') {
      const rest = without(value, /; */, cookies, '; ', (cookie, claims) => taken.push({ claims, signed: true, in: { cookie } }));
      return rest === '' ? [] : [[name, rest]];
    }
    const place = headers.find(({ header, prefix }) => name.toLowerCase() === header.toLowerCase() && value.startsWith(prefix));
    const claims = place === undefined ? undefined : tokenClaims(value.slice(place.prefix.length));
    if (place === undefined || claims === undefined) return [[name, value]];
    taken.push({ claims, signed: true, in: { header: place.header.toLowerCase(), prefix: place.prefix } });
    return [];
  });
  const [, before = '', query, after = ''] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(draft.path ?? '') ?? [];
  const pairs = without(query ?? '', /&/, params, '&', (param, claims) => taken.push({ claims, signed: true, in: { param } }));
  if (taken.length === 0) return draft;
  const path =
    draft.path === undefined || pairs === (query ?? '') ? {} : { path: `${before}${pairs === '' ? '' : `?${pairs}`}${after}` };
  return { ...draft, ...path, headers: kept, tokens: [...(draft.tokens ?? []), ...taken] };
}

/** `name=value` pairs without those of these names that hold a token. */
function without(
  text: string,
  separator: RegExp,
  names: ReadonlySet<string>,
  joint: string,
  take: (name: string, claims: JsonObject) => void,
): string {
  if (names.size === 0) return text;
  const rest = text.split(separator).filter((pair) => {
    const at = pair.indexOf('=');
    const name = pair.slice(0, Math.max(at, 0));
    const claims = at > 0 && names.has(name) ? tokenClaims(pair.slice(at + 1)) : undefined;
    if (claims !== undefined) take(name, claims);
    return claims === undefined;
  });
  return rest.join(joint);
}

/** The claims of a token in compact form (RFC 7519 §7.2), unverified; undefined where the proxy refuses it for its form alone. */
export function tokenClaims(text: string): JsonObject | undefined {
  const parsed = parseTokenText(text);
  return 'claims' in parsed && isObject(parsed.claims) ? parsed.claims : undefined;
}

/** The claims that a person wrote as JSON. Problem: REQUEST_UNREADABLE. */
export function readClaims(text: string): JsonObject {
  const value = readJson(text, 'the claims');
  if (!isObject(value)) throw unreadableRequest('the claims are not a JSON object');
  return value;
}

/** JSON that a person wrote, `what` it is for. Problem: REQUEST_UNREADABLE. */
export function readJson(text: string, what: string): JsonValue {
  try {
    return parseJson(new TextEncoder().encode(text));
  } catch (error) {
    throw unreadableRequest(`${what}: ${error instanceof Problem ? error.message : 'this is not JSON'}`, error);
  }
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A request that cannot be understood; the message never holds its content. */
export function unreadableRequest(message: string, cause?: unknown): Problem {
  return new Problem({
    code: 'REQUEST_UNREADABLE',
    kind: 'invalid',
    message,
    hint: 'a request is an HTTP/1.1 head, a request of `istio eval` in JSON, or a line of an Envoy access log',
    ...(cause === undefined ? {} : { cause }),
  });
}
