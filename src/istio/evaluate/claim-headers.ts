import type { JsonValue } from '../../wire/call.ts';
import type { JwtRule } from '../objects.ts';
import { PROXY_TEXT } from './token-text.ts';

/** The headers that a rule makes of single claims of a good token, names in lower case. */
export function claimHeaders(rule: JwtRule, claims: JsonValue): readonly (readonly [name: string, value: string])[] {
  const headers: [string, string][] = [];
  for (const { header, claim } of rule.outputClaimToHeaders) {
    const text = claimText(claimAt(claims, claim));
    if (text !== '') headers.push([header.toLowerCase(), text]);
  }
  return headers;
}

/** A claim by its name, dots between nested ones. */
function claimAt(claims: JsonValue, name: string): JsonValue | undefined {
  let value: JsonValue | undefined = claims;
  for (const step of name.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const object = value as { readonly [name: string]: JsonValue };
    value = Object.hasOwn(object, step) ? object[step] : undefined;
  }
  return value;
}

/** Empty where Envoy makes no header: absent, null, an empty text. */
function claimText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return utf8(value);
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return String(value);
  // Base64 of JSON, whose order of members and form of numbers is the proxy's own.
  return hasOneForm(value) ? btoa(utf8(JSON.stringify(value))) : PROXY_TEXT;
}

/** Whole numbers of 64 bits as they are, all others with six decimals (C++ `to_string`). */
function numberText(value: number): string {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 64) return BigInt(value).toString();
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

function hasOneForm(value: JsonValue): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 1e15;
  if (typeof value === 'string') return /^[\x20-\x7e]*$/.test(value) && !/[<>&]/.test(value);
  if (Array.isArray(value)) return value.every(hasOneForm);
  if (typeof value === 'object' && value !== null) {
    const members = Object.values(value);
    return members.length < 2 && members.every(hasOneForm);
  }
  return true;
}

/** A text as the bytes of its UTF-8, one character each. */
function utf8(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}
