import type { JsonValue } from '../../wire/call.ts';
import type { CidrBlock, IdentityTest, Leaf, StringTest } from '../matcher.ts';
import type { Attributes } from './attributes.ts';
import { claimAt } from './match.ts';
import { templatePrefix } from './template.ts';
import { hasToken } from './token-text.ts';

/**
 * What a leaf can be filed under. INVARIANT: where the leaf holds, the attribute has a text under `dimension` that is `text`,
 * begins with it or ends with it; the leaf need not hold where that is so.
 */
export interface Atom {
  readonly dimension: Dimension;
  readonly form: 'exact' | 'prefix' | 'suffix';
  readonly text: string;
}

/** One attribute, or one view of it, as texts. */
export interface Dimension {
  readonly name: string;
  /** Undefined: the texts are not all known, and whatever is filed here may hold. */
  readonly read: (attributes: Attributes) => readonly string[] | undefined;
}

/** Undefined for a leaf that tells too little to be filed: presence, wide patterns, texts of the proxy's own. */
export function atomOf(leaf: Leaf): Atom | undefined {
  switch (leaf.type) {
    case 'identity':
      return identityAtom(leaf.test);
    case 'path':
      if (leaf.test.op === 'template') return { dimension: PATH, form: 'prefix', text: templatePrefix(leaf.test) };
      return stringAtom(PATH, leaf.test);
    case 'header':
      if (PROXY_WRITTEN.has(leaf.name)) return undefined;
      return stringAtom(
        'ignoreCase' in leaf.test && leaf.test.ignoreCase ? foldedHeader(leaf.name) : header(leaf.name),
        leaf.test,
      );
    case 'port':
      return { dimension: PORT, form: 'exact', text: String(leaf.port) };
    case 'sni':
      return stringAtom(SNI, leaf.test);
    case 'claim':
      return stringAtom(claim(leaf.path), leaf.test);
    case 'directIp':
    case 'remoteIp':
    case 'localIp':
      return blockAtom(leaf.type, leaf.block);
    case 'metadata':
      return undefined;
  }
}

function stringAtom(dimension: Dimension, test: StringTest): Atom | undefined {
  if (test.op === 'nonEmpty' || test.op === 'present') return undefined;
  const text = test.ignoreCase ? test.value.toLowerCase() : test.value;
  return { dimension, form: test.op, text };
}

function identityAtom(test: IdentityTest): Atom | undefined {
  switch (test.op) {
    case 'spiffeSuffix':
      return { dimension: IDENTITY, form: 'suffix', text: test.suffix };
    case 'namespace':
      return /[*/]/.test(test.value) ? undefined : { dimension: NAMESPACE, form: 'exact', text: test.value };
    case 'serviceAccount':
      if (test.namespace.includes('/') || test.name.includes('/')) return undefined;
      return { dimension: ACCOUNT, form: 'exact', text: `${test.namespace}/${test.name}` };
    case 'meshAccount':
      return { dimension: ACCOUNT, form: 'exact', text: `${test.namespace}/${test.name}` };
    case 'meshNamespace':
      return stringAtom(NAMESPACE, test.test);
    case 'trustDomain':
      return test.value.includes('*') ? undefined : { dimension: IDENTITY, form: 'prefix', text: `spiffe://${test.value}/` };
    default:
      return stringAtom(IDENTITY, test);
  }
}

const IDENTITY: Dimension = { name: 'identity', read: ({ identities }) => identities };
/** Every `/ns/X/` in an identity. */
const NAMESPACE: Dimension = {
  name: 'namespace',
  read: ({ identities }) => identities.flatMap((identity) => namesAfter(identity, 'ns')),
};
const ACCOUNT: Dimension = {
  name: 'account',
  read: ({ identities }) =>
    identities.flatMap((identity) =>
      namesAfter(identity, 'ns').flatMap((space) => namesAfter(identity, 'sa').map((account) => `${space}/${account}`)),
    ),
};

/** The segments that follow a segment of that name. */
function namesAfter(identity: string, name: string): readonly string[] {
  const segments = identity.split('/');
  const names: string[] = [];
  for (let index = 1; index < segments.length; index += 1) {
    if (segments[index - 1] === name) names.push(segments[index] as string);
  }
  return names;
}

const NOTHING: readonly string[] = [];
const PATH: Dimension = { name: 'path', read: ({ http }) => (http?.path === undefined ? NOTHING : [http.path]) };
const PORT: Dimension = { name: 'port', read: ({ localPort }) => [String(localPort)] };
const SNI: Dimension = { name: 'sni', read: ({ sni }) => (sni === undefined ? NOTHING : [sni]) };

/** Headers whose text the proxy makes up. */
const PROXY_WRITTEN: ReadonlySet<string> = new Set(['x-request-id', 'x-forwarded-client-cert', 'x-envoy-external-address']);

function header(name: string): Dimension {
  return { name: `header ${name}`, read: ({ http }) => known(http?.headers.get(name) ?? NOTHING) };
}

function foldedHeader(name: string): Dimension {
  const read: Dimension['read'] = ({ http }) => known(http?.headers.get(name) ?? NOTHING)?.map((value) => value.toLowerCase());
  return { name: `header ${name}, case aside`, read };
}

function known(values: readonly string[]): readonly string[] | undefined {
  return values.some(hasToken) ? undefined : values;
}

function claim(path: readonly string[]): Dimension {
  return { name: `claim ${JSON.stringify(path)}`, read: ({ payload }) => textsOf(claimAt(payload, path)) };
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((element): element is string => typeof element === 'string') : NOTHING;
}

/** Blocks of one length together: an address is cut to it and looked up. */
function blockAtom(type: 'directIp' | 'remoteIp' | 'localIp', { bytes, bits }: CidrBlock): Atom | undefined {
  if (bits === 0) return undefined;
  const read: Dimension['read'] = (attributes) => {
    const address = attributes[type];
    return address?.length === bytes.length ? [cut(address, bits)] : NOTHING;
  };
  return { dimension: { name: `${type} /${bits} of ${bytes.length}`, read }, form: 'exact', text: cut(bytes, bits) };
}

function cut(bytes: readonly number[], bits: number): string {
  return bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - index * 8)))).join('.');
}
