import type { JsonValue } from '../../wire/call.ts';
import { inBlock } from '../address.ts';
import type { IdentityTest, Leaf, Matcher, StringTest } from '../matcher.ts';
import { isDotText } from '../wire-text.ts';
import type { Address, Attributes } from './attributes.ts';
import { meshId } from './mesh-id.ts';
import { matchesTemplate } from './template.ts';
import { hasToken, type Truth, tokenTextTest } from './token-text.ts';

/** Whether a tree holds. Undefined: it hangs on the text of a token, which the facts do not hold. */
export function matches(matcher: Matcher, attributes: Attributes): Truth {
  switch (matcher.type) {
    case 'any':
      return true;
    case 'never':
      return false;
    case 'not': {
      const inner = matches(matcher.of, attributes);
      return inner === undefined ? undefined : !inner;
    }
    case 'and':
      return every(matcher.of, attributes);
    case 'or':
      return some(matcher.of, attributes);
    default:
      return leafHolds(matcher, attributes);
  }
}

/** One leaf; on an absent attribute it does not hold. */
export function leafHolds(leaf: Leaf, attributes: Attributes): Truth {
  switch (leaf.type) {
    case 'identity':
      return attributes.identities.some((identity) => identityMatches(leaf.test, identity, attributes.anyByte));
    case 'directIp':
      return holds(attributes.directIp, leaf.block);
    case 'remoteIp':
      return holds(attributes.remoteIp, leaf.block);
    case 'localIp':
      return holds(attributes.localIp, leaf.block);
    case 'port':
      return attributes.localPort === leaf.port;
    case 'sni':
      return attributes.sni !== undefined && wireMatches(leaf.test, attributes.sni, attributes.anyByte);
    case 'header':
      return headerMatches(leaf.test, attributes.http?.headers.get(leaf.name), attributes);
    case 'path': {
      const path = attributes.http?.path;
      if (path === undefined) return false;
      return leaf.test.op === 'template' ? matchesTemplate(leaf.test, path) : wireMatches(leaf.test, path, attributes.anyByte);
    }
    case 'claim':
      return valueMatches(
        leaf.test,
        leaf.shape === 'string' ? ['string'] : ['string', 'list'],
        claimAt(attributes.payload, leaf.path),
      );
    case 'metadata':
      return valueMatches(leaf.test, [leaf.shape], metadataAt(attributes, leaf.filter, leaf.key));
  }
}

/** A test on a text from the wire (latin-1). */
export function wireMatches(test: StringTest, text: string, anyByte: boolean): boolean {
  return test.op === 'nonEmpty' ? isDotText(text, anyByte) : plainMatches(test, text);
}

function every(of: readonly Matcher[], attributes: Attributes): Truth {
  let truth: Truth = true;
  for (const one of of) {
    const result = matches(one, attributes);
    if (result === false) return false;
    if (result === undefined) truth = undefined;
  }
  return truth;
}

function some(of: readonly Matcher[], attributes: Attributes): Truth {
  let truth: Truth = false;
  for (const one of of) {
    const result = matches(one, attributes);
    if (result === true) return true;
    if (result === undefined) truth = undefined;
  }
  return truth;
}

function holds(address: Address, block: { readonly bytes: readonly number[]; readonly bits: number }): boolean {
  return address !== undefined && inBlock(address, block);
}

function headerMatches(test: StringTest, values: readonly string[] | undefined, attributes: Attributes): Truth {
  if (values === undefined) return false;
  if (test.op === 'present') return true;
  let truth: Truth = false;
  for (const value of values) {
    const result = hasToken(value) ? tokenTextTest(test, value) : wireMatches(test, value, attributes.anyByte);
    if (result === true) return true;
    if (result === undefined) {
      truth = undefined;
      attributes.unsure = /[\uf8fe\uf8ff]/.test(value) ? 'proxy-text' : 'token-text';
    }
  }
  return truth;
}

function plainMatches(test: Exclude<StringTest, { op: 'nonEmpty' }>, text: string): boolean {
  if (test.op === 'present') return true;
  const value = test.ignoreCase ? asciiLower(test.value) : test.value;
  const subject = test.ignoreCase ? asciiLower(text) : text;
  switch (test.op) {
    case 'exact':
      return subject === value;
    case 'prefix':
      return subject.startsWith(value);
    case 'suffix':
      return subject.endsWith(value);
  }
}

/** ASCII alone: `toLowerCase` would fold bytes above 0x7f too. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
}

function identityMatches(test: IdentityTest, identity: string, anyByte: boolean): boolean {
  switch (test.op) {
    case 'spiffeSuffix':
      return (
        identity.length >= SPIFFE.length + test.suffix.length &&
        identity.startsWith(SPIFFE) &&
        identity.endsWith(test.suffix) &&
        isDotText(identity, anyByte)
      );
    case 'namespace':
      return isDotText(identity, anyByte) && hasInOrder(identity, `/ns/${test.value}/`.split('*'));
    case 'serviceAccount':
      return isDotText(identity, anyByte) && isServiceAccount(identity, test.namespace, test.name);
    case 'trustDomain':
      return isInTrustDomain(identity, test.value);
    case 'meshNamespace':
      return wireMatches(test.test, meshId(identity)?.namespace ?? '', anyByte);
    case 'meshAccount': {
      const id = meshId(identity);
      return id?.namespace === test.namespace && id.account === test.name;
    }
    default:
      return wireMatches(test, identity, anyByte);
  }
}

const SPIFFE = 'spiffe://';

/** The parts stand in the text one after another, anything between them. */
function hasInOrder(text: string, parts: readonly string[]): boolean {
  let from = 0;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return true;
}

/** `spiffe://.+/ns/NS/(.+/|)sa/SA(/.+)?` */
function isServiceAccount(identity: string, namespace: string, name: string): boolean {
  if (!identity.startsWith(SPIFFE)) return false;
  const space = `/ns/${namespace}/`;
  const account = `sa/${name}`;
  for (let at = identity.indexOf(space, SPIFFE.length + 1); at >= 0; at = identity.indexOf(space, at + 1)) {
    const start = at + space.length;
    for (let found = identity.indexOf(account, start); found >= 0; found = identity.indexOf(account, found + 1)) {
      const leads = found === start || (found >= start + 2 && identity[found - 1] === '/');
      const end = found + account.length;
      const ends = end === identity.length || (identity[end] === '/' && end + 1 < identity.length);
      if (leads && ends) return true;
    }
  }
  return false;
}

/** `*`: any; no star: that domain; else the first star is `[^/]*`, and a slash follows. */
function isInTrustDomain(identity: string, domain: string): boolean {
  if (!identity.startsWith(SPIFFE)) return false;
  if (domain === '*') return true;
  const star = domain.indexOf('*');
  if (star < 0) return identity.startsWith(`${domain}/`, SPIFFE.length);
  const lead = SPIFFE + domain.slice(0, star);
  if (!identity.startsWith(lead)) return false;
  const tail = `${domain.slice(star + 1)}/`;
  for (let at = lead.length; at < identity.length; at += 1) {
    if (identity.startsWith(tail, at)) return true;
    if (identity[at] === '/') return false;
  }
  return false;
}

/** Objects alone are walked; lists and everything else end the way. */
export function claimAt(payload: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let value = payload;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const object = value as { readonly [name: string]: JsonValue };
    value = Object.hasOwn(object, name) ? object[name] : undefined;
  }
  return value;
}

function metadataAt({ metadata }: Attributes, filter: string, key: string): JsonValue | undefined {
  const fields = Object.hasOwn(metadata, filter) ? metadata[filter] : undefined;
  return fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined;
}

function valueMatches(test: StringTest, shapes: readonly ('string' | 'list')[], value: JsonValue | undefined): boolean {
  if (typeof value === 'string') return shapes.includes('string') && textMatches(test, value);
  if (!Array.isArray(value) || !shapes.includes('list')) return false;
  return value.some((element) => typeof element === 'string' && textMatches(test, element));
}

/** A test on a text that is Unicode already: `.+` fails on an empty one and on a newline. */
function textMatches(test: StringTest, text: string): boolean {
  return test.op === 'nonEmpty' ? text !== '' && !text.includes('\n') : plainMatches(test, text);
}
