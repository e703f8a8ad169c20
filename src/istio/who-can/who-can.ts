import { type Branch, branchesOf, leavesOf, type Term } from '../branches.ts';
import type { Chain, CompiledRule } from '../chain.ts';
import { compileChain } from '../compile/chain.ts';
import { type Attributes, readAttributes } from '../evaluate/attributes.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { leafHolds } from '../evaluate/match.ts';
import { mtlsMode } from '../evaluate/mtls-mode.ts';
import { traceView } from '../evaluate/trace.ts';
import type { Leaf } from '../matcher.ts';
import type { MeshModel } from '../objects.ts';
import type { Profile } from '../profile.ts';
import { completeRequest, type RequestDraft } from '../request/draft.ts';
import type { Target } from '../target/target.ts';
import { accountsOf, type KnownAccount } from './accounts.ts';
import { identityPool } from './identities.ts';
import { PLAIN_PROBE, type Probe, type ProbeSpace, probeFacts, termHolds } from './probe.ts';
import type { AccountAnswer, Cut, Entry, Example, Grant, RuleRef, WhoCanReport } from './report.ts';
import { type Found, searchAllowed, searchHolding } from './search.ts';
import { termName, termText } from './term-text.ts';

export interface WhoCanInput {
  readonly model: MeshModel;
  readonly target: Target;
  /** What is asked for, without a caller: method and path; the host where it is part of the question. */
  readonly draft: RequestDraft;
  readonly profile: Profile;
  /** Seconds since the epoch. */
  readonly now: number;
}

/**
 * Who may send one request to one proxy, as the ALLOW rules say it. Each caller that is listed was replayed with an example request
 * through the evaluator; service accounts that the files know are asked one by one. External authorisers are taken to allow.
 */
export function whoCan(input: WhoCanInput): WhoCanReport {
  return new Inquiry(input).report();
}

/** A way in which an ALLOW rule grants the request that was asked about. */
interface Way {
  readonly rule: CompiledRule | undefined;
  /** What is left to hold: method, path and port hold already. */
  readonly terms: readonly Term[];
}

/** Requests that are tried for one question. */
const MOST_TRIED = 300_000;
/** Ways that one rule can have; each is a pair of an operation and a source. */
const MOST_WAYS = 2000;

class Inquiry {
  readonly #input: WhoCanInput;
  readonly #chain: Chain;
  readonly #space: ProbeSpace;
  /** What rules see of the request that was asked about. */
  readonly #base: Attributes;
  readonly #accounts: readonly KnownAccount[];
  /** What rules that can refuse say of identities. */
  readonly #refusing: readonly Leaf[];
  #bounded = false;

  constructor(input: WhoCanInput) {
    const { model, target, draft, profile, now } = input;
    const isTcp = draft.transport === 'tcp' || target.treatment === 'tcp' || target.workload.kind === 'ztunnel';
    const asked: RequestDraft = { ...draft, transport: isTcp ? 'tcp' : 'http', peer: 'none' };
    const { facts } = completeRequest(asked, { authority: target.authority, localPort: target.localPort, now });
    this.#input = input;
    this.#chain = compileChain(model, target.workload, facts.transport, profile);
    const view = traceView(this.#chain, facts, 'policies');
    this.#base = view?.attributes ?? readAttributes(this.#chain, facts, undefined);
    this.#accounts = accountsOf(model);
    const isMeshed = target.workload.kind === 'sidecar' || target.workload.kind === 'ztunnel';
    const refusals = [...this.#chain.badCustom, this.#chain.deny].flatMap((step) => step?.rules ?? []);
    this.#refusing = refusals.flatMap(({ principals }) => leavesOf(principals).filter(({ type }) => type === 'identity'));
    this.#space = {
      chain: this.#chain,
      base: facts,
      pool: { identities: [], isCut: false },
      budget: { left: MOST_TRIED },
      mtls: isMeshed ? mtlsMode(model, target.workload, facts.localPort).mode : 'PERMISSIVE',
      isHostFree: draft.authority === undefined,
      isIdentityFixed: false,
    };
  }

  report(): WhoCanReport {
    const { target, profile } = this.#input;
    const ways = this.#ways();
    const grants = ways.map((way) => this.#grant(way));
    const accounts = this.#answers(ways);
    return {
      target: {
        title: target.title,
        namespace: target.workload.namespace,
        labels: target.workload.labels,
        proxy: target.workload.kind,
        port: this.#space.base.localPort,
        place: target.place,
      },
      profile: profile.name,
      transport: this.#chain.transport,
      mtls: this.#space.mtls,
      grants,
      cuts: this.#cuts(),
      accounts,
      bounded: this.#bounded,
    };
  }

  /** Each pair of an operation that covers the request and a source. */
  #ways(): readonly Way[] {
    const { allow } = this.#chain;
    if (allow?.enforced !== true) return [{ rule: undefined, terms: [] }];
    return allow.rules.flatMap((rule) => this.#open(rule).map((terms) => ({ rule, terms })));
  }

  /** What is left of each branch of a rule that can match the request. */
  #open(rule: CompiledRule): readonly (readonly Term[])[] {
    const operations = branchesOf(rule.permissions).flatMap((branch) => this.#left(branch) ?? []);
    const sources = branchesOf(rule.principals).flatMap((branch) => this.#left(branch) ?? []);
    const pairs = operations.flatMap((operation) => sources.map((source) => [...operation, ...source])).slice(0, MOST_WAYS);
    if (operations.length * sources.length > MOST_WAYS) this.#bounded = true;
    return [...new Map(pairs.map((terms) => [JSON.stringify(terms.map(({ path }) => path)), terms])).values()];
  }

  /** The terms of a branch that hang on the caller; undefined when one that does not fails. In a list, so that `flatMap` takes both. */
  #left(branch: Branch): readonly Branch[] | undefined {
    const settled = branch.filter((term) => !this.#isFree(term));
    return settled.every((term) => termHolds(term, this.#base)) ? [branch.filter((term) => this.#isFree(term))] : undefined;
  }

  #isFree({ values }: Term): boolean {
    const leaf = values[0]?.leaf;
    if (leaf === undefined || leaf.type === 'path' || leaf.type === 'port') return false;
    if (leaf.type !== 'header') return true;
    return leaf.name === ':authority' ? this.#space.isHostFree : !leaf.name.startsWith(':');
  }

  #grant({ rule, terms }: Way): Grant {
    const main = mainTerm(terms);
    const entries = (main === undefined ? [undefined] : main.values).map((value) => {
      const one: Term | undefined = main === undefined || value === undefined ? undefined : { ...main, values: [value] };
      const wanted = terms.map((term) => (term === main && one !== undefined ? one : term));
      const who = one === undefined || rule === undefined ? undefined : `${termName(rule.policy, one.path)} ${value?.text ?? ''}`;
      const place = value === undefined ? undefined : rule?.policy.placeOf(value.path);
      return who === undefined ? this.#anyone(wanted) : this.#entry(who, place, wanted);
    });
    const conditions = rule === undefined ? [] : terms.filter((term) => term !== main).map((term) => termText(rule.policy, term));
    return {
      rule: rule === undefined ? undefined : ruleRef(rule),
      entries: entries.filter(({ allowed }) => allowed).map(({ entry }) => entry),
      refused: entries.filter(({ allowed }) => !allowed).map(({ entry }) => entry),
      conditions,
    };
  }

  /** Nobody is named: is even a caller without an identity let in? */
  #anyone(terms: readonly Term[]) {
    const fixed: ProbeSpace = { ...this.#space, isIdentityFixed: true };
    const plain = searchAllowed(fixed, terms, PLAIN_PROBE);
    if (plain.found !== undefined)
      return { allowed: true, entry: this.#made('anyone, even without identity', undefined, plain.found) };
    return this.#entry('anyone with an identity of the mesh', undefined, terms);
  }

  #entry(who: string, place: Entry['place'], terms: readonly Term[]): { readonly allowed: boolean; readonly entry: Entry } {
    const { found, denied, isBounded } = searchAllowed(this.#spaceFor(terms), terms, PLAIN_PROBE);
    if (found !== undefined) return { allowed: true, entry: this.#made(who, place, found) };
    if (isBounded) this.#bounded = true;
    const because = denied === undefined ? this.#impossible(terms) : (denied.verdict.id ?? denied.verdict.by ?? denied.verdict.v);
    const example = denied === undefined ? undefined : exampleOf(denied.probe);
    return { allowed: false, entry: { who, place, example, because, asks: [] } };
  }

  /** The callers that are worth trying for some terms. */
  #spaceFor(terms: readonly Term[], refusing: readonly Leaf[] = this.#refusing): ProbeSpace {
    const own = terms.flatMap(({ values }) => values.map(({ leaf }) => leaf));
    const known = this.#accounts.map(({ identity }) => identity);
    return { ...this.#space, pool: identityPool(own, known, refusing, this.#input.model.config.trustDomain) };
  }

  #impossible(terms: readonly Term[]): string {
    const needsToken = terms.some(({ values, negated }) => !negated && values[0]?.leaf.type === 'claim');
    if (needsToken && this.#chain.jwt.length === 0) return 'no RequestAuthentication is attached, so no token counts';
    if (terms.some(({ values }) => values[0]?.leaf.type === 'metadata')) return 'it hangs on what other filters of the proxy say';
    if (this.#space.mtls === 'DISABLE') return 'mutual TLS is disabled, so nobody has an identity';
    return this.#space.budget.left <= 0 ? 'the search was given up' : 'no request was found for which all of it holds';
  }

  #made(who: string, place: Entry['place'], { probe, verdict }: Found): Entry {
    const asks = verdict.ext === undefined ? [] : this.#chain.custom.flatMap(({ provider }) => provider.name);
    return { who, place, example: exampleOf(probe), asks };
  }

  #cuts(): readonly Cut[] {
    const rules = this.#chain.deny?.enforced === true ? this.#chain.deny.rules : [];
    const broken = this.#chain.badCustom.flatMap((step) => step.rules);
    return [...broken, ...rules].flatMap((rule) =>
      this.#open(rule).flatMap((terms) =>
        searchHolding(this.#spaceFor(terms, []), terms, PLAIN_PROBE) === undefined
          ? []
          : [{ rule: ruleRef(rule), terms: terms.map((term) => termText(rule.policy, term)) }],
      ),
    );
  }

  /** Accounts that no rule tells apart have one answer. */
  #answers(ways: readonly Way[]): readonly AccountAnswer[] {
    const own = ways.flatMap(({ terms }) =>
      terms.flatMap(({ values }) => values.flatMap(({ matchers }) => matchers.flatMap(leavesOf))),
    );
    const leaves = new Set([...own.filter(({ type }) => type === 'identity'), ...this.#refusing]);
    const known = new Map<string, Pick<AccountAnswer, 'answer' | 'grant'>>();
    return this.#accounts.map(({ account, identity, workloads }) => {
      const start: Probe = { ...PLAIN_PROBE, identity: this.#space.mtls === 'DISABLE' ? undefined : identity };
      const attributes = readAttributes(this.#chain, probeFacts(this.#space, start), undefined);
      const key = [...leaves].map((leaf) => (leafHolds(leaf, attributes) === true ? '1' : '0')).join('');
      const answer = known.get(key) ?? this.#answer(start, attributes, ways);
      known.set(key, answer);
      return { account, ...answer, workloads };
    });
  }

  #answer(start: Probe, attributes: Attributes, ways: readonly Way[]): Pick<AccountAnswer, 'answer' | 'grant'> {
    const space: ProbeSpace = { ...this.#space, isIdentityFixed: true };
    if (evaluate(this.#chain, probeFacts(space, start)).v === 'allow')
      return { answer: 'allowed', grant: this.#grantOf(ways, start) };
    const isNamed = ({ values }: Term) => values[0]?.leaf.type === 'identity';
    for (const [index, { terms }] of ways.entries()) {
      if (!terms.every((term) => !isNamed(term) || termHolds(term, attributes))) continue;
      const { found, isBounded } = searchAllowed(space, terms, start);
      if (found !== undefined) return { answer: 'conditions', grant: index };
      if (isBounded) this.#bounded = true;
    }
    return { answer: 'denied', grant: undefined };
  }

  #grantOf(ways: readonly Way[], probe: Probe): number | undefined {
    const view = traceView(this.#chain, probeFacts(this.#space, probe), 'policies');
    const index =
      view === undefined ? -1 : ways.findIndex(({ terms }) => terms.every((term) => termHolds(term, view.attributes)));
    return index < 0 ? undefined : index;
  }
}

/** The term whose values are listed one by one: the one that says most exactly who. */
function mainTerm(terms: readonly Term[]): Term | undefined {
  const named = terms.filter(({ negated, values }) => !negated && values.length > 0);
  const rank = ({ values }: Term) => RANKS.indexOf(values[0]?.leaf.type ?? '');
  const who = named.filter((term) => rank(term) >= 0);
  return who.sort((left, right) => rank(left) - rank(right))[0];
}

const RANKS: readonly string[] = ['identity', 'claim', 'directIp', 'remoteIp'];

function ruleRef({ policy, index }: CompiledRule): RuleRef {
  return {
    policy: `${policy.namespace}/${policy.name}`,
    rule: index,
    place: policy.placeOf(index < 0 ? [] : ['spec', 'rules', index]),
  };
}

function exampleOf({ identity, headers, claims, directIp, remoteIp, localIp, sni, authority }: Probe): Example {
  return {
    from: identity,
    headers: Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    claims,
    fromIp: directIp,
    clientIp: remoteIp,
    host: authority,
    sni,
    localIp,
  };
}
