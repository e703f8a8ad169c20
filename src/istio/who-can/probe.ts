import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { leavesOf, type Term } from '../branches.ts';
import type { Chain } from '../chain.ts';
import { type Attributes, readAttributes } from '../evaluate/attributes.ts';
import { matches } from '../evaluate/match.ts';
import type { RequestFacts, TokenFact } from '../facts.ts';
import type { CidrBlock, Leaf, StringTest } from '../matcher.ts';
import type { JwtRule } from '../objects.ts';
import { passingText } from '../passing-text.ts';
import type { IdentityPool } from './identities.ts';

/** The parts of a request that may be chosen freely: who calls and with what. */
export interface Probe {
  /** Undefined: no client certificate. */
  readonly identity: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: no token. */
  readonly claims: JsonObject | undefined;
  readonly directIp: string | undefined;
  readonly remoteIp: string | undefined;
  readonly localIp: string | undefined;
  readonly sni: string | undefined;
  readonly authority: string | undefined;
}

export const PLAIN_PROBE: Probe = {
  identity: undefined,
  headers: {},
  claims: undefined,
  directIp: undefined,
  remoteIp: undefined,
  localIp: undefined,
  sni: undefined,
  authority: undefined,
};

/** What may be chosen. */
export interface ProbeSpace {
  readonly chain: Chain;
  /** The request that was asked about. */
  readonly base: RequestFacts;
  readonly pool: IdentityPool;
  /** Which identities can come at all: none without a certificate under strict mutual TLS, and none with one where it is disabled. */
  readonly mtls: 'PERMISSIVE' | 'STRICT' | 'DISABLE';
  /** The host is not part of the question. */
  readonly isHostFree: boolean;
  /** Requests that all searches together may still try. */
  readonly budget: { left: number };
  /** The caller is part of the question. */
  readonly isIdentityFixed: boolean;
}

/** The request that a probe makes of the one that was asked about. */
export function probeFacts({ chain, base }: ProbeSpace, probe: Probe): RequestFacts {
  const directIp = probe.directIp ?? base.directIp;
  return {
    ...base,
    peer: probe.identity === undefined ? undefined : { uris: [probe.identity], dns: [], subject: '' },
    authority: probe.authority ?? base.authority,
    headers: [...base.headers, ...Object.entries(probe.headers)],
    tokens: [...base.tokens, ...tokenOf(chain, probe.claims)],
    directIp,
    remoteIp: probe.remoteIp ?? (probe.directIp === undefined ? base.remoteIp : directIp),
    localIp: probe.localIp ?? base.localIp,
    sni: probe.sni ?? base.sni,
    askAuthoriser: () => ({ answer: 'allow' }),
  };
}

/** A token with a good signature that the first fitting rule takes; none where no rule looks for tokens. */
function tokenOf({ jwt }: Chain, claims: JsonObject | undefined): readonly TokenFact[] {
  if (claims === undefined) return [];
  const rules = jwt.flatMap(({ source, index }) => source.jwtRules[index] ?? []);
  const rule = rules.find(({ issuer }) => issuer === claims['iss']) ?? rules[0];
  if (rule === undefined) return [];
  const [header] = rule.fromHeaders;
  const place: TokenFact['in'] =
    header !== undefined
      ? { header: header.name.toLowerCase(), prefix: header.prefix }
      : rule.fromParams[0] !== undefined
        ? { param: rule.fromParams[0] }
        : rule.fromCookies[0] !== undefined
          ? { cookie: rule.fromCookies[0] }
          : { header: 'authorization', prefix: 'Bearer ' };
  return [{ claims: withDefaults(claims, rule), signed: true, in: place }];
}

function withDefaults(claims: JsonObject, rule: JwtRule): JsonObject {
  const { audiences } = rule;
  const [audience] = audiences;
  const all: Record<string, JsonValue> = { iss: rule.issuer, sub: 'somebody', ...claims };
  const { aud } = all;
  if (audience === undefined || (typeof aud === 'string' && audiences.includes(aud))) return all;
  // Beside what a policy asks for, the token must be meant for the workload.
  return { ...all, aud: typeof aud === 'string' ? [aud, audience] : audience };
}

/** Probes in which a term holds, or does not, each one change away from the given one; none where the term is not of the free parts. */
export function changes(space: ProbeSpace, probe: Probe, term: Term, holds: boolean): readonly Probe[] {
  const leaves = term.values.flatMap(({ matchers, leaf }) => (matchers.length > 0 ? [leaf] : []));
  const [first] = leaves;
  if (first === undefined) return [];
  const isMatchWanted = holds !== term.negated;
  if (first.type === 'identity') return identityChanges(space, probe, term, holds);
  if (first.type === 'header') {
    if (first.name === ':authority')
      return space.isHostFree ? texts(leaves, isMatchWanted).map((text) => ({ ...probe, authority: text })) : [];
    if (first.name.startsWith(':')) return [];
    const { [first.name]: _, ...others } = probe.headers;
    const set = texts(leaves, isMatchWanted).map((text) => ({ ...probe, headers: { ...others, [first.name]: text } }));
    return isMatchWanted ? set : [{ ...probe, headers: others }, ...set];
  }
  if (first.type === 'claim') return claimChanges(space, term, probe, isMatchWanted);
  if (first.type === 'directIp' || first.type === 'remoteIp' || first.type === 'localIp') {
    return addresses(leaves, isMatchWanted).map((address) => ({ ...probe, [first.type]: address }));
  }
  return first.type === 'sni' ? texts(leaves, isMatchWanted).map((sni) => ({ ...probe, sni })) : [];
}

/** Callers of one kind that are tried: the first ones of the pool stand for the rest. */
const MOST_CALLERS = 40;

function identityChanges(space: ProbeSpace, probe: Probe, term: Term, holds: boolean): readonly Probe[] {
  if (space.isIdentityFixed) return [];
  return [...space.pool.identities, undefined]
    .map((identity) => ({ ...probe, identity }))
    .filter(
      (one) =>
        isPossible(space, one) && termHolds(term, readAttributes(space.chain, probeFacts(space, one), undefined)) === holds,
    )
    .slice(0, MOST_CALLERS);
}

/** Whether such a connection comes to be at all. */
export function isPossible({ mtls }: ProbeSpace, { identity }: Probe): boolean {
  return mtls === 'PERMISSIVE' || (mtls === 'STRICT') === (identity !== undefined);
}

/** Whether a term holds for sure. */
export function termHolds({ negated, values }: Term, attributes: Attributes): boolean {
  const truths = values.flatMap(({ matchers }) => matchers.map((matcher) => matches(matcher, attributes)));
  return negated ? truths.every((truth) => truth === false) : truths.includes(true);
}

/** One probe for each value and issuer: the claims of a token are set together, as `requestPrincipals` names two. */
function claimChanges({ chain }: ProbeSpace, term: Term, probe: Probe, isMatchWanted: boolean): readonly Probe[] {
  if (!isMatchWanted)
    return [
      { ...probe, claims: undefined },
      { ...probe, claims: { ...probe.claims, sub: 'somebody-else' } },
    ];
  const issuers = chain.jwt.flatMap(({ source, index }) => source.jwtRules[index]?.issuer ?? []);
  return term.values.flatMap(({ matchers: [matcher] }) => {
    const leaves = matcher === undefined ? [] : leavesOf(matcher).filter((leaf) => leaf.type === 'claim');
    const ofIssuer = leaves.find(({ path }) => path.length === 1 && path[0] === 'iss');
    const others = leaves.filter((leaf) => leaf !== ofIssuer);
    const claims = others.reduce((all, { path, test }) => withClaim(all, path, passingText(test)), probe.claims ?? {});
    // A token of an issuer that no rule knows is refused, so only theirs can pass.
    if (ofIssuer === undefined)
      return [{ ...probe, claims }, ...issuers.map((iss) => ({ ...probe, claims: { ...claims, iss } }))];
    return issuers.filter((iss) => textPasses(ofIssuer.test, iss)).map((iss) => ({ ...probe, claims: { ...claims, iss } }));
  });
}

function textPasses(test: StringTest, text: string): boolean {
  switch (test.op) {
    case 'exact':
      return text === test.value;
    case 'prefix':
      return text.startsWith(test.value);
    case 'suffix':
      return text.endsWith(test.value);
    case 'nonEmpty':
    case 'present':
      return text !== '';
  }
}

function withClaim(claims: JsonObject, [name, ...rest]: readonly string[], text: string): JsonObject {
  if (name === undefined) return claims;
  const inner = claims[name];
  const isNested = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
  const value: JsonValue = rest.length === 0 ? text : withClaim(isNested ? (inner as JsonObject) : {}, rest, text); // an object, by the test
  return { ...claims, [name]: value };
}

/** Texts that pass one of the tests, or one that passes none. */
function texts(leaves: readonly Leaf[], isMatchWanted: boolean): readonly string[] {
  const tests = leaves.flatMap((leaf) =>
    'test' in leaf && leaf.type !== 'identity' && leaf.test.op !== 'template' ? [leaf.test] : [],
  );
  return isMatchWanted ? tests.map(passingText) : ['something-else'];
}

function addresses(leaves: readonly Leaf[], isMatchWanted: boolean): readonly string[] {
  const blocks = leaves.flatMap((leaf) => ('block' in leaf ? [leaf.block] : []));
  return isMatchWanted ? blocks.map(addressIn) : ELSEWHERE;
}

/** Of documentation (RFC 5737, RFC 3849): one of them lies outside of what rules name. */
const ELSEWHERE: readonly string[] = ['192.0.2.1', '198.51.100.1', '203.0.113.1', '10.255.255.1', '2001:db8::1'];

/** The first address of a block. */
function addressIn({ bytes, bits }: CidrBlock): string {
  const masked = bytes.map((byte, index) => byte & (0xff << (8 - Math.min(8, Math.max(0, bits - index * 8)))) & 0xff);
  if (masked.length === 4) return masked.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((masked[index * 2] ?? 0) * 256 + (masked[index * 2 + 1] ?? 0)).toString(16),
  );
  return groups.join(':');
}
