import { Problem } from '../../core/problem.ts';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';
import type { TokenFact } from '../facts.ts';
import type { RequestDraft } from './draft.ts';

/** Where a proxy looks for a token when its RequestAuthentication does not say. */
export const BEARER = { header: 'authorization', prefix: 'Bearer ' } as const;

/**
 * Takes the JSON Web Tokens out of a draft's headers. Their signatures are not judged here: each is taken to be valid. A value that
 * is none stays a header.
 */
export function withTokens(
  draft: RequestDraft,
  places: readonly { readonly header: string; readonly prefix: string }[],
): RequestDraft {
  const kept: (readonly [string, string])[] = [];
  const tokens: TokenFact[] = [...(draft.tokens ?? [])];
  for (const [name, value] of draft.headers ?? []) {
    const place = [BEARER, ...places].find(
      ({ header, prefix }) => name.toLowerCase() === header.toLowerCase() && value.startsWith(prefix),
    );
    const claims = place === undefined ? undefined : tokenClaims(value.slice(place.prefix.length));
    if (place === undefined || claims === undefined) kept.push([name, value]);
    else tokens.push({ claims, signed: true, in: { header: place.header.toLowerCase(), prefix: place.prefix } });
  }
  return tokens.length === 0 ? draft : { ...draft, headers: kept, tokens };
}

/** The claims of a token in compact form (RFC 7519 §7.2), unverified; undefined when it is not one. */
export function tokenClaims(text: string): JsonObject | undefined {
  const parts = text.split('.');
  if (parts.length !== 3) return undefined;
  const [header, claims] = parts.slice(0, 2).map(decodedPart);
  return header === undefined ? undefined : claims;
}

function decodedPart(part: string): JsonObject | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined;
  try {
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    const value = parseJson(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
    return isObject(value) ? value : undefined;
  } catch {
    // Not base64, or not JSON: not a token.
    return undefined;
  }
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
