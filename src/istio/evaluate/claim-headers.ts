import type { JsonValue } from '../../wire/call.ts';
import type { JwtRule } from '../objects.ts';

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

/** Strings, numbers and booleans as text; everything else makes no header. */
function claimText(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
