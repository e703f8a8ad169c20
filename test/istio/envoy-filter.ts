import type { Attributes } from '../../src/istio/evaluate/attributes.ts';
import type { JsonValue } from '../../src/wire/call.ts';

/**
 * A second reading of Envoy's RBAC filter, straight from its protobuf JSON and with JavaScript's own regular expressions: nothing of it
 * is shared with the evaluator, so that both can be held against each other.
 */
export interface RbacFilter {
  readonly rules: RbacRules | undefined;
  readonly shadowRules: RbacRules | undefined;
}

export interface RbacRules {
  readonly action: string;
  readonly policies: Readonly<Record<string, RbacPolicy>>;
}

/** Every term of a policy in its place: the conjunction of each permission and of each principal taken apart. */
export function termsOf(policy: RbacPolicy): Readonly<Record<'permissions' | 'principals', readonly (readonly Term[])[]>> {
  const apart = (list: readonly Json[]): readonly (readonly Term[])[] =>
    list.map((one) =>
      (one.andRules?.rules ?? one.andIds?.ids ?? [one]).map((term: Json) => (attributes: Attributes) => holds(term, attributes)),
    );
  return { permissions: apart(policy.permissions), principals: apart(policy.principals) };
}

export type Term = (attributes: Attributes) => boolean;

interface RbacPolicy {
  readonly permissions: readonly Json[];
  readonly principals: readonly Json[];
}

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON of a test file, walked by field name.
type Json = any;

/** The RBAC part of a filter document; undefined for other filters. */
export function readRbac(document: unknown): RbacFilter | undefined {
  const { name, typedConfig } = document as Json;
  if (!/^envoy\.filters\.(?:http|network)\.rbac$/.test(name)) return undefined;
  const rules = (value: Json): RbacRules | undefined =>
    value === undefined ? undefined : { action: value.action ?? 'ALLOW', policies: value.policies ?? {} };
  return { rules: rules(typedConfig.rules), shadowRules: rules(typedConfig.shadowRules) };
}

/** The first policy that matches, in the order of the names. */
export function firstPolicy(rules: RbacRules, attributes: Attributes): string | undefined {
  return Object.keys(rules.policies)
    .sort()
    .find((id) => {
      const { permissions, principals } = rules.policies[id] as RbacPolicy;
      return permissions.some((one) => holds(one, attributes)) && principals.some((one) => holds(one, attributes));
    });
}

function holds(node: Json, attributes: Attributes): boolean {
  const [kind] = Object.keys(node);
  const value = node[kind as string];
  switch (kind) {
    case 'any':
      return value;
    case 'andRules':
      return value.rules.every((one: Json) => holds(one, attributes));
    case 'orRules':
      return value.rules.some((one: Json) => holds(one, attributes));
    case 'andIds':
      return value.ids.every((one: Json) => holds(one, attributes));
    case 'orIds':
      return value.ids.some((one: Json) => holds(one, attributes));
    case 'notRule':
    case 'notId':
      return !holds(value, attributes);
    case 'authenticated':
      return attributes.identities.some((identity) => stringMatches(value.principalName, identity));
    case 'header':
      return headerMatches(value, attributes);
    case 'urlPath':
      return attributes.http?.path !== undefined && stringMatches(value.path, attributes.http.path);
    case 'uriTemplate':
      return attributes.http?.path !== undefined && templatePattern(value.typedConfig.pathTemplate).test(attributes.http.path);
    case 'destinationPort':
      return attributes.localPort === value;
    case 'destinationIp':
      return inRange(value, attributes.localIp);
    case 'directRemoteIp':
      return inRange(value, attributes.directIp);
    case 'remoteIp':
      return inRange(value, attributes.remoteIp);
    case 'requestedServerName':
      return stringMatches(value, attributes.sni ?? '');
    case 'metadata':
      return metadataMatches(value, attributes);
    default:
      throw new Error(`the reader does not know ${kind}`);
  }
}

function stringMatches(matcher: Json, text: string): boolean {
  const fold = (one: string) => (matcher.ignoreCase === true ? one.toLowerCase() : one);
  if (matcher.exact !== undefined) return fold(text) === fold(matcher.exact);
  if (matcher.prefix !== undefined) return fold(text).startsWith(fold(matcher.prefix));
  if (matcher.suffix !== undefined) return fold(text).endsWith(fold(matcher.suffix));
  return patternOf(matcher.safeRegex.regex).test(text);
}

function patternOf(regex: string): RegExp {
  const insensitive = regex.startsWith('(?i)');
  return new RegExp(`^(?:${insensitive ? regex.slice(4) : regex})$`, insensitive ? 'i' : '');
}

function headerMatches(matcher: Json, { http }: Attributes): boolean {
  const values = http?.headers.get(matcher.name.toLowerCase());
  if (values === undefined) return false;
  if (matcher.presentMatch === true) return true;
  if (matcher.safeRegexMatch !== undefined) return values.some((value) => patternOf(matcher.safeRegexMatch.regex).test(value));
  return values.some((value) => stringMatches(matcher.stringMatch, value));
}

/** As Envoy builds it: `*` is one or more path characters, `**` any number of them and slashes. */
function templatePattern(template: string): RegExp {
  const character = "[A-Za-z0-9\\-._~%!$&'()+,;:@=*]";
  const segments = template.split('/').map((segment) => {
    if (segment === '*') return `${character}+`;
    return segment === '**' ? `(?:${character}|/)*` : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${segments.join('/')}$`);
}

function inRange(
  { addressPrefix, prefixLen }: { addressPrefix: string; prefixLen: number },
  address: readonly number[] | undefined,
): boolean {
  if (address?.length !== 4 || addressPrefix.includes(':')) return false;
  const number = (bytes: readonly number[]) => bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - prefixLen);
  return Math.floor(number(address) / size) === Math.floor(number(addressPrefix.split('.').map(Number)) / size);
}

function metadataMatches({ filter, path, value }: Json, attributes: Attributes): boolean {
  const [first, ...rest] = path.map(({ key }: { key: string }) => key);
  let found: JsonValue | undefined =
    filter === 'envoy.filters.http.jwt_authn'
      ? first === 'payload'
        ? attributes.payload
        : undefined
      : attributes.metadata[filter]?.[first];
  for (const key of rest) {
    found =
      typeof found === 'object' && found !== null && !Array.isArray(found)
        ? (found as Record<string, JsonValue>)[key]
        : undefined;
  }
  return valueMatches(value, found);
}

function valueMatches(matcher: Json, value: JsonValue | undefined): boolean {
  if (matcher.orMatch !== undefined) return matcher.orMatch.valueMatchers.some((one: Json) => valueMatches(one, value));
  if (matcher.listMatch !== undefined)
    return Array.isArray(value) && value.some((one) => valueMatches(matcher.listMatch.oneOf, one));
  return typeof value === 'string' && stringMatches(matcher.stringMatch, value);
}
