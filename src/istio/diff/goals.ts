import type { Cube } from './clause.ts';
import { cubeOf } from './clause.ts';
import type { Change } from './result.ts';
import type { Goal } from './search.ts';
import type { Side } from './side.ts';
import { withoutClaims } from './side.ts';
import type { TokenJudgement, TokenKind } from './token.ts';

/** One way in which the sides may differ: a request that meets one of the goals is answered differently. */
export interface Difference {
  readonly change: Change;
  /** The same for differences that say the same with another token. */
  readonly id: string;
  /** The rule, or the absence of one, that the difference is about. */
  readonly focus: Cube;
  /** Tried in turn; one that is met is enough. */
  readonly goals: Iterable<Goal>;
}

/**
 * Every way in which two sides can differ on requests with one kind of token. What is the same on both sides cancels: one of two
 * decisions must come from a cube that the other side does not have, from a default, or from the token.
 */
export function* differences(before: Side, after: Side, kind: TokenKind): Generator<Difference> {
  const old = seen(before, kind.before);
  const now = seen(after, kind.after);
  const sides: Pair = { kind, old, now };
  yield* access('lost', { ...sides, from: now, to: old, fromToken: kind.after, toToken: kind.before });
  yield* access('gained', { ...sides, from: old, to: now, fromToken: kind.before, toToken: kind.after });
  yield* asking(sides);
  yield* refusals(sides);
}

interface Pair {
  readonly kind: TokenKind;
  readonly old: Side;
  readonly now: Side;
}

/** `from` refuses, `to` lets through. */
interface Access extends Pair {
  readonly from: Side;
  readonly to: Side;
  readonly fromToken: TokenJudgement;
  readonly toToken: TokenJudgement;
}

export const ANYTHING: Cube = cubeOf([], []);

function* access(change: Change, { kind, from, to, fromToken, toToken }: Access): Generator<Difference> {
  if (isRefused(toToken)) return;
  const letIn = entries(to);
  if (isRefused(fromToken)) {
    const goals = letIn.map((entry) => ({ must: [kind.base, entry], not: to.deny }));
    yield { change, id: `${change} ${kind.text}`, focus: ANYTHING, goals };
    return;
  }
  const known = keysOf(to.deny);
  for (const cube of from.deny) {
    if (known.has(cube.key)) continue;
    const goals = letIn.map((entry) => ({ must: [kind.base, cube, entry], not: to.deny }));
    yield { change, id: `${change} deny ${cube.key}`, focus: cube, goals };
  }
  if (!from.isClosed) return;
  const shared = keysOf(from.allow);
  for (const entry of letIn) {
    if (shared.has(entry.key)) continue;
    const goal: Goal = { must: [kind.base, entry], not: [...from.allow, ...to.deny] };
    yield { change, id: `${change} allow ${entry.key}`, focus: entry, goals: [goal] };
  }
}

/** Let through by both, but another provider is asked. */
function* asking({ kind, old, now }: Pair): Generator<Difference> {
  if (isRefused(kind.before) || isRefused(kind.after)) return;
  for (const [side, other] of [
    [old, now],
    [now, old],
  ] as const) {
    for (const [provider, cubes] of side.asks) {
      const others = other.asks.get(provider) ?? [];
      const known = keysOf(others);
      for (const cube of cubes) {
        if (known.has(cube.key)) continue;
        const not = [...others, ...old.deny, ...now.deny];
        yield {
          change: 'changed',
          id: `ask ${provider} ${cube.key}`,
          focus: cube,
          goals: bothLetIn(old, now, [kind.base, cube], not),
        };
      }
    }
  }
}

function* bothLetIn(old: Side, now: Side, must: readonly Cube[], not: readonly Cube[]): Generator<Goal> {
  const second = entries(now);
  const shared = keysOf(second);
  const first = entries(old);
  for (const entry of first) if (shared.has(entry.key)) yield { must: [...must, entry], not };
  for (const left of first) for (const right of second) if (left.key !== right.key) yield { must: [...must, left, right], not };
}

/** DENY rules that are tried for another status; none of the others is looked at. */
const MAX_REFUSALS = 50;

/** Refused by both, but by one for its token: the caller sees 401 where it saw 403, or the other way round. */
function* refusals({ kind, old, now }: Pair): Generator<Difference> {
  const early = [...old.early, ...now.early];
  const base = { change: 'changed', id: `changed ${kind.text}`, focus: ANYTHING } as const;
  if (isRefused(kind.before) && isRefused(kind.after)) {
    if (kind.before !== kind.after) yield { ...base, goals: [{ must: [kind.base], not: early }] };
    return;
  }
  if (!isRefused(kind.before) && !isRefused(kind.after)) return;
  const judged = isRefused(kind.before) ? now : old;
  const known = keysOf(judged.early);
  const late = judged.deny.filter(({ key }) => !known.has(key));
  const goals: Goal[] = judged.isClosed ? [{ must: [kind.base], not: [...judged.allow, ...judged.deny, ...early] }] : [];
  goals.push(...late.slice(0, MAX_REFUSALS).map((cube) => ({ must: [kind.base, cube], not: early })));
  yield { ...base, goals };
}

/** What lets requests in: the ALLOW rules, or nothing at all where there is no ALLOW policy. */
function entries(side: Side): readonly Cube[] {
  return side.isClosed ? side.allow : [ANYTHING];
}

function seen(side: Side, judgement: TokenJudgement): Side {
  return judgement === 'no claims' ? withoutClaims(side) : side;
}

export function isRefused(judgement: TokenJudgement): boolean {
  return judgement === 401 || judgement === 403;
}

const keySets = new WeakMap<readonly Cube[], ReadonlySet<string>>();

function keysOf(cubes: readonly Cube[]): ReadonlySet<string> {
  const known = keySets.get(cubes);
  if (known !== undefined) return known;
  const keys = new Set(cubes.map(({ key }) => key));
  keySets.set(cubes, keys);
  return keys;
}
