import type { CompiledRule } from '../chain.ts';
import type { Matcher } from '../matcher.ts';
import { type Atom, atomOf, type Dimension } from './atom.ts';
import type { Attributes } from './attributes.ts';
import { PrefixMap } from './prefix-map.ts';
import { ruleHolds } from './rule-holds.ts';

/**
 * Finds the first rule that matches without reading all of them: each rule is filed under the texts of its most selective term, and a
 * request is held only against the rules that are filed under its own texts. Equal to reading all in order.
 */
export class RuleIndex {
  readonly #rules: readonly CompiledRule[];
  readonly #shelves: readonly Shelf[];
  /** Rules that no term of theirs tells apart. */
  readonly #always: readonly number[];

  constructor(rules: readonly CompiledRule[]) {
    this.#rules = rules;
    const always: number[] = [];
    const drawers = new Map<string, Drawer>();
    const counts = countAtoms(rules);
    for (const [number, rule] of rules.entries()) {
      const atoms = filingOf(rule, counts);
      if (atoms === undefined) always.push(number);
      else for (const atom of atoms) file(drawers, atom, number);
    }
    this.#always = always;
    this.#shelves = [...drawers.values()].map((drawer) => new Shelf(drawer));
  }

  first(attributes: Attributes): CompiledRule | 'none' | undefined {
    const candidates: number[] = [];
    const take = (filed: readonly number[]): void => {
      for (const number of filed) candidates.push(number);
    };
    take(this.#always);
    for (const shelf of this.#shelves) shelf.find(attributes, take);
    if (candidates.length > 1) candidates.sort((left, right) => left - right);
    let last = -1;
    for (const number of candidates) {
      if (number === last) continue;
      last = number;
      const rule = this.#rules[number] as CompiledRule;
      const truth = ruleHolds(rule, attributes);
      if (truth !== false) return truth === true ? rule : undefined;
    }
    return 'none';
  }
}

/** What is filed in one dimension, while it is being filed. */
interface Drawer {
  readonly dimension: Dimension;
  readonly exact: Map<string, number[]>;
  readonly prefix: Map<string, number[]>;
  readonly suffix: Map<string, number[]>;
}

class Shelf {
  readonly #dimension: Dimension;
  readonly #exact: ReadonlyMap<string, readonly number[]> | undefined;
  readonly #prefixes: PrefixMap | undefined;
  readonly #suffixes: PrefixMap | undefined;
  readonly #all: readonly number[];

  constructor({ dimension, exact, prefix, suffix }: Drawer) {
    this.#dimension = dimension;
    this.#exact = exact.size > 0 ? exact : undefined;
    this.#prefixes = prefix.size > 0 ? new PrefixMap(prefix) : undefined;
    const turned = new Map([...suffix].map(([text, numbers]) => [backwards(text), numbers]));
    this.#suffixes = turned.size > 0 ? new PrefixMap(turned) : undefined;
    this.#all = [...exact.values(), ...prefix.values(), ...suffix.values()].flat();
  }

  find(attributes: Attributes, take: (filed: readonly number[]) => void): void {
    const texts = this.#dimension.read(attributes);
    if (texts === undefined) {
      take(this.#all);
      return;
    }
    for (const text of texts) {
      const filed = this.#exact?.get(text);
      if (filed !== undefined) take(filed);
      this.#prefixes?.find(text, take);
      if (this.#suffixes !== undefined) this.#suffixes.find(backwards(text), take);
    }
  }
}

function backwards(text: string): string {
  let turned = '';
  for (let index = text.length - 1; index >= 0; index -= 1) turned += text[index];
  return turned;
}

function file(drawers: Map<string, Drawer>, { dimension, form, text }: Atom, number: number): void {
  let drawer = drawers.get(dimension.name);
  if (drawer === undefined) {
    drawer = { dimension, exact: new Map(), prefix: new Map(), suffix: new Map() };
    drawers.set(dimension.name, drawer);
  }
  const filed = drawer[form].get(text);
  if (filed === undefined) drawer[form].set(text, [number]);
  else if (filed.at(-1) !== number) filed.push(number);
}

type Counts = Map<string, number>;

/** How often an atom stands in the rules: the more seldom, the more it tells. */
function countAtoms(rules: readonly CompiledRule[]): Counts {
  const counts: Counts = new Map();
  const count = (matcher: Matcher): void => {
    switch (matcher.type) {
      case 'and':
      case 'or':
        for (const one of matcher.of) count(one);
        return;
      case 'any':
      case 'never':
      case 'not':
        return;
      default: {
        const atom = atomOf(matcher);
        if (atom !== undefined) counts.set(keyOf(atom), (counts.get(keyOf(atom)) ?? 0) + 1);
      }
    }
  };
  for (const { permissions, principals } of rules) {
    count(permissions);
    count(principals);
  }
  return counts;
}

function keyOf({ dimension, form, text }: Atom): string {
  return `${dimension.name}\n${form}\n${text}`;
}

/** The atoms of which one must be met where the rule matches; undefined when it can match without any. */
function filingOf({ permissions, principals }: CompiledRule, counts: Counts): readonly Atom[] | undefined {
  return filing({ type: 'and', of: [permissions, principals] }, counts);
}

function filing(matcher: Matcher, counts: Counts): readonly Atom[] | undefined {
  switch (matcher.type) {
    case 'any':
    case 'not':
      return undefined;
    case 'never':
      return [];
    case 'or': {
      const filings = matcher.of.map((one) => filing(one, counts));
      return filings.includes(undefined) ? undefined : filings.flatMap((atoms) => atoms ?? []);
    }
    case 'and':
      return cheapest(
        matcher.of.map((one) => filing(one, counts)),
        counts,
      );
    default: {
      const atom = atomOf(matcher);
      return atom === undefined ? undefined : [atom];
    }
  }
}

function cheapest(filings: readonly (readonly Atom[] | undefined)[], counts: Counts): readonly Atom[] | undefined {
  let best: readonly Atom[] | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const atoms of filings) {
    if (atoms === undefined) continue;
    const cost = atoms.reduce((sum, atom) => sum + (counts.get(keyOf(atom)) ?? 0) * breadth(atom), 0);
    if (cost >= least) continue;
    best = atoms;
    least = cost;
  }
  return best;
}

/** A short beginning or end is met by many requests. */
function breadth({ form, text }: Atom): number {
  return form === 'exact' ? 1 : 1 + 16 / (1 + text.length);
}
