import type { AnsweredCase, CaseRequest, Verdict } from './case.ts';
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
  /** Pairs that the evaluator leaves open for a documented reason. */
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
      if (actual?.v === 'unknown' && DOCUMENTED.has(actual.reason ?? '')) {
        unknown += 1;
        continue;
      }
      const keys = differing(expected, actual, comparedKeys(one.requests[index], expected));
      if (keys.length > 0) mismatches.push({ id: one.id, index, envoy: one.envoy, expected, actual, keys });
    }
  }
  return { pairs: overall.allow + overall.deny + overall.reject, unknown, mismatches, overall, kinds };
}

/** Reasons of `unknown` that docs/reference/istio-verdicts.md tells; any other is a mismatch. */
const DOCUMENTED: ReadonlySet<string> = new Set(['token-text']);

const KEYS = ['v', 's', 'by', 'id', 'audit'] as const;
/** What was matched: nothing yet where the request is rejected before any policy. */
const MATCHED = ['path', 'remote', 'ext'] as const;
/** Envoy tells what dry-run rules say only where the filter that holds them lets the request pass. */
const DRY_RUN = ['dryAllow', 'dryAllowId', 'dryDeny', 'dryDenyId'] as const;
type Key = (typeof KEYS)[number] | (typeof MATCHED)[number] | (typeof DRY_RUN)[number];

function comparedKeys(request: CaseRequest | undefined, { v }: Verdict): readonly Key[] {
  if (request?.kind === 'tcp') return ['v'];
  if (v === 'reject') return KEYS;
  return v === 'deny' ? [...KEYS, ...MATCHED] : [...KEYS, ...MATCHED, ...DRY_RUN];
}

function differing(expected: Verdict, actual: Evaluation | undefined, keys: readonly Key[]): string[] {
  return keys.filter((key) => told(key, expected) !== told(key, actual ?? {}));
}

/** An audit flag that is not set is as good as a false one: Envoy leaves it out where no policy audits. */
function told(key: Key, verdict: Partial<Record<Key, unknown>>): string {
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

/** The profile of an Envoy version: `envoy-1.40` of `1.40.0`. */
export function profileOf(version: string): string {
  return `envoy-${version.split('.').slice(0, 2).join('.')}`;
}
