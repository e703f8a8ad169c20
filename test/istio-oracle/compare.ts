import type { AnsweredCase, Verdict } from './case.ts';
import type { Evaluation } from './evaluator.ts';
import { kindsOf } from './kinds.ts';

export interface Mismatch {
  readonly id: string;
  readonly index: number;
  readonly envoy: string;
  readonly expected: Verdict;
  readonly actual: Evaluation | undefined;
  /** The keys that differ; `v` among them is a wrong verdict, the others are a wrong reason. */
  readonly keys: readonly string[];
}

export interface Tally {
  allow: number;
  deny: number;
  reject: number;
}

export interface Comparison {
  readonly pairs: number;
  readonly unknown: number;
  readonly mismatches: readonly Mismatch[];
  readonly overall: Tally;
  readonly kinds: ReadonlyMap<string, Tally>;
}

/** Holds evaluations against what Envoy said, request by request. */
export function compare(cases: readonly AnsweredCase[], evaluations: ReadonlyMap<string, readonly Evaluation[]>): Comparison {
  const mismatches: Mismatch[] = [];
  const overall: Tally = { allow: 0, deny: 0, reject: 0 };
  const kinds = new Map<string, Tally>();
  let unknown = 0;
  for (const one of cases) {
    const tallies = [overall];
    for (const kind of kindsOf(one)) {
      const tally = kinds.get(kind) ?? { allow: 0, deny: 0, reject: 0 };
      kinds.set(kind, tally);
      tallies.push(tally);
    }
    const evaluated = evaluations.get(one.id) ?? [];
    for (const [index, expected] of one.verdicts.entries()) {
      for (const tally of tallies) tally[expected.v] += 1;
      const actual = evaluated[index];
      if (actual?.v === 'unknown') unknown += 1;
      const keys = one.requests[index]?.kind === 'tcp' ? differing(expected, actual, ['v']) : differing(expected, actual, KEYS);
      if (keys.length > 0) mismatches.push({ id: one.id, index, envoy: one.envoy, expected, actual, keys });
    }
  }
  return { pairs: overall.allow + overall.deny + overall.reject, unknown, mismatches, overall, kinds };
}

const KEYS = ['v', 's', 'by', 'id', 'audit'] as const;

function differing(expected: Verdict, actual: Evaluation | undefined, keys: readonly (typeof KEYS)[number][]): string[] {
  return keys.filter((key) => told(key, expected) !== told(key, actual ?? {}));
}

/** An audit flag that is not set is as good as a false one: Envoy leaves it out where no policy audits. */
function told(key: (typeof KEYS)[number], verdict: Partial<Record<(typeof KEYS)[number], unknown>>): string {
  const value = verdict[key];
  return value === undefined || value === null ? (key === 'audit' ? 'false' : '') : String(value);
}

/** One comparison of several. */
export function joined(comparisons: readonly Comparison[]): Comparison {
  const overall: Tally = { allow: 0, deny: 0, reject: 0 };
  const kinds = new Map<string, Tally>();
  const add = (to: Tally, from: Tally): void => {
    for (const key of ['allow', 'deny', 'reject'] as const) to[key] += from[key];
  };
  for (const comparison of comparisons) {
    add(overall, comparison.overall);
    for (const [kind, tally] of comparison.kinds) {
      const total = kinds.get(kind) ?? { allow: 0, deny: 0, reject: 0 };
      kinds.set(kind, total);
      add(total, tally);
    }
  }
  return {
    pairs: comparisons.reduce((sum, { pairs }) => sum + pairs, 0),
    unknown: comparisons.reduce((sum, { unknown }) => sum + unknown, 0),
    mismatches: comparisons.flatMap(({ mismatches }) => mismatches),
    overall,
    kinds,
  };
}
