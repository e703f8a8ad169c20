import { meshId } from '../evaluate/mesh-id.ts';
import type { PeerIdentity } from '../facts.ts';
import { isDotText } from '../wire-text.ts';
import { type AddressText, addressCandidates } from './address-candidates.ts';
import { Automata } from './automaton.ts';
import { type Clause, clauseOf } from './clause.ts';
import { identityCandidates } from './identity-candidates.ts';
import { isCoveredByCandidates, type TextStyle, textCandidates } from './text-candidates.ts';
import { searchText, type TextSearch } from './text-search.ts';
import { type Reading, type Shape, Value } from './value.ts';

/** What a witness has where no rule asks for anything, and what it must have. */
export interface Usual {
  readonly authority: string;
  readonly peers: readonly PeerIdentity[];
  readonly ports: readonly number[];
  readonly client: AddressText;
  readonly local: AddressText;
  /** Claims of the token that is carried, by variable; without one every claim is absent. */
  readonly claims: ReadonlyMap<string, Shape> | undefined;
  /** The header that the token is in, as a variable: what stands there is not known, and is gone where it is not forwarded. */
  readonly tokenHeader: string | undefined;
  /** Headers in which a token is looked for, as variables, each with the texts that stand before one. */
  readonly tokenPlaces: ReadonlyMap<string, readonly string[]>;
}

export interface Solved {
  /** Undefined: none was found. */
  readonly value: Value | undefined;
  /** None exists when none was found. */
  readonly isComplete: boolean;
  /** Steps that it took, in the unit of the budget. */
  readonly cost: number;
}

/** The values that the attributes of one kind of request can have, and the search for one that some clauses hold for. */
export class Space {
  readonly reading: Reading;
  readonly #usual: Usual;
  readonly #automata = new Automata();
  readonly #values = new Map<string, Value>();
  readonly #solved = new Map<string, Solved>();
  readonly #possible = new Map<string, boolean | 'unsure'>();

  constructor(reading: Reading, usual: Usual) {
    this.reading = reading;
    this.#usual = usual;
  }

  /** A value for which all clauses, which are on this variable, hold. */
  solve(variable: string, clauses: readonly Clause[]): Solved {
    const key = keyOf(variable, clauses);
    const known = this.#solved.get(key);
    if (known !== undefined) return { ...known, cost: 0 };
    const solved = this.#solve(variable, clauses);
    this.#solved.set(key, solved);
    return solved;
  }

  /** The value of an attribute of which nothing is asked. */
  usual(variable: string): Value {
    return this.solve(variable, []).value ?? this.value(variable, ABSENT);
  }

  value(variable: string, shape: Shape): Value {
    const key = shapeKey(variable, shape);
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const made = new Value(variable, shape, this.reading);
    this.#values.set(key, made);
    return made;
  }

  /**
   * Whether one name, one header or one claim can pass all clauses, for words about it; undefined where that was not told.
   * `thorough` takes the search of last resort too.
   */
  canHold(variable: string, clauses: readonly Clause[], thorough: boolean): boolean | undefined {
    const key = keyOf(variable, clauses);
    const known = this.#possible.get(key);
    if (known !== undefined && (known !== 'unsure' || !thorough)) return known === 'unsure' ? undefined : known;
    const result = this.#one(variable, clauses, thorough);
    this.#possible.set(key, result ?? 'unsure');
    return result;
  }

  #one(variable: string, clauses: readonly Clause[], thorough: boolean): boolean | undefined {
    if (this.#try(variable, clauses).value !== undefined) return true;
    if (this.#isCovered(variable, clauses)) return false;
    if (!thorough) return undefined;
    const found = this.#search(variable, clauses);
    return found.text === undefined ? (found.isComplete ? false : undefined) : true;
  }

  #try(variable: string, clauses: readonly Clause[]): Solved {
    let count = 16;
    for (const shape of this.#candidates(variable, clauses)) {
      count += 1;
      // Most candidates are seen once, so only what passes is kept.
      if (!new Value(variable, shape, this.reading).passesAll(clauses)) continue;
      return { value: this.value(variable, shape), isComplete: true, cost: Math.floor(count / 16) };
    }
    return { value: undefined, isComplete: false, cost: Math.floor(count / 16) };
  }

  #solve(variable: string, clauses: readonly Clause[]): Solved {
    const tried = this.#try(variable, clauses);
    if (tried.value !== undefined) return tried;
    const spent = tried.cost;
    if (this.#isCovered(variable, clauses)) return this.#several(variable, clauses, true, spent);
    const found = this.#search(variable, clauses);
    const value = found.text === undefined ? undefined : this.value(variable, shapeOf(variable, found.text));
    if (value?.passesAll(clauses)) return { value, isComplete: true, cost: spent + found.states };
    return this.#several(variable, clauses, found.isComplete && value === undefined, spent + found.states);
  }

  #search(variable: string, clauses: readonly Clause[]): TextSearch {
    const { before, after, identities } = this.reading;
    // Two readings of one text are no product of automata; the spellings that were tried are all.
    const isUntold = (variable === 'path' && before !== after) || variable === this.#usual.tokenHeader;
    if (isUntold) return { text: undefined, isComplete: false, states: 0 };
    const always = variable === 'identity' && identities === 'mesh' ? MESH_ID : (ALWAYS[variable] ?? []);
    const isGood = (text: string) => this.#isGood(variable, text);
    return searchText([...clauses, ...always], { automata: this.#automata, extra: this.#alphabet(variable), isGood });
  }

  /** One element for each clause, where an attribute can hold several. */
  #several(variable: string, clauses: readonly Clause[], isComplete: boolean, cost: number): Solved {
    const wanted = clauses.filter(({ negative }) => !negative);
    if (wanted.length < 2 || !this.#isMany(variable)) return { value: undefined, isComplete, cost };
    const unwanted = clauses.filter(({ negative }) => negative);
    const parts = wanted.map((clause) => this.solve(variable, [clause, ...unwanted]));
    const sum = parts.reduce((total, part) => total + part.cost, cost);
    const shapes = parts.map(({ value }) => value?.shape);
    if (shapes.includes(undefined)) return { value: undefined, isComplete: parts.every((part) => part.isComplete), cost: sum };
    const value = this.value(variable, joined(shapes as readonly Shape[]));
    return value.passesAll(clauses) ? { value, isComplete: true, cost: sum } : { value: undefined, isComplete: false, cost: sum };
  }

  #isMany(variable: string): boolean {
    const { reading } = this;
    if (variable === 'identity') return reading.identities === 'all';
    if (variable.startsWith('header ')) {
      return !variable.startsWith('header :') && reading.profile.duplicateHeaders === 'each' && !ONE_VALUE.has(variable);
    }
    if (variable === this.#usual.tokenHeader || isNever(variable)) return false;
    if (variable.startsWith('claim ')) return variable !== 'claim ["iss"]' && variable !== 'claim ["sub"]';
    return variable.startsWith('metadata ');
  }

  *#candidates(variable: string, clauses: readonly Clause[]): Generator<Shape> {
    const usual = this.#usual;
    if (isNever(variable) || variable === usual.tokenHeader) {
      yield ABSENT;
      return;
    }
    if (variable.startsWith('claim ')) {
      const fixed = usual.claims === undefined ? ABSENT : usual.claims.get(variable);
      if (fixed !== undefined) yield fixed;
      if (usual.claims !== undefined && !(fixed !== undefined && variable === 'claim ["iss"]'))
        yield* this.#texts(variable, clauses);
      return;
    }
    switch (variable) {
      case 'identity':
        if (!clauses.some(({ negative }) => !negative)) {
          for (const peer of usual.peers) yield { type: 'peer', peer };
          yield ABSENT;
        }
        for (const peer of identityCandidates(clauses, usual.peers)) if (this.#isPeer(peer)) yield { type: 'peer', peer };
        return;
      case 'directIp':
      case 'remoteIp':
        for (const one of addressCandidates(clauses, [usual.client])) yield { type: 'address', ...one };
        return;
      case 'localIp':
        for (const one of addressCandidates(clauses, [usual.local])) yield { type: 'address', ...one };
        return;
      case 'port':
        yield* portCandidates(clauses, usual.ports);
        return;
      default:
        yield* this.#texts(variable, clauses);
    }
  }

  *#texts(variable: string, clauses: readonly Clause[]): Generator<Shape> {
    const isOptional = variable !== 'path' && !variable.startsWith('header :');
    if (isOptional && !clauses.some(({ negative }) => !negative)) yield ABSENT;
    for (const text of textCandidates(clauses, this.#style(variable))) {
      if (this.#isGood(variable, text)) yield shapeOf(variable, text);
      if (variable.startsWith('metadata ') && clauses.some(isListTest)) yield { type: 'list', texts: [text] };
    }
    if (variable === 'path' && this.reading.before !== this.reading.after) yield* this.#spellings(clauses);
    if (isOptional && this.#isGood(variable, '')) yield shapeOf(variable, '');
    // Bytes that are no UTF-8 slip through `*` in older proxies.
    const odd = variable === 'path' ? '/\xff' : variable.startsWith('header ') && isOptional ? '\xff' : undefined;
    if (odd !== undefined && !isDotText(odd, this.reading.profile.regexOnInvalidUtf8) && this.#isGood(variable, odd)) {
      yield shapeOf(variable, odd);
    }
  }

  /** Paths that the two sides may read differently. */
  *#spellings(clauses: readonly Clause[]): Generator<Shape> {
    for (const plain of textCandidates(clauses, this.#style('path'))) {
      if (!plain.startsWith('/') || /[?#]/.test(plain)) continue;
      const rest = plain.slice(1);
      const letter = rest.search(/[A-Za-z]/);
      const escaped =
        letter < 0 ? rest : `${rest.slice(0, letter)}%${rest.charCodeAt(letter).toString(16)}${rest.slice(letter + 1)}`;
      const slash = rest.lastIndexOf('/');
      const inner = (text: string) => (slash < 0 ? `${text}${rest}` : `${rest.slice(0, slash)}${text}${rest.slice(slash + 1)}`);
      for (const text of [
        `//${rest}`,
        `/${inner('//')}`,
        `/./${rest}`,
        `/other/../${rest}`,
        `/${escaped}`,
        `/${inner('%2F')}`,
        `/%2F${rest}`,
        `/${inner('\\')}`,
      ]) {
        if (/^[\x21-\x7e]*$/.test(text)) yield { type: 'text', text };
      }
    }
  }

  #style(variable: string): TextStyle {
    switch (variable) {
      case 'path':
        return {
          usual: ['/', '/other'],
          fillers: ['other', '', 'x', 'other/more', 'o[ther', '['],
          starts: ['/', '/other/', '/x', ''],
        };
      case 'header :method':
        return { usual: ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'], fillers: ['OTHER', '', 'X'], starts: [''] };
      case 'header :authority':
        return { usual: [this.#usual.authority, 'other.example'], fillers: ['other', '', 'x'], starts: ['', 'other.'] };
      default:
        return { usual: ['other'], fillers: ['other', '', 'x'], starts: [''] };
    }
  }

  /** Whether a text comes over the wire and through normalisation as it is. */
  #isGood(variable: string, text: string): boolean {
    const { reading } = this;
    switch (variable) {
      case 'identity':
        return /^[\x21-\x7e]+$/.test(text);
      case 'path':
        return (
          text.startsWith('/') &&
          !text.includes('#') &&
          (/^[\x21-\x7e]*$/.test(text) || (text === '/\xff' && reading.before === 'NONE')) &&
          reading.paths.normalized(text, reading.before) === text &&
          reading.paths.normalized(text, reading.after) === text
        );
      case 'header :method':
        return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text) && text !== 'CONNECT';
      case 'header :authority':
        return /^[A-Za-z0-9\-._~!$&'()*+,;=:%[\]]+$/.test(text);
      case 'sni':
        return /^[\x21-\x7e]+$/.test(text);
      default:
        return !variable.startsWith('header ') || (isHeaderText(text) && !this.#isToken(variable, text));
    }
  }

  /** A text in which a proxy looks for a token: what it does then is told of tokens. */
  #isToken(variable: string, text: string): boolean {
    return this.#usual.tokenPlaces.get(variable)?.some((prefix) => text.includes(prefix)) === true;
  }

  #isPeer({ uris }: PeerIdentity): boolean {
    const { identities } = this.reading;
    return identities === 'all' || (uris[0] !== undefined && (identities === 'first' || meshId(uris[0]) !== undefined));
  }

  #isCovered(variable: string, clauses: readonly Clause[]): boolean {
    if (variable === 'directIp' || variable === 'remoteIp' || variable === 'localIp' || variable === 'port') return true;
    if (variable === 'path' && this.reading.before !== this.reading.after) return false;
    if (variable === this.#usual.tokenHeader) return false;
    if (isNever(variable) || (variable.startsWith('claim ') && this.#usual.claims === undefined)) return true;
    if (variable === 'claim ["iss"]' && this.#usual.claims?.has(variable) === true) return true;
    if (variable === 'identity') return isSettled(clauses);
    return isCoveredByCandidates(clauses);
  }

  #alphabet(variable: string): string {
    if (variable === 'path') return '/[';
    return variable === 'identity' ? '/' : '';
  }
}

const ABSENT: Shape = { type: 'absent' };

function shapeKey(variable: string, shape: Shape): string {
  switch (shape.type) {
    case 'absent':
      return variable;
    case 'text':
    case 'address':
      return `${variable}=${shape.text}`;
    case 'port':
      return `${variable}=${shape.port}`;
    case 'list':
      return `${variable} ${JSON.stringify(shape.texts)}`;
    case 'peer': {
      const { uris, dns, subject } = shape.peer;
      return uris.length === 1 && dns.length === 0 && subject === ''
        ? `${variable}=${uris[0]}`
        : `${variable} ${JSON.stringify(shape.peer)}`;
    }
  }
}

function keyOf(variable: string, clauses: readonly Clause[]): string {
  const keys = clauses.map((clause) => clause.key).sort();
  return `${variable} ${keys.join('&')}`;
}
const ORIGIN = { path: [], value: '' } as const;

/** What holds for every value, so that a search does not come by way of others. */
const ALWAYS: Readonly<Record<string, readonly Clause[]>> = {
  path: [clauseOf([{ type: 'path', test: { op: 'prefix', value: '/', ignoreCase: false }, origin: ORIGIN }], false, '')],
  identity: [clauseOf([{ type: 'identity', test: { op: 'nonEmpty' }, origin: ORIGIN }], false, '')],
};

const MESH_ID: readonly Clause[] = [
  clauseOf([{ type: 'identity', test: { op: 'meshNamespace', test: { op: 'present' } }, origin: ORIGIN }], false, ''),
];

const ONE_VALUE: ReadonlySet<string> = new Set(['header x-forwarded-for', 'header authorization', 'header cookie']);

/** The payload itself, which is an object and so no text; and headers with names that HTTP does not have. */
function isNever(variable: string): boolean {
  return variable === 'claim []' || (variable.startsWith('header ') && !/^header :?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(variable));
}

/** What HTTP carries in a header, without blanks at the ends. */
function isHeaderText(text: string): boolean {
  return /^(?:[\x21-\x7e\x80-\xff]|(?<=\S) (?=\S))*$/.test(text);
}

function isListTest({ leaves }: Clause): boolean {
  return leaves.some((leaf) => leaf.type === 'metadata' && leaf.shape === 'list');
}

/** Only exact identities may pass, and each was tried. */
function isSettled(clauses: readonly Clause[]): boolean {
  return clauses.some(
    ({ negative, leaves }) => !negative && leaves.every((leaf) => leaf.type === 'identity' && leaf.test.op === 'exact'),
  );
}

function shapeOf(variable: string, text: string): Shape {
  if (variable === 'identity') return { type: 'peer', peer: { uris: [text], dns: [], subject: '' } };
  // Words in a scope are split at spaces; in a list they stay.
  if (variable === 'claim ["scope"]' || variable === 'claim ["permission"]') return { type: 'list', texts: [text] };
  return { type: 'text', text };
}

function joined(shapes: readonly Shape[]): Shape {
  if (shapes[0]?.type === 'peer') {
    const peers = shapes.flatMap((shape) => (shape.type === 'peer' ? [shape.peer] : []));
    return {
      type: 'peer',
      peer: {
        uris: [...new Set(peers.flatMap(({ uris }) => uris))],
        dns: [...new Set(peers.flatMap(({ dns }) => dns))],
        subject: peers.find(({ subject }) => subject !== '')?.subject ?? '',
      },
    };
  }
  const texts = shapes.flatMap((shape) => (shape.type === 'text' ? [shape.text] : shape.type === 'list' ? shape.texts : []));
  return { type: 'list', texts: [...new Set(texts)] };
}

function* portCandidates(clauses: readonly Clause[], usual: readonly number[]): Generator<Shape> {
  const ports = (negative: boolean) =>
    clauses
      .filter((clause) => clause.negative === negative)
      .flatMap(({ leaves }) => leaves.flatMap((leaf) => (leaf.type === 'port' ? [leaf.port] : [])));
  const wanted = ports(false);
  for (const port of usual) yield { type: 'port', port };
  for (const port of wanted) yield { type: 'port', port };
  if (wanted.length > 0) return;
  const unwanted = new Set(ports(true));
  for (let port = 8080; port < 8080 + unwanted.size + 1; port += 1) yield { type: 'port', port };
}
