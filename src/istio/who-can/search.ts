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

/** Requests that one search may try; what all searches may try stands in the space. */
const MOST_TRIED = 1500;

/**
 * Looks for a request for which all terms hold and which the proxy allows. From a request that fails, those one change away are tried,
 * the last ones first, so that one refusal after another is mended: the changes that make a missing term hold, or one of the terms of
 * the rule that denied fail.
 */
export function searchAllowed(space: ProbeSpace, terms: readonly Term[], start: Probe): SearchResult {
  let denied: Found | undefined;
  const walk = new Walk(space, start);
  for (let probe = walk.next(); probe !== undefined; probe = walk.next()) {
    const facts = probeFacts(space, probe);
    const view = traceView(space.chain, facts, 'policies');
    const missing = view === undefined ? terms[0] : terms.find((term) => !termHolds(term, view.attributes));
    if (missing !== undefined) {
      walk.add(changes(space, probe, missing, true));
      continue;
    }
    if (!isPossible(space, probe)) {
      walk.add(otherCallers(space, probe));
      continue;
    }
    const verdict = evaluate(space.chain, facts);
    if (verdict.v === 'allow') return { found: { probe, verdict }, denied: undefined, isBounded: false };
    denied ??= { probe, verdict };
    walk.add(repairs(space, probe, verdict, view));
  }
  return { found: undefined, denied, isBounded: walk.isCut || (space.pool.isCut && !space.isIdentityFixed) };
}

/** Looks for a request for which all terms hold, whatever the proxy says. */
export function searchHolding(space: ProbeSpace, terms: readonly Term[], start: Probe): Probe | undefined {
  const walk = new Walk(space, start);
  for (let probe = walk.next(); probe !== undefined; probe = walk.next()) {
    const view = traceView(space.chain, probeFacts(space, probe), 'policies');
    if (view === undefined) continue;
    const missing = terms.find((term) => !termHolds(term, view.attributes));
    if (missing === undefined && isPossible(space, probe)) return probe;
    walk.add(missing === undefined ? otherCallers(space, probe) : changes(space, probe, missing, true));
  }
  return undefined;
}

/** Probes that are left to try, each once; what was added last comes first, in its own order. */
class Walk {
  /** Some are left, and no more may be tried. */
  isCut = false;
  readonly #budget: ProbeSpace['budget'];
  readonly #left: Probe[];
  readonly #seen: Set<string>;
  #tried = 0;

  constructor({ budget }: ProbeSpace, start: Probe) {
    this.#budget = budget;
    this.#left = [start];
    this.#seen = new Set([JSON.stringify(start)]);
  }

  next(): Probe | undefined {
    if (this.#left.length === 0) return undefined;
    if (this.#tried >= MOST_TRIED || this.#budget.left <= 0) {
      this.isCut = true;
      return undefined;
    }
    this.#tried += 1;
    this.#budget.left -= 1;
    return this.#left.pop();
  }

  add(probes: readonly Probe[]): void {
    const fresh = probes.filter((probe) => {
      const key = JSON.stringify(probe);
      if (this.#seen.has(key)) return false;
      this.#seen.add(key);
      return true;
    });
    this.#left.push(...fresh.reverse());
  }
}

/** Changes that keep the rule which denied from matching: what a caller sends first, then who it is. */
function repairs(space: ProbeSpace, probe: Probe, verdict: Verdict, view: TraceView | undefined): readonly Probe[] {
  const rule = denyingRule(space.chain, verdict.id);
  if (rule === undefined || view === undefined) return [];
  const terms = [rule.permissions, rule.principals].flatMap((side) =>
    branchesOf(side).flatMap((branch) => (branch.every((term) => termHolds(term, view.attributes)) ? branch : [])),
  );
  const isIdentity = ({ values }: Term) => values[0]?.leaf.type === 'identity';
  const ordered = [...terms.filter((term) => !isIdentity(term)), ...terms.filter(isIdentity)];
  return ordered.flatMap((term) => changes(space, probe, term, false));
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
