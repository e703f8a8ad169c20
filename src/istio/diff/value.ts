import type { JsonValue } from '../../wire/call.ts';
import type { Attributes } from '../evaluate/attributes.ts';
import { HeaderMap } from '../evaluate/header-map.ts';
import { leafHolds } from '../evaluate/match.ts';
import { meshId } from '../evaluate/mesh-id.ts';
import { normalizePath, withoutQuery } from '../evaluate/normalize-path.ts';
import type { PeerIdentity } from '../facts.ts';
import type { PathNormalization } from '../objects.ts';
import type { Profile } from '../profile.ts';
import type { Clause, View } from './clause.ts';

/** One value of one raw attribute. */
export type Shape =
  | { readonly type: 'absent' }
  | { readonly type: 'text'; readonly text: string }
  /** A header that is sent more than once, or a claim that is a list. */
  | { readonly type: 'list'; readonly texts: readonly string[] }
  | { readonly type: 'peer'; readonly peer: PeerIdentity }
  | { readonly type: 'address'; readonly text: string; readonly bytes: readonly number[] }
  | { readonly type: 'port'; readonly port: number };

/** How both sides read a path. */
export interface Reading {
  readonly before: PathNormalization;
  readonly after: PathNormalization;
  readonly profile: Profile;
  readonly paths: PathReader;
  /** The names that a proxy takes from a certificate: all, the one of filter state, or one of the mesh's own form. */
  readonly identities: 'all' | 'first' | 'mesh';
}

/** Paths as the proxy reads them, each worked out once. */
export class PathReader {
  readonly #profile: Profile;
  readonly #known = new Map<PathNormalization, Map<string, string | undefined>>();

  constructor(profile: Profile) {
    this.#profile = profile;
  }

  /** Undefined: the proxy refuses it. */
  normalized(text: string, mode: PathNormalization): string | undefined {
    const own = this.#known.get(mode) ?? new Map<string, string | undefined>();
    if (own.size === 0) this.#known.set(mode, own);
    else if (own.has(text)) return own.get(text);
    const { path, isRefused } = normalizePath(text, mode, this.#profile);
    const result = isRefused ? undefined : path;
    if (own.size >= MAX_PATHS) own.clear();
    own.set(text, result);
    return result;
  }
}

const MAX_PATHS = 100_000;

/** A value with what the production matcher says of it, asked once for each clause. */
export class Value {
  readonly variable: string;
  readonly shape: Shape;
  readonly #reading: Reading;
  #attributes: Partial<Record<View, Attributes>> | undefined;
  #known: Map<Clause, boolean> | undefined;

  constructor(variable: string, shape: Shape, reading: Reading) {
    this.variable = variable;
    this.shape = shape;
    this.#reading = reading;
  }

  /** Whether a clause on this attribute holds. */
  passes(clause: Clause): boolean {
    const known = this.#known?.get(clause);
    if (known !== undefined) return known;
    const result = this.#ask(clause);
    this.#known ??= new Map();
    this.#known.set(clause, result);
    return result;
  }

  passesAll(clauses: readonly Clause[]): boolean {
    return clauses.every((clause) => this.#ask(clause));
  }

  #ask({ leaves, negative, view }: Clause): boolean {
    const attributes = this.#attributesOf(view);
    return leaves.some((leaf) => leafHolds(leaf, attributes) === true) !== negative;
  }

  #attributesOf(view: View): Attributes {
    const known = this.#attributes?.[view];
    if (known !== undefined) return known;
    const made = attributesOf(this.variable, this.shape, view, this.#reading);
    this.#attributes ??= {};
    this.#attributes[view] = made;
    return made;
  }
}

const NOTHING: Attributes = {
  identities: [],
  directIp: undefined,
  remoteIp: undefined,
  localIp: undefined,
  localPort: -1,
  sni: undefined,
  http: undefined,
  payload: undefined,
  metadata: {},
  anyByte: true,
  unsure: 'token-text',
};

function attributesOf(variable: string, shape: Shape, view: View, reading: Reading): Attributes {
  const base: Attributes = { ...NOTHING, anyByte: reading.profile.regexOnInvalidUtf8 };
  if (shape.type === 'absent') return base;
  if (variable.startsWith('header '))
    return { ...base, http: { headers: headersOf(variable.slice(7), shape, reading), path: '' } };
  if (variable.startsWith('claim ')) return { ...base, payload: nested(namesOf(variable), jsonOf(shape)) };
  if (variable.startsWith('metadata ')) {
    const [filter = '', key = ''] = namesOf(variable);
    return { ...base, metadata: { [filter]: { [key]: jsonOf(shape) } } };
  }
  if (variable === 'path' && shape.type === 'text') {
    const mode = view === 'after' ? reading.after : reading.before;
    const normal = reading.paths.normalized(shape.text, mode) ?? '';
    const headers = new HeaderMap(false);
    headers.set(':path', normal);
    return { ...base, http: { headers, path: withoutQuery(normal) } };
  }
  switch (shape.type) {
    case 'peer': {
      const { uris, dns, subject } = shape.peer;
      const { identities } = reading;
      if (identities === 'all') return { ...base, identities: [...uris, ...dns, subject] };
      return { ...base, identities: uris.filter((uri) => identities === 'first' || meshId(uri) !== undefined).slice(0, 1) };
    }
    case 'address':
      return { ...base, [variable]: shape.bytes };
    case 'port':
      return { ...base, localPort: shape.port };
    case 'text':
      return variable === 'sni' ? { ...base, sni: shape.text.toLowerCase() } : base;
    case 'list':
      return base;
  }
}

function headersOf(name: string, shape: Shape, { profile }: Reading): HeaderMap {
  const headers = new HeaderMap(profile.duplicateHeaders === 'joined');
  const texts = shape.type === 'list' ? shape.texts : shape.type === 'text' ? [shape.text] : [];
  for (const text of texts) headers.add(name, text);
  return headers;
}

/** The names in `claim ["a","b"]`. */
export function namesOf(variable: string): readonly string[] {
  return JSON.parse(variable.slice(variable.indexOf(' ') + 1)) as readonly string[];
}

export function jsonOf(shape: Shape): JsonValue {
  return shape.type === 'text' ? shape.text : shape.type === 'list' ? shape.texts : null;
}

function nested(path: readonly string[], value: JsonValue): JsonValue {
  return [...path].reverse().reduce<JsonValue>((inner, name) => ({ [name]: inner }), value);
}
