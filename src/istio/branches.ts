import type { Leaf, Matcher } from './matcher.ts';
import type { FieldPath } from './objects.ts';

/**
 * A compiled tree as the policy has it: any branch must hold, a branch with all of its terms. A tree that always holds is one branch
 * without terms; one that never does has no branch.
 */
export function branchesOf(matcher: Matcher): readonly Branch[] {
  if (matcher.type === 'never') return [];
  if (matcher.type === 'or' && !isOneField(matcher)) return matcher.of.map(branchOf);
  return [branchOf(matcher)];
}

export type Branch = readonly Term[];

/** One field of a source or an operation, or one condition's `values` or `notValues`. */
export interface Term {
  /** Of the field, without the index of a value. */
  readonly path: FieldPath;
  /** All of its values are refused, instead of one being wanted. */
  readonly negated: boolean;
  readonly values: readonly TermValue[];
}

/** One value as written, with what it compiles to: any of the matchers must hold. */
export interface TermValue {
  readonly path: FieldPath;
  readonly text: string;
  readonly matchers: readonly Matcher[];
  /** The first of its comparisons: which attribute it looks at. */
  readonly leaf: Leaf;
}

function branchOf(matcher: Matcher): Branch {
  if (matcher.type === 'any') return [];
  return matcher.type === 'and' && !isOneValue(matcher) ? matcher.of.map(termOf) : [termOf(matcher)];
}

function termOf(matcher: Matcher): Term {
  const negated = matcher.type === 'not';
  const inner = negated ? matcher.of : matcher;
  const byPath = new Map<string, { path: FieldPath; text: string; matchers: Matcher[]; leaf: Leaf }>();
  for (const one of inner.type === 'or' ? inner.of : [inner]) {
    const [leaf] = leavesOf(one);
    // INVARIANT: the translation makes terms of leaves alone.
    if (leaf === undefined) continue;
    const { path, value } = leaf.origin;
    const key = JSON.stringify(path);
    const known = byPath.get(key);
    if (known === undefined) byPath.set(key, { path, text: value, matchers: [one], leaf });
    else known.matchers.push(one);
  }
  const values = [...byPath.values()];
  return { path: values[0]?.path.slice(0, -1) ?? [], negated, values };
}

/** All comparisons of a tree, in its order. */
export function leavesOf(matcher: Matcher): readonly Leaf[] {
  switch (matcher.type) {
    case 'any':
    case 'never':
      return [];
    case 'and':
    case 'or':
      return matcher.of.flatMap(leavesOf);
    case 'not':
      return leavesOf(matcher.of);
    default:
      return [matcher];
  }
}

/** Values of one list, and not branches: `from` entries and conditions differ before the last step of their paths. */
function isOneField(matcher: Matcher & { type: 'or' }): boolean {
  if (matcher.of.some(({ type }) => type === 'any' || type === 'never' || type === 'not')) return false;
  const fields = leavesOf(matcher).map(({ origin }) => JSON.stringify(origin.path.slice(0, -1)));
  return new Set(fields).size === 1;
}

/** Issuer and subject of one `requestPrincipals` value. */
function isOneValue(matcher: Matcher & { type: 'and' }): boolean {
  if (matcher.of.some(({ type }) => type === 'not')) return false;
  return new Set(leavesOf(matcher).map(({ origin }) => JSON.stringify(origin.path))).size === 1;
}
