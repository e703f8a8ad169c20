import type { Chain, CompiledRule } from '../chain.ts';
import type { Leaf, LeafTest, Matcher } from '../matcher.ts';

/**
 * What one raw attribute of a request is asked: that one of the leaves holds, or that none does. Fields that read one attribute
 * (`principals`, `namespaces`, `serviceAccounts`) are clauses on one variable, so that what they imply of each other is seen.
 */
export interface Clause {
  readonly variable: string;
  readonly leaves: readonly Leaf[];
  readonly negative: boolean;
  /** Whose reading of the path is meant where both sides normalise differently; empty where they do not. */
  readonly view: View;
  /** Equal for clauses that mean the same. */
  readonly key: string;
}

export type View = '' | 'before' | 'after';

/** A conjunction: every clause holds, and none of the blocked cubes does. */
export interface Cube {
  readonly clauses: readonly Clause[];
  readonly blocked: readonly Cube[];
  readonly key: string;
  /** The rule that it is a part of; undefined for what the proxy does without one. */
  readonly rule?: CompiledRule;
}

/** A rule has more combinations than are searched. */
export const MAX_CUBES_PER_RULE = 20_000;

/** The combinations of one rule, of which one must hold; undefined when there are too many. */
export function cubesOfRule(rule: CompiledRule, view: View): readonly Cube[] | undefined {
  const parts = expand({ type: 'and', of: [rule.permissions, rule.principals] }, view);
  return parts?.map((part) => ({ ...cubeOf(part.clauses, part.blocked), rule }));
}

export function cubeOf(clauses: readonly Clause[], blocked: readonly Cube[]): Cube {
  const own = [...new Map(clauses.map((clause) => [clause.key, clause])).values()];
  const key = [...own.map((clause) => clause.key), ...blocked.map((cube) => `!(${cube.key})`)].sort().join('&');
  return { clauses: own, blocked, key };
}

export function clauseOf(leaves: readonly Leaf[], negative: boolean, view: View): Clause {
  const byKey = new Map(leaves.map((leaf) => [leafKey(leaf), leaf]));
  const first = leaves[0];
  const variable = first === undefined ? '' : variableOf(first);
  const own = variable === 'path' ? view : '';
  const keys = [...byKey.keys()].sort().join(',');
  return { variable, leaves: [...byKey.values()], negative, view: own, key: `${negative ? '-' : '+'}${own}[${keys}]` };
}

/** The raw attribute that a leaf reads. The path and the header `:path` are one. */
export function variableOf(leaf: LeafTest): string {
  switch (leaf.type) {
    case 'header':
      return leaf.name === ':path' ? 'path' : `header ${leaf.name}`;
    case 'claim':
      return `claim ${JSON.stringify(leaf.path)}`;
    case 'metadata':
      return `metadata ${JSON.stringify([leaf.filter, leaf.key])}`;
    default:
      return leaf.type;
  }
}

/** The same for leaves that ask the same, wherever they were written. */
export function leafKey(leaf: Leaf): string {
  const known = leafKeys.get(leaf);
  if (known !== undefined) return known;
  const { origin: _, ...test } = leaf;
  const key = JSON.stringify(
    leaf.type === 'directIp' || leaf.type === 'remoteIp' || leaf.type === 'localIp' ? blockTest(leaf) : test,
  );
  leafKeys.set(leaf, key);
  return key;
}

/** A key of a whole step's rules that does not hang on names: equal steps decide equally. */
export function matcherKey(matcher: Matcher): string {
  switch (matcher.type) {
    case 'any':
    case 'never':
      return matcher.type;
    case 'not':
      return `!${matcherKey(matcher.of)}`;
    case 'and':
    case 'or':
      return `${matcher.type}(${matcher.of.map(matcherKey).join(',')})`;
    default:
      return leafKey(matcher);
  }
}

export function ruleKey(rule: Chain['custom'][number]['rules'][number]): string {
  return `${matcherKey(rule.permissions)} ${matcherKey(rule.principals)}`;
}

const leafKeys = new WeakMap<Leaf, string>();

/** Host bits of a block are ignored, so they do not tell blocks apart. */
function blockTest(leaf: Leaf & { readonly type: 'directIp' | 'remoteIp' | 'localIp' }): unknown {
  const { bytes, bits } = leaf.block;
  const kept = bytes.map((byte, index) => byte & (0xff << Math.max(0, 8 - Math.max(0, bits - index * 8))) & 0xff);
  return [leaf.type, kept, bits];
}

interface Part {
  readonly clauses: readonly Clause[];
  readonly blocked: readonly Cube[];
}

const TRUE: Part = { clauses: [], blocked: [] };

function expand(matcher: Matcher, view: View): readonly Part[] | undefined {
  switch (matcher.type) {
    case 'any':
      return [TRUE];
    case 'never':
      return [];
    case 'and':
      return product(matcher.of, view);
    case 'or':
      return sum(matcher.of, view);
    case 'not':
      return negation(matcher.of, view);
    default:
      return [{ clauses: [clauseOf([matcher], false, view)], blocked: [] }];
  }
}

function product(of: readonly Matcher[], view: View): readonly Part[] | undefined {
  let parts: readonly Part[] = [TRUE];
  for (const one of of) {
    const next = expand(one, view);
    if (next === undefined || parts.length * next.length > MAX_CUBES_PER_RULE) return undefined;
    parts = parts.flatMap((left) =>
      next.map((right) => ({ clauses: [...left.clauses, ...right.clauses], blocked: [...left.blocked, ...right.blocked] })),
    );
  }
  return parts;
}

/** Alternatives on one attribute become one clause. */
function sum(of: readonly Matcher[], view: View): readonly Part[] | undefined {
  const parts: Part[] = [];
  const leaves = new Map<string, Leaf[]>();
  for (const one of of) {
    const next = expand(one, view);
    if (next === undefined) return undefined;
    for (const part of next) {
      const [clause] = part.clauses;
      if (part.clauses.length === 1 && part.blocked.length === 0 && clause !== undefined && !clause.negative) {
        const known = leaves.get(clause.variable);
        if (known === undefined) leaves.set(clause.variable, [...clause.leaves]);
        else known.push(...clause.leaves);
      } else parts.push(part);
    }
  }
  for (const own of leaves.values()) parts.push({ clauses: [clauseOf(own, false, view)], blocked: [] });
  return parts.length > MAX_CUBES_PER_RULE ? undefined : parts;
}

function negation(of: Matcher, view: View): readonly Part[] | undefined {
  const parts = expand(of, view);
  if (parts === undefined) return undefined;
  const clauses: Clause[] = [];
  const blocked: Cube[] = [];
  for (const part of parts) {
    const [clause] = part.clauses;
    if (clause === undefined && part.blocked.length === 0) return [];
    if (clause !== undefined && part.clauses.length === 1 && part.blocked.length === 0) {
      clauses.push(clauseOf(clause.leaves, !clause.negative, view));
    } else blocked.push(cubeOf(part.clauses, part.blocked));
  }
  return [{ clauses, blocked }];
}
