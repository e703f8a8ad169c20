import type { Leaf } from '../matcher.ts';
import { type Clause, type Cube, clauseOf } from './clause.ts';
import { opposite } from './search.ts';
import type { Space } from './space.ts';
import type { Value } from './value.ts';

/** What one attribute of a kind of requests is. */
export interface Part {
  readonly variable: string;
  /** Each must hold by one of its leaves. */
  readonly wanted: readonly (readonly Leaf[])[];
  readonly unwanted: readonly Leaf[];
}

/** Unwanted cubes for which exceptions are worked out; with more the words say "in part". */
const MAX_EXCEPTIONS = 400;

export interface Region {
  readonly parts: readonly Part[];
  /** Exceptions were left out of it. */
  readonly isRough: boolean;
}

export interface RegionGoal {
  readonly must: readonly Cube[];
  /** Holds for all requests that are spoken of, so it is not said. */
  readonly given: Cube;
  readonly not: readonly Cube[];
}

/**
 * The largest kind of requests around a found one: all that the wanted cubes say, and for each unwanted cube one clause that
 * keeps it away, without those that others make needless.
 */
export function regionOf({ must, given, not }: RegionGoal, values: ReadonlyMap<string, Value>, space: Space): Region {
  const base = [...must, given].flatMap((cube) => cube.clauses);
  const near = not.filter((cube) => cube.clauses.length > 0 && !isApart(base, cube, space));
  const isRough = near.length > MAX_EXCEPTIONS || near.some(({ blocked }) => blocked.length > 0);
  const added: Clause[] = [];
  for (const cube of near.slice(0, MAX_EXCEPTIONS)) {
    if (isApart([...base, ...added], cube, space)) continue;
    const clause = keptAway(cube, values, space);
    if (clause !== undefined) added.push(clause);
  }
  const kept = [...added];
  if (added.length <= 20) {
    for (const clause of added) {
      const without = kept.filter((one) => one !== clause);
      if (near.slice(0, MAX_EXCEPTIONS).every((cube) => isApart([...base, ...without], cube, space)))
        kept.splice(kept.indexOf(clause), 1);
    }
  }
  const unsaid = new Set(given.clauses.map(({ key }) => key));
  const said = [...must.flatMap((cube) => cube.clauses), ...kept].filter(({ key }) => !unsaid.has(key));
  return { parts: partsOf(said, space), isRough };
}

/** A clause of the cube that the found request does not meet, turned round: on a path or an identity if there is one. */
function keptAway(cube: Cube, values: ReadonlyMap<string, Value>, space: Space): Clause | undefined {
  const failing = cube.clauses.filter((clause) => !(values.get(clause.variable) ?? space.usual(clause.variable)).passes(clause));
  const [first] = [...failing].sort((left, right) => rank(left) - rank(right));
  return first === undefined ? undefined : opposite(first);
}

function rank({ variable, negative }: Clause): number {
  const known: Readonly<Record<string, number>> = { 'header :method': 0, path: 1, 'header :authority': 2, identity: 3 };
  return (known[variable] ?? 4) + (negative ? 10 : 0);
}

/** No request meets all the clauses and the cube. */
function isApart(clauses: readonly Clause[], cube: Cube, space: Space): boolean {
  return cube.clauses.some((clause) => {
    const own = clauses.filter(({ variable }) => variable === clause.variable);
    if (own.length === 0) return false;
    return space.canHold(clause.variable, [...own, clause], false) === false;
  });
}

/** By attribute, without alternatives and exceptions that nothing is left of. */
function partsOf(clauses: readonly Clause[], space: Space): readonly Part[] {
  const variables = [...new Set(clauses.map(({ variable }) => variable))];
  const parts = variables.map((variable): Part => {
    const own = [
      ...new Map(clauses.filter((clause) => clause.variable === variable).map((clause) => [clause.key, clause])).values(),
    ];
    const isPossible = (leaf: Leaf, others: readonly Clause[], view: Clause['view']) =>
      space.canHold(variable, [...others, clauseOf([leaf], false, view)], true) !== false;
    const wanted = own
      .filter(({ negative }) => !negative)
      .map((clause) => {
        const leaves = clause.leaves.filter((leaf) =>
          isPossible(
            leaf,
            own.filter((one) => one !== clause),
            clause.view,
          ),
        );
        return leaves.length === 0 || leaves.length === clause.leaves.length ? clause : clauseOf(leaves, false, clause.view);
      });
    const unwanted = own.filter(({ negative }) => negative);
    return {
      variable,
      wanted: withoutImplied(wanted, unwanted, space).map(({ leaves }) => leaves),
      unwanted: unwanted.flatMap((clause) => clause.leaves.filter((leaf) => isPossible(leaf, wanted, clause.view))),
    };
  });
  return parts.filter(({ wanted, unwanted }) => wanted.length + unwanted.length > 0);
}

/** Without clauses that the others imply: what is in a prefix of one namespace is in that namespace. */
function withoutImplied(wanted: readonly Clause[], unwanted: readonly Clause[], space: Space): readonly Clause[] {
  let kept = wanted;
  for (const clause of wanted) {
    const others = kept.filter((one) => one !== clause);
    if (others.length === 0) break;
    if (space.canHold(clause.variable, [...others, ...unwanted, opposite(clause)], true) === false) kept = others;
  }
  return kept;
}
