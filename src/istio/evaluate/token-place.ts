import type { JwtRule } from '../objects.ts';
import type { HeaderMap } from './header-map.ts';
import { markedToken } from './token-text.ts';

/** A text at a place where a rule looks for tokens. */
export interface FoundToken {
  readonly text: string;
  /** The index in `facts.tokens`; undefined when the facts hold the text itself. */
  readonly token: number | undefined;
  /** Takes it out of the request; cookies stay. */
  readonly remove: () => void;
}

/** The tokens at a rule's places: headers, then parameters, then cookies (envoy jwt_authn/extractor.cc). */
export function findTokens(rule: JwtRule, headers: HeaderMap, target: string): FoundToken[] {
  const isDefault = rule.fromHeaders.length === 0 && rule.fromParams.length === 0 && rule.fromCookies.length === 0;
  const places = isDefault ? [{ name: 'authorization', prefix: 'Bearer ' }] : rule.fromHeaders;
  const params = isDefault ? ['access_token'] : rule.fromParams;
  return [
    ...fromHeaders(places, headers),
    ...fromParams(params, target),
    ...fromCookies(rule.fromCookies, headers.each('cookie')),
  ];
}

function fromHeaders(places: readonly { readonly name: string; readonly prefix: string }[], headers: HeaderMap): FoundToken[] {
  const found: FoundToken[] = [];
  const keys = new Map(places.map(({ name, prefix }) => [name.toLowerCase() + prefix, { name: name.toLowerCase(), prefix }]));
  for (const [, { name, prefix }] of [...keys].sort(byKey)) {
    for (const value of headers.each(name)) {
      const at = value.indexOf(prefix);
      if (at >= 0) found.push(foundToken(tokenAfter(value, at + prefix.length, prefix), () => headers.remove(name)));
    }
  }
  return found;
}

/** A prefix may be followed by what no token begins with; what follows the token is taken as part of it. */
function tokenAfter(value: string, from: number, prefix: string): string {
  if (prefix === '') return value;
  const start = value.slice(from).search(/[A-Za-z0-9\-_.\ue000-\uf8ff]/);
  return start < 0 ? value : value.slice(from + start);
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function fromParams(params: readonly string[], target: string): FoundToken[] {
  const mark = target.indexOf('?');
  if (mark < 0 || params.length === 0) return [];
  const pairs = target
    .slice(mark + 1)
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0
        ? ([decode(pair), ''] as const)
        : ([decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))] as const);
    });
  return [...new Set(params)].sort().flatMap((param) => {
    const pair = pairs.find(([name]) => name === param);
    return pair === undefined ? [] : [foundToken(pair[1], () => {})];
  });
}

function fromCookies(names: readonly string[], headers: readonly string[]): FoundToken[] {
  const cookies = headers.flatMap((header) => header.split(';')).map((crumb) => crumb.trim());
  return [...new Set(names)].sort().flatMap((name) => {
    const crumb = cookies.find((cookie) => cookie.startsWith(`${name}=`));
    return crumb === undefined ? [] : [foundToken(crumb.slice(name.length + 1).replace(/^"(.*)"$/, '$1'), () => {})];
  });
}

function foundToken(text: string, remove: () => void): FoundToken {
  return { text, token: markedToken(text), remove };
}

function decode(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
