import type { PeerIdentity, RequestFacts } from '../facts.ts';
import type { MeshModel, PathNormalization, WorkloadRef } from '../objects.ts';
import type { Profile } from '../profile.ts';
import type { Cube, View } from './clause.ts';
import { ANYTHING, type Difference, differences } from './goals.ts';
import { type Replay, replay } from './outcome.ts';
import type { Change, OutcomeClass } from './result.ts';
import { addressOf } from './scope.ts';
import { type Budget, type Goal, search } from './search.ts';
import { type Side, sideOf } from './side.ts';
import { Space } from './space.ts';
import { jwtRules, placesOf, type TokenKind, tokenKinds } from './token.ts';
import { PathReader, type Value } from './value.ts';
import { factsOf } from './witness.ts';

/** Two sides of one workload and transport. */
export interface Pair {
  readonly before: { readonly model: MeshModel; readonly workload: WorkloadRef };
  readonly after: { readonly model: MeshModel; readonly workload: WorkloadRef };
  readonly transport: 'http' | 'tcp';
  readonly profile: Profile;
  readonly authority: string;
  readonly ports: readonly number[];
}

/** A request that both evaluations answered, and differently. */
export interface Confirmed {
  readonly change: Change;
  readonly difference: Difference;
  readonly goal: Goal;
  readonly values: ReadonlyMap<string, Value>;
  readonly space: Space;
  readonly kind: TokenKind;
  readonly facts: RequestFacts;
  readonly before: Replay;
  readonly after: Replay;
  /** Other tokens that it is the same with, in words. */
  readonly alike: string[];
}

export interface Comparison {
  readonly sides: { readonly before: Side; readonly after: Side };
  readonly confirmed: readonly Confirmed[];
  readonly searches: number;
  readonly unconfirmed: number;
}

/** Searches every way in which the sides can differ, and replays what is found through the evaluator on both. */
export function compare(pair: Pair, budget: Budget, limit: number): Comparison {
  const ports = portsOf(pair);
  const differs = normalizationOf(pair.before.model) !== normalizationOf(pair.after.model);
  const side = (view: Exclude<View, ''>) =>
    sideOf({ ...pair[view], transport: pair.transport, profile: pair.profile, ports, view: differs ? view : '' });
  const run = new CompareRun(pair, { before: side('before'), after: side('after') }, budget, limit);
  run.run(ports);
  return run;
}

class CompareRun implements Comparison {
  readonly sides: Comparison['sides'];
  readonly confirmed: Confirmed[] = [];
  searches = 0;
  unconfirmed = 0;
  readonly #pair: Pair;
  readonly #budget: Budget;
  readonly #limit: number;
  readonly #seen = new Set<string>();

  constructor(pair: Pair, sides: Comparison['sides'], budget: Budget, limit: number) {
    this.#pair = pair;
    this.sides = sides;
    this.#budget = budget;
    this.#limit = limit;
  }

  run(ports: readonly number[]): void {
    const { before, after } = this.sides;
    for (const { policy, index } of [...before.unread, ...after.unread]) {
      this.#budget.exceeded.add(`rule ${index} of ${policy.namespace}/${policy.name}, which has too many combinations`);
    }
    if (normalizationOf(before.model) !== normalizationOf(after.model))
      this.#budget.exceeded.add('spellings of paths, which the sides normalise differently');
    const cubes = [before, after].flatMap((one) => [...one.deny, ...one.allow, ...[...one.asks.values()].flat()]);
    const paths = new PathReader(this.#pair.profile);
    for (const kind of tokenKinds(before.chain, after.chain, cubes.some(hasClaim))) {
      const space = spaceOf(this.#pair, kind, { ports, paths, sides: this.sides });
      for (const difference of differences(before, after, kind)) {
        if (this.#seen.has(difference.id)) continue;
        if (this.confirmed.length >= this.#limit) {
          this.#budget.exceeded.add('limit');
          return;
        }
        this.#look(difference, kind, space);
      }
    }
  }

  #look(difference: Difference, kind: TokenKind, space: Space): void {
    const isOfToken = difference.focus === ANYTHING && kind.text !== '';
    // Who gains or loses with a token is told; that others are refused in another way is not news then.
    if (isOfToken && difference.change === 'changed' && this.confirmed.some((one) => isTold(one, kind))) return;
    for (const goal of difference.goals) {
      this.searches += 1;
      const result = search(goal, space, this.#budget);
      if (result.result === 'unknown' && this.#budget.steps <= 0) return;
      if (result.result !== 'found') continue;
      const { values } = result.found;
      const facts = factsOf(values, { space, kind, transport: this.#pair.transport });
      const before = replay(this.sides.before, facts);
      const after = replay(this.sides.after, facts);
      if (before.class === 'unknown' || after.class === 'unknown') {
        this.#budget.exceeded.add('requests whose answer hangs on the text of a token');
        continue;
      }
      if (before.key === after.key) {
        this.unconfirmed += 1;
        continue;
      }
      this.#seen.add(difference.id);
      const same = isOfToken ? this.confirmed.find((one) => isAlike(one, kind, before, after)) : undefined;
      if (same !== undefined) same.alike.push(kind.text);
      else
        this.confirmed.push({
          change: changeOf(before.class, after.class),
          difference,
          goal,
          values,
          space,
          kind,
          facts,
          before,
          after,
          alike: [],
        });
      return;
    }
  }
}

function isAlike({ difference, kind, before, after }: Confirmed, other: TokenKind, first: Replay, second: Replay): boolean {
  return (
    difference.focus === ANYTHING &&
    kind.text !== '' &&
    kind.base.key === other.base.key &&
    before.key === first.key &&
    after.key === second.key
  );
}

function isTold({ difference, kind, change, alike }: Confirmed, { text }: TokenKind): boolean {
  return difference.focus === ANYTHING && change !== 'changed' && (kind.text === text || alike.includes(text));
}

function changeOf(before: OutcomeClass, after: OutcomeClass): Change {
  const passes = (kind: OutcomeClass) => kind === 'allowed' || kind === 'asks';
  if (passes(before) === passes(after)) return 'changed';
  return passes(after) ? 'gained' : 'lost';
}

function hasClaim(cube: Cube): boolean {
  return cube.clauses.some(({ variable }) => variable.startsWith('claim ')) || cube.blocked.some(hasClaim);
}

function normalizationOf({ config }: MeshModel): PathNormalization {
  return config.normalization === 'DEFAULT' ? 'BASE' : config.normalization;
}

/** Ports that a PeerAuthentication of either side names. */
function portsOf({ before, after }: Pair): readonly number[] {
  const names = [before, after].flatMap(({ model }) =>
    model.peerAuthentications.flatMap(({ portLevelMtls }) => Object.keys(portLevelMtls)),
  );
  return [...new Set(names)].map(Number).filter((port) => Number.isInteger(port) && port > 0 && port <= 65_535);
}

function spaceOf(
  pair: Pair,
  { claims, place }: TokenKind,
  { ports, paths, sides }: { readonly ports: readonly number[]; readonly paths: PathReader; readonly sides: Comparison['sides'] },
): Space {
  const { before, after, profile, authority } = pair;
  const refs = [before.workload, after.workload];
  const isFirst = refs.some(({ kind, filterState }) => filterState === true || kind === 'waypoint');
  const identities = refs.some(({ kind }) => kind === 'ztunnel') ? 'mesh' : isFirst ? 'first' : 'all';
  return new Space(
    { before: normalizationOf(before.model), after: normalizationOf(after.model), profile, paths, identities },
    {
      authority,
      peers: peersOf(pair),
      ports: [...new Set([...pair.ports, 8080, ...ports])],
      client: addressOf('192.0.2.1'),
      local: addressOf('192.0.2.2'),
      claims,
      tokenPlaces: tokenPlaces(sides),
      tokenHeader: place !== undefined && 'header' in place ? `header ${place.header.toLowerCase()}` : undefined,
    },
  );
}

function tokenPlaces({ before, after }: Comparison['sides']): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>();
  for (const place of placesOf([before.chain, after.chain].flatMap(({ jwt }) => jwtRules(jwt)))) {
    if (!('header' in place)) continue;
    const variable = `header ${place.header.toLowerCase()}`;
    places.set(variable, [...(places.get(variable) ?? []), place.prefix]);
  }
  return places;
}

/** Callers that are in the files, and one that is not. */
function peersOf({ after, before }: Pair): readonly PeerIdentity[] {
  const { trustDomain } = after.model.config;
  const uri = (domain: string, namespace: string, account: string): PeerIdentity => ({
    uris: [`spiffe://${domain}/ns/${namespace}/sa/${account}`],
    dns: [],
    subject: '',
  });
  const others =
    before.model.config.trustDomain === trustDomain ? [] : [uri(before.model.config.trustDomain, 'other', 'default')];
  return [
    uri(trustDomain, 'other', 'default'),
    ...others,
    uri(trustDomain, after.workload.namespace, 'default'),
    uri('other.example', 'other', 'default'),
  ];
}
