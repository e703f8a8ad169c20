import type { Term } from '../branches.ts';
import { branchesOf } from '../branches.ts';
import type { Chain, CompiledRule } from '../chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { type TraceView, traceView } from '../evaluate/trace.ts';
import type { Verdict } from '../verdict.ts';
import { changes, isPossible, type Probe, type ProbeSpace, probeFacts, termHolds } from './probe.ts';

export interface Found {
  readonly probe: Probe;
  readonly verdict: Verdict;
}

export interface SearchResult {
  readonly found: Found | undefined;
  /** A denied request for which all terms hold, where none was allowed. */
  readonly denied: Found | undefined;
  /** Requests are left that were not tried. */
  readonly isBounded: boolean;
}

/** Requests that one search may try. */
const MOST_TRIED = 1500;

/**
 * Looks for a request for which all terms hold and which the proxy allows. From each request that fails, those one change away are
 * tried: the changes that make a missing term hold, or one of the terms of the rule that denied fail.
 */
export function searchAllowed(space: ProbeSpace, terms: readonly Term[], start: Probe): SearchResult {
  let denied: Found | undefined;
  const seen = new Set<string>();
  const queue: Probe[] = [start];
  for (let next = 0; next < queue.length && next < MOST_TRIED; next += 1) {
    const probe = queue[next];
    if (probe === undefined) break;
    const facts = probeFacts(space, probe);
    const view = traceView(space.chain, facts, 'policies');
    const missing = view === undefined ? terms.find(() => true) : terms.find((term) => !termHolds(term, view.attributes));
    const verdict = evaluate(space.chain, facts);
    if (missing === undefined && isPossible(space, probe)) {
      if (verdict.v === 'allow') return { found: { probe, verdict }, denied: undefined, isBounded: false };
      denied ??= { probe, verdict };
    }
    for (const change of nextProbes(space, probe, missing, verdict, view)) {
      const key = JSON.stringify(change);
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push(change);
    }
  }
  return { found: undefined, denied, isBounded: queue.length > MOST_TRIED || (space.pool.isCut && !space.isIdentityFixed) };
}

/** Looks for a request for which all terms hold, whatever the proxy says. */
export function searchHolding(space: ProbeSpace, terms: readonly Term[], start: Probe): Probe | undefined {
  const seen = new Set<string>();
  const queue: Probe[] = [start];
  for (let next = 0; next < queue.length && next < MOST_TRIED; next += 1) {
    const probe = queue[next];
    if (probe === undefined) break;
    const view = traceView(space.chain, probeFacts(space, probe), 'policies');
    const missing = view === undefined ? undefined : terms.find((term) => !termHolds(term, view.attributes));
    if (view !== undefined && missing === undefined && isPossible(space, probe)) return probe;
    if (missing === undefined) continue;
    for (const change of changes(space, probe, missing, true)) {
      const key = JSON.stringify(change);
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push(change);
    }
  }
  return undefined;
}

function nextProbes(
  space: ProbeSpace,
  probe: Probe,
  missing: Term | undefined,
  verdict: Verdict,
  view: TraceView | undefined,
): readonly Probe[] {
  if (missing !== undefined) return changes(space, probe, missing, true);
  if (!isPossible(space, probe)) return otherCallers(space, probe);
  const rule = denyingRule(space.chain, verdict.id);
  if (rule === undefined || view === undefined) return [];
  const terms = [rule.permissions, rule.principals].flatMap((side) =>
    branchesOf(side).flatMap((branch) => (branch.every((term) => termHolds(term, view.attributes)) ? branch : [])),
  );
  return terms.flatMap((term) => changes(space, probe, term, false));
}

/** Of the kind of connection that there can be. */
function otherCallers(space: ProbeSpace, probe: Probe): readonly Probe[] {
  if (space.isIdentityFixed) return [];
  return [undefined, ...space.pool.identities.slice(0, 3)]
    .map((identity) => ({ ...probe, identity }))
    .filter((one) => isPossible(space, one));
}

function denyingRule({ deny, badCustom }: Chain, id: string | undefined): CompiledRule | undefined {
  return [...badCustom.flatMap(({ rules }) => rules), ...(deny?.rules ?? [])].find((rule) => rule.id === id);
}
