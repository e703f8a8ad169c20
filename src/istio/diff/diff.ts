import type { MeshModel } from '../objects.ts';
import { PROFILES, type Profile } from '../profile.ts';
import type { Cube } from './clause.ts';
import { type Comparison, type Confirmed, compare } from './compare.ts';
import { exampleOf } from './example.ts';
import { ANYTHING } from './goals.ts';
import { notesOf } from './notes.ts';
import { described, replay } from './outcome.ts';
import { regionOf } from './region.ts';
import type { Change, DiffOptions, DiffResult, Finding } from './result.ts';
import { configKey, Scope } from './scope.ts';
import type { Budget } from './search.ts';
import { type SubjectPair, subjectsOf } from './subjects.ts';
import { wordsOf } from './words.ts';

/**
 * Says which callers gain or lose which requests between two sets of mesh objects. Each finding has a request that the evaluator
 * answered on both sides. The search is over kinds of requests, not over samples: without `bounds` in the result, what is not
 * reported does not exist.
 */
export function diffModels(before: MeshModel, after: MeshModel, options: DiffOptions): DiffResult {
  const run = new DiffRun(before, after, options);
  run.compareAll();
  return run.result();
}

/** Workloads that the same policies decide on, on both sides. */
interface Group {
  readonly first: SubjectPair;
  readonly all: SubjectPair[];
}

/** A finding that workloads are still added to: those for which its example holds too. */
type Draft = Omit<Finding, 'workloads'> & { readonly workloads: SubjectPair[] };

class DiffRun {
  readonly #before: Scope;
  readonly #after: Scope;
  readonly #options: DiffOptions;
  readonly #profile: Profile;
  readonly #budget: Budget;
  /** By what they say; of several, each has an example of its own. */
  readonly #findings = new Map<string, readonly Draft[]>();
  #count = 0;
  readonly #bounds: string[];
  readonly #groups: readonly Group[];
  readonly #workloads: number;
  #searches = 0;
  #unconfirmed = 0;

  constructor(before: MeshModel, after: MeshModel, options: DiffOptions) {
    this.#before = new Scope(before);
    this.#after = new Scope(after);
    this.#options = options;
    this.#profile = PROFILES[options.profile];
    this.#budget = { steps: options.budget, exceeded: new Set() };
    const { subjects, bounds } = subjectsOf(before, after);
    this.#bounds = [...bounds];
    const groups = this.#grouped(subjects);
    this.#workloads = groups.length;
    const isOtherConfig = configKey(before) !== configKey(after);
    this.#groups = groups.filter(({ keys }) => isOtherConfig || keys[0] !== keys[1]).map(({ group }) => group);
  }

  #grouped(subjects: readonly SubjectPair[]): readonly { readonly keys: readonly [string, string]; readonly group: Group }[] {
    const groups = new Map<string, { readonly keys: readonly [string, string]; readonly group: Group }>();
    for (const subject of subjects) {
      const { kind, filterState, trustedHops } = subject.after;
      const keys = [this.#before.keyFor(subject.before), this.#after.keyFor(subject.after)] as const;
      const key = JSON.stringify([kind, filterState, trustedHops, ...keys]);
      const known = groups.get(key);
      if (known === undefined) groups.set(key, { keys, group: { first: subject, all: [subject] } });
      else known.group.all.push(subject);
    }
    return [...groups.values()];
  }

  compareAll(): void {
    for (const group of this.#groups) {
      if (this.#count >= this.#options.limit) {
        this.#budget.exceeded.add('limit');
        return;
      }
      for (const transport of ['http', 'tcp'] as const) {
        const all = group.all.filter(({ transports }) => transports.includes(transport));
        const [first] = all;
        if (first !== undefined) this.#compare({ first, all }, transport);
      }
    }
  }

  #compare(group: Group, transport: 'http' | 'tcp'): void {
    const { first } = group;
    const side = (scope: Scope, workload: SubjectPair['before']) => ({ model: scope.modelFor(workload), workload });
    const comparison = compare(
      {
        before: side(this.#before, first.before),
        after: side(this.#after, first.after),
        transport,
        profile: this.#profile,
        authority: first.authority,
        ports: first.ports,
      },
      this.#budget,
      this.#options.limit,
    );
    this.#searches += comparison.searches;
    this.#unconfirmed += comparison.unconfirmed;
    for (const confirmed of comparison.confirmed) this.#add(group, transport, comparison, confirmed);
  }

  #add(group: Group, transport: 'http' | 'tcp', { sides }: Comparison, confirmed: Confirmed): void {
    const { facts, difference, kind, goal, values, space, change, alike } = confirmed;
    const { focus } = difference;
    const isOfToken = focus === ANYTHING && kind.text !== '';
    const region = regionOf(
      { must: isOfToken ? [kind.base] : [focus], given: isOfToken ? ANYTHING : kind.base, not: goal.not },
      values,
      space,
    );
    const { callers, requests } = wordsOf(region, {
      transport,
      tokens: isOfToken ? [kind.text, ...alike] : [],
      isLetIn: goal.must.some((cube) => cube !== kind.base && !isPartOf(cube, focus)),
    });
    const before = described(sides.before, facts, confirmed.before);
    const after = described(sides.after, facts, confirmed.after);
    // What lets requests in may differ from workload to workload; what refuses them tells findings apart.
    const because = [before, after].filter((one) => one.class !== 'allowed').flatMap((one) => one.because);
    const reasons = because.map(({ text, place }) => [text, place?.file, place?.line]);
    const key = JSON.stringify([change, transport, callers, requests, before.text, after.text, reasons]);
    const known = this.#findings.get(key) ?? [];
    const same = known.find(
      ({ example }) =>
        replay(sides.before, example.facts).key === confirmed.before.key &&
        replay(sides.after, example.facts).key === confirmed.after.key,
    );
    if (same !== undefined) {
      same.workloads.push(...group.all);
      return;
    }
    if (this.#count >= this.#options.limit) {
      this.#budget.exceeded.add('limit');
      return;
    }
    this.#count += 1;
    const made = {
      change,
      transport,
      workloads: [...group.all],
      callers,
      requests,
      before,
      after,
      example: exampleOf(facts, group.first),
      rare: rarity(facts),
    };
    this.#findings.set(key, [...known, made]);
  }

  #allBounds(): readonly string[] {
    const unconfirmed =
      this.#unconfirmed === 0
        ? []
        : [`${this.#unconfirmed} found requests were left out: the evaluator does not answer them as the search foretold`];
    const filled = this.#groups.length === 0 ? [] : filledHeaders([this.#before.model, this.#after.model]);
    const headers = filled.map(
      (name) => `rules on header ${name}, which RequestAuthentication fills from the token, were compared as if callers sent it`,
    );
    return [
      ...this.#bounds,
      ...[...this.#budget.exceeded].map((reason) => boundText(reason, this.#options)),
      ...headers,
      ...unconfirmed,
    ];
  }

  result(): DiffResult {
    const findings = [...this.#findings.values()].flat().sort(byWeight);
    return {
      profile: this.#options.profile,
      findings,
      notes: notesOf(this.#before.model, this.#after.model),
      bounds: this.#allBounds(),
      compared: {
        workloads: this.#workloads,
        different: this.#groups.length,
        searches: this.#searches,
        steps: this.#options.budget - this.#budget.steps,
        unconfirmed: this.#unconfirmed,
      },
    };
  }
}

/** All that the cube asks for is asked for already. */
function isPartOf(cube: Cube, focus: Cube): boolean {
  const keys = new Set(focus.clauses.map(({ key }) => key));
  return cube.blocked.length === 0 && cube.clauses.every(({ key }) => keys.has(key));
}

const ORDER: Readonly<Record<Change, number>> = { gained: 0, lost: 1, changed: 2 };

function byWeight(left: Finding, right: Finding): number {
  return (
    Number(left.rare !== undefined) - Number(right.rare !== undefined) ||
    Number(left.transport === 'tcp') - Number(right.transport === 'tcp') ||
    ORDER[left.change] - ORDER[right.change] ||
    right.workloads.length - left.workloads.length
  );
}

function rarity({ peer, headers }: Finding['example']['facts']): string | undefined {
  if (peer !== undefined && peer.uris.length + peer.dns.length + (peer.subject === '' ? 0 : 1) > 1)
    return 'a certificate with more than one name';
  const names = headers.map(([name]) => name);
  return new Set(names).size < names.length ? 'a header that is sent twice' : undefined;
}

/** Headers that rules look at and a RequestAuthentication writes. */
function filledHeaders(models: readonly MeshModel[]): readonly string[] {
  const names = models.flatMap((model) =>
    model.requestAuthentications.flatMap(({ jwtRules }) =>
      jwtRules.flatMap((rule) => [rule.outputPayloadToHeader, ...rule.outputClaimToHeaders.map(({ header }) => header)]),
    ),
  );
  const keys = new Set(
    models.flatMap((model) =>
      model.policies.flatMap(({ rules }) => rules.flatMap(({ when }) => when.map(({ key }) => key.toLowerCase()))),
    ),
  );
  return [...new Set(names.map((name) => name.toLowerCase()))].filter(
    (name) => name !== '' && keys.has(`request.headers[${name}]`),
  );
}

function boundText(reason: string, { limit, budget }: DiffOptions): string {
  switch (reason) {
    case 'limit':
      return `there are more findings than the ${limit} that are given`;
    case 'steps':
      return `the search ended after ${budget} steps`;
    case 'search':
      return 'one search was given up after too many steps';
    default:
      return `not searched to the end: ${reason}`;
  }
}
