import type { Attributes } from '../../src/istio/evaluate/attributes.ts';
import { HeaderMap } from '../../src/istio/evaluate/header-map.ts';
import type { JsonValue } from '../../src/wire/call.ts';
import type { RbacFilter } from './envoy-filter.ts';

/** Requests near what a filter compares with: its own values, completed where they are parts, and spoiled by a character now and then. */
export function requestsFor(filter: RbacFilter, count: number, seed: number): readonly Attributes[] {
  const words = new Words(filter);
  const random = randomOf(seed);
  return Array.from({ length: count }, (_, index) => oneRequest(words, random, index));
}

/** Values of a filter by the attribute that they are compared with. */
class Words {
  readonly identities: string[] = [];
  readonly headers = new Map<string, string[]>();
  readonly paths: string[] = [];
  readonly ips: string[] = [];
  readonly ports: number[] = [];
  readonly snis: string[] = [];
  readonly metadata: { readonly filter: string; readonly path: readonly string[]; readonly value: string }[] = [];

  constructor(filter: RbacFilter) {
    this.#walk(filter, []);
  }

  // biome-ignore lint/suspicious/noExplicitAny: protobuf JSON of a test file, walked by field name.
  #walk(node: any, names: readonly string[]): void {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node) as [string, never][]) {
      if (key === 'authenticated') this.identities.push(...texts(value));
      else if (key === 'header') this.#header(value);
      else if (key === 'urlPath') this.paths.push(...texts(value));
      else if (key === 'uriTemplate')
        this.paths.push(templateText((value as { typedConfig: { pathTemplate: string } }).typedConfig.pathTemplate));
      else if (key === 'destinationPort') this.ports.push(value);
      else if (key === 'requestedServerName') this.snis.push(...texts(value));
      else if (/^(?:destinationIp|directRemoteIp|remoteIp)$/.test(key))
        this.ips.push((value as { addressPrefix: string }).addressPrefix);
      else if (key === 'metadata') this.#metadata(value);
      else this.#walk(value, [...names, key]);
    }
  }

  #header(value: { readonly name: string }): void {
    const name = value.name.toLowerCase();
    this.headers.set(name, [...(this.headers.get(name) ?? []), ...texts(value)]);
  }

  #metadata(value: {
    readonly filter: string;
    readonly path: readonly { readonly key: string }[];
    readonly value: unknown;
  }): void {
    const path = value.path.map(({ key }) => key);
    for (const text of texts(value.value)) this.metadata.push({ filter: value.filter, path, value: text });
  }
}

/** The texts that a string matcher or a tree of them would accept. */
function texts(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]): string[] => {
    if (typeof value !== 'string') return texts(value);
    if (key === 'exact') return [value];
    if (key === 'prefix') return [`${value}more`];
    if (key === 'suffix') return [`more${value}`];
    return key === 'regex' ? [regexText(value)] : [];
  });
}

function regexText(regex: string): string {
  return regex
    .replace(/^\(\?i\)/, '')
    .replaceAll('(.+/|)', '')
    .replaceAll('(/.+)?', '')
    .replaceAll('[^/]*', 'any')
    .replace(/\.[+*]/g, 'any')
    .replace(/\\(.)/g, '$1');
}

function templateText(template: string): string {
  return template.replaceAll('**', 'a/b').replaceAll('*', 'one');
}

type Random = () => number;

function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list[Math.floor(random() * list.length)];
}

function spoiled(random: Random, text: string): string {
  const dice = random();
  if (dice < 0.75) return text;
  if (dice < 0.85) return `${text}x`;
  return dice < 0.95 ? `x${text}` : text.toUpperCase();
}

/** Every other request has few attributes, so that negations hold too. */
function oneRequest(words: Words, random: Random, index: number): Attributes {
  const density = [0.9, 0.5, 0.15][index % 3] ?? 0.5;
  const maybe = <T>(list: readonly T[]): T | undefined => (random() < density ? pick(random, list) : undefined);
  const headers = new HeaderMap(false);
  for (const [name, values] of words.headers) {
    const value = maybe([...values, '', 'other']);
    if (value !== undefined || (name.startsWith(':') && random() < 0.8)) headers.add(name, spoiled(random, value ?? 'other'));
  }
  const payload = Object.create(null);
  const metadata: Record<string, Record<string, JsonValue>> = {};
  for (const { filter, path, value } of words.metadata) {
    if (random() > density / 2) continue;
    const text = spoiled(random, value);
    const shaped: JsonValue = random() < 0.5 ? text : random() < 0.8 ? ['x', text] : [[text]];
    const [first = '', ...rest] = path;
    if (filter === 'envoy.filters.http.jwt_authn') put(payload, rest, shaped);
    else metadata[filter] = { ...metadata[filter], [first]: shaped };
  }
  const identity = maybe([...words.identities, 'spiffe://td/ns/x/sa/y', 'cn']);
  const address = () => ipBytes(random, maybe(words.ips) ?? '203.0.113.9');
  return {
    identities: identity === undefined ? [] : [spoiled(random, identity)],
    directIp: address(),
    remoteIp: address(),
    localIp: address(),
    localPort: maybe([...words.ports, 1]) ?? 2,
    sni: maybe(words.snis)?.toLowerCase(),
    http: { headers, path: random() < 0.05 ? undefined : spoiled(random, maybe([...words.paths, '/']) ?? '/other') },
    payload: Object.keys(payload).length === 0 ? undefined : payload,
    metadata,
    unsure: 'token-text',
    anyByte: true,
  };
}

function put(object: Record<string, JsonValue>, path: readonly string[], value: JsonValue): void {
  const [first = '', ...rest] = path;
  if (rest.length === 0) {
    object[first] = value;
    return;
  }
  const inner = object[first];
  const isObject = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
  const next: Record<string, JsonValue> = Object.assign(Object.create(null), isObject ? inner : {});
  put(next, rest, value);
  object[first] = next;
}

/** The block's first address, or one a bit off. */
function ipBytes(random: Random, text: string): readonly number[] {
  const bytes = text.split('.').map(Number);
  if (random() < 0.5) return bytes;
  const at = Math.floor(random() * 4);
  return bytes.map((byte, index) => (index === at ? (byte + 1) % 256 : byte));
}
