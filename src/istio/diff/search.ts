import { type Clause, type Cube, clauseOf } from './clause.ts';
import type { Space } from './space.ts';
import type { Value } from './value.ts';

/** A kind of request that is looked for: all of some cubes hold, and none of others. */
export interface Goal {
  readonly must: readonly Cube[];
  readonly not: readonly Cube[];
}

/** A request that was found, as values of the attributes that were spoken of, and the clauses that led to it. */
export interface Found {
  readonly values: ReadonlyMap<string, Value>;
  readonly clauses: readonly Clause[];
}

export type SearchResult =
  | { readonly result: 'found'; readonly found: Found }
  | { readonly result: 'none' }
  /** Given up: what for is in `Budget.exceeded`. */
  | { readonly result: 'unknown' };

/** Steps that may still be taken, over all searches of one comparison. */
export interface Budget {
  steps: number;
  /** Reasons for which some search could not be finished, each once. */
  readonly exceeded: Set<string>;
}

/** Steps that one search may take. */
const MAX_STEPS_PER_SEARCH = 20_000;
const MAX_DEPTH = 3000;

/**
 * Looks for a request that meets a goal. A value for each attribute that is spoken of; while some unwanted cube holds for them,
 * each way in which it can be false is tried, and the ways exclude each other, so that no request is visited twice.
 */
export function search(goal: Goal, space: Space, budget: Budget): SearchResult {
  if (budget.steps <= 0) {
    budget.exceeded.add('steps');
    return { result: 'unknown' };
  }
  return new Search(space, budget).run(goal);
}

interface State {
  readonly clauses: ReadonlyMap<string, readonly Clause[]>;
  readonly values: ReadonlyMap<string, Value>;
}

class Search {
  readonly #space: Space;
  readonly #budget: Budget;
  #left: number;
  #isComplete = true;

  constructor(space: Space, budget: Budget) {
    this.#space = space;
    this.#budget = budget;
    this.#left = Math.min(MAX_STEPS_PER_SEARCH, budget.steps);
  }

  run({ must, not }: Goal): SearchResult {
    const limit = this.#left;
    const start = this.#assert(
      EMPTY,
      must.flatMap((cube) => cube.clauses),
    );
    const unwanted = [...must.flatMap((cube) => cube.blocked), ...not].filter(
      (cube) => start !== undefined && !this.#excludes(start, cube),
    );
    const end = start === undefined ? undefined : this.#solve(start, unwanted, 0);
    this.#budget.steps -= 1 + limit - this.#left;
    if (end !== undefined) {
      const clauses = [...end.clauses.values()].flat();
      return { result: 'found', found: { values: end.values, clauses } };
    }
    return this.#isComplete ? { result: 'none' } : { result: 'unknown' };
  }

  #solve(state: State, unwanted: readonly Cube[], depth: number): State | undefined {
    const hit = unwanted.find((cube) => this.#holds(cube, state));
    if (hit === undefined) return state;
    if (!this.#mayGoOn(depth)) return undefined;
    // All clauses before the one that fails hold, so that the ways exclude each other.
    let before: State | undefined = state;
    for (const clause of inOrder(hit.clauses, state)) {
      const without = this.#assert(before, [opposite(clause)]);
      if (without !== undefined) {
        const end = this.#solve(without, unwanted, depth + 1);
        if (end !== undefined) return end;
      }
      before = this.#assert(before, [clause]);
      if (before === undefined) return undefined;
    }
    const passed: Cube[] = [];
    for (const blocked of hit.blocked) {
      const within = this.#assert(before, blocked.clauses);
      if (within !== undefined) {
        const end = this.#solve(within, [...unwanted, ...blocked.blocked, ...passed], depth + 1);
        if (end !== undefined) return end;
      }
      passed.push(blocked);
    }
    return undefined;
  }

  #mayGoOn(depth: number): boolean {
    this.#left -= 1;
    if (this.#left > 0 && depth < MAX_DEPTH) return true;
    this.#isComplete = false;
    this.#budget.exceeded.add(depth >= MAX_DEPTH || this.#budget.steps > MAX_STEPS_PER_SEARCH ? 'search' : 'steps');
    return false;
  }

  /** Adds clauses; undefined when no value passes them all. */
  #assert(state: State | undefined, added: readonly Clause[]): State | undefined {
    if (state === undefined || added.length === 0) return state;
    const clauses = new Map(state.clauses);
    const values = new Map(state.values);
    const touched = new Set<string>();
    for (const clause of added) {
      const known = clauses.get(clause.variable) ?? [];
      if (known.some(({ key }) => key === clause.key)) continue;
      clauses.set(clause.variable, [...known, clause]);
      touched.add(clause.variable);
    }
    for (const variable of touched) {
      const own = clauses.get(variable) ?? [];
      const known = values.get(variable);
      // The value that the reader has seen so far is kept while it passes.
      if (known?.passesAll(own) === true) continue;
      const solved = this.#space.solve(variable, own);
      this.#left -= solved.cost;
      if (solved.value === undefined) {
        if (!solved.isComplete) {
          this.#isComplete = false;
          this.#budget.exceeded.add(`values of ${variable}`);
        }
        return undefined;
      }
      values.set(variable, solved.value);
    }
    return { clauses, values };
  }

  #holds(cube: Cube, state: State): boolean {
    for (const clause of cube.clauses) if (!this.#valueOf(clause.variable, state).passes(clause)) return false;
    return !cube.blocked.some((blocked) => this.#holds(blocked, state));
  }

  #valueOf(variable: string, state: State): Value {
    return state.values.get(variable) ?? this.#space.usual(variable);
  }

  /** Whether two exact lists exclude each other: the quick part of "cannot both hold". */
  #excludes(state: State, cube: Cube): boolean {
    return cube.clauses.some((clause) => {
      const wanted = isMany(clause.variable) ? undefined : exactKeys(clause);
      if (wanted === undefined) return false;
      return (state.clauses.get(clause.variable) ?? []).some((own) => {
        const keys = own.view === clause.view ? exactKeys(own) : undefined;
        if (keys === undefined) return false;
        for (const key of wanted) if (keys.has(key)) return false;
        return true;
      });
    });
  }
}

const EMPTY: State = { clauses: new Map(), values: new Map() };

/** First the attributes that have many values and are free: a fresh path or identity gets past most rules at once. */
function inOrder(clauses: readonly Clause[], { clauses: known }: State): readonly Clause[] {
  if (clauses.length < 2) return clauses;
  const rank = ({ variable }: Clause) => {
    const isFree = !(known.get(variable) ?? []).some(({ negative }) => !negative);
    return (isFree ? 0 : 100) + (RANKS[variable] ?? 5);
  };
  return [...clauses].sort((left, right) => rank(left) - rank(right));
}

const RANKS: Readonly<Record<string, number>> = { path: 0, identity: 1, 'header :authority': 2, 'header :method': 3, port: 8 };

const opposites = new WeakMap<Clause, Clause>();

/** That a clause does not hold, as a clause. */
export function opposite(clause: Clause): Clause {
  const known = opposites.get(clause);
  if (known !== undefined) return known;
  const made = clauseOf(clause.leaves, !clause.negative, clause.view);
  opposites.set(clause, made);
  opposites.set(made, clause);
  return made;
}

const exacts = new WeakMap<Clause, ReadonlySet<string>>();
const NOT_EXACT: ReadonlySet<string> = new Set();

/** The values of a clause of exact texts or ports alone, in lower case; undefined for all others. */
function exactKeys(clause: Clause): ReadonlySet<string> | undefined {
  const known = exacts.get(clause);
  if (known !== undefined) return known === NOT_EXACT ? undefined : known;
  const keys = clause.leaves.map((leaf) => {
    if (leaf.type === 'port') return String(leaf.port);
    if (leaf.type === 'header' && leaf.name === ':path') return undefined;
    return 'test' in leaf && leaf.test.op === 'exact' ? leaf.test.value.toLowerCase() : undefined;
  });
  const all = clause.negative || keys.includes(undefined) ? NOT_EXACT : new Set(keys as readonly string[]);
  exacts.set(clause, all);
  return all === NOT_EXACT ? undefined : all;
}

/** Attributes that can hold two values at once. */
function isMany(variable: string): boolean {
  return /^(?:identity$|header [^:]|claim |metadata )/.test(variable);
}
