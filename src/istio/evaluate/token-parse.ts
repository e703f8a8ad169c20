import type { JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';

/**
 * The claims of a token that the request holds as text, or Envoy's words for what is wrong with its form. The signature is
 * not judged.
 */
export function parseTokenText(text: string): { readonly claims: JsonValue } | { readonly status: string } {
  const parts = text.split('.').filter((part) => part !== '');
  const [head, body, signature] = parts;
  if (parts.length !== 3 || head === undefined || body === undefined || signature === undefined) {
    return { status: 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections' };
  }
  const header = decodeJson(head);
  if (typeof header === 'string') return { status: `Jwt header is an invalid ${header}` };
  const { alg, kid } = header.value as { readonly alg?: JsonValue; readonly kid?: JsonValue };
  if (typeof alg !== 'string') return { status: 'Jwt header [alg] field is required and must be a string' };
  if (!ALGORITHMS.has(alg)) return { status: 'Jwt header [alg] is not supported' };
  if (kid !== undefined && typeof kid !== 'string') return { status: 'Jwt header [kid] field is not a string' };
  const payload = decodeJson(body);
  if (typeof payload === 'string') return { status: `Jwt payload is an invalid ${payload}` };
  if (decodeBase64Url(signature) === undefined) return { status: 'Jwt signature is an invalid Base64url encoded' };
  return { claims: payload.value };
}

const ALGORITHMS: ReadonlySet<string> = new Set([
  ...['ES256', 'ES384', 'ES512', 'HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA'],
]);

/** The object in a part of a token, or which encoding is invalid. */
function decodeJson(part: string): { readonly value: JsonValue } | 'Base64url encoded' | 'JSON' {
  const bytes = decodeBase64Url(part);
  if (bytes === undefined) return 'Base64url encoded';
  try {
    const value = parseJson(bytes);
    // Protobuf's reader takes null for an object without members.
    if (value === null) return { value: {} };
    return typeof value === 'object' && !Array.isArray(value) ? { value } : 'JSON';
  } catch {
    return 'JSON';
  }
}

function decodeBase64Url(text: string): Uint8Array | undefined {
  // Envoy's decoder skips white space.
  const padded = text.replace(/[ \t\n\v\f\r]+/g, '');
  const bare = padded.replace(/={1,2}$/, '');
  if (bare !== padded && padded.length % 4 !== 0) return undefined;
  if (!/^[A-Za-z0-9\-_]*$/.test(bare) || bare.length % 4 === 1) return undefined;
  const binary = atob(bare.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
