import type { Chain } from '../chain.ts';
import { HeaderMap } from '../evaluate/header-map.ts';
import { checkTokens } from '../evaluate/jwt.ts';
import { tokenMark } from '../evaluate/token-text.ts';
import type { TokenFact } from '../facts.ts';
import type { Leaf } from '../matcher.ts';
import type { JwtRule } from '../objects.ts';
import { type Cube, clauseOf, cubeOf } from './clause.ts';
import type { Shape } from './value.ts';

/** One kind of token, or none, that requests may carry, and what the JWT step of either side makes of it. */
export interface TokenKind {
  /** Undefined: no token. */
  readonly place: TokenFact['in'] | undefined;
  readonly signed: boolean;
  /** By variable; undefined: no token, so no claims. */
  readonly claims: ReadonlyMap<string, Shape> | undefined;
  /** What the claims must be, so that both sides judge the token as said here. */
  readonly base: Cube;
  readonly before: TokenJudgement;
  readonly after: TokenJudgement;
  /** `a token of https://idp.example`; empty for none. */
  readonly text: string;
}

export type TokenJudgement = 'claims' | 'no claims' | 401 | 403;

const ISS = 'claim ["iss"]';
const AUD = 'claim ["aud"]';
const SUB = 'claim ["sub"]';
export const WITNESS_TIME = 1_760_000_000;
const BEARER = { header: 'authorization', prefix: 'Bearer ' } as const;
const STRANGER = 'https://stranger.example';

/**
 * The tokens that tell the sides apart: none; for each issuer and place of either side a good one with each kind of audience;
 * and where the RequestAuthentications differ also a badly signed one and one of a stranger.
 */
export function tokenKinds(before: Chain, after: Chain, hasClaims: boolean): readonly TokenKind[] {
  const none: TokenKind = {
    place: undefined,
    signed: true,
    claims: undefined,
    base: TRUE,
    before: 'no claims',
    after: 'no claims',
    text: '',
  };
  const rules = jwtRules([...before.jwt, ...after.jwt]);
  const isSame = JSON.stringify(before.jwt.map(judged)) === JSON.stringify(after.jwt.map(judged));
  if (rules.length === 0 || (isSame && !hasClaims)) return [none];
  const kinds = new Map<string, TokenKind>();
  for (const issuer of new Set(rules.map((rule) => rule.issuer))) {
    const own = rules.filter((rule) => rule.issuer === issuer);
    for (const place of isSame ? placesOf(own).slice(0, 1) : placesOf(rules)) {
      for (const base of audienceKinds(own)) {
        add(kinds, kind(before, after, issuer, place, true, base));
        if (!isSame) add(kinds, kind(before, after, issuer, place, false, base));
      }
      if (!isSame) add(kinds, kind(before, after, STRANGER, place, true, TRUE));
    }
  }
  return [none, ...kinds.values()];
}

/** The rules that a chain's steps stand for. */
export function jwtRules(steps: Chain['jwt']): readonly JwtRule[] {
  return steps.flatMap(({ source, index }) => source.jwtRules[index] ?? []);
}

const TRUE: Cube = cubeOf([], []);

/** What of a rule decides; the rest is where its keys are and what it does with good tokens. */
export function judged({ source, index }: Chain['jwt'][number]): unknown {
  const rule = source.jwtRules[index];
  if (rule === undefined) return index;
  const { issuer, audiences, fromHeaders, fromParams, fromCookies, spaceDelimitedClaims } = rule;
  return [issuer, [...audiences].sort(), fromHeaders, fromParams, fromCookies, [...spaceDelimitedClaims].sort()];
}

/** Kinds that both sides judge alike are one; tokens that both refuse never make a difference. */
function add(kinds: Map<string, TokenKind>, made: TokenKind | undefined): void {
  if (made === undefined) return;
  const refused = (judgement: TokenJudgement) => judgement === 401 || judgement === 403;
  if (refused(made.before) && made.before === made.after) return;
  const key = JSON.stringify([made.before, made.after, made.text, made.signed, made.base.key]);
  if (!kinds.has(key)) kinds.set(key, made);
}

function kind(
  before: Chain,
  after: Chain,
  issuer: string,
  place: TokenFact['in'],
  signed: boolean,
  base: Cube,
): TokenKind | undefined {
  const iss = issuer === '' ? 'https://issuer.example' : issuer;
  const claims = new Map<string, Shape>([
    [ISS, { type: 'text', text: iss }],
    [SUB, { type: 'text', text: 'someone' }],
  ]);
  const audience = audienceIn(base);
  const fact: TokenFact = {
    claims: { iss, sub: 'someone', ...(audience === undefined ? {} : { aud: audience }) },
    signed,
    in: place,
  };
  const first = judge(before, fact);
  const second = judge(after, fact);
  if (first === undefined || second === undefined) return undefined;
  const what = signed ? 'a token' : 'a badly signed token';
  return { place, signed, claims, base, before: first, after: second, text: `${what} of ${iss}${placeText(place)}` };
}

function judge(chain: Chain, token: TokenFact): TokenJudgement | undefined {
  const headers = new HeaderMap(chain.profile.duplicateHeaders === 'joined');
  headers.set(':method', 'GET');
  let target = '/';
  if ('header' in token.in) headers.add(token.in.header.toLowerCase(), token.in.prefix + tokenMark(0));
  else if ('cookie' in token.in) headers.add('cookie', `${token.in.cookie}=${tokenMark(0)}`);
  else target = `/?${token.in.param}=${tokenMark(0)}`;
  const outcome = checkTokens(chain.jwt, { headers, target, tokens: [token], now: WITNESS_TIME });
  if (outcome.outcome === 'unknown') return undefined;
  if (outcome.outcome === 'refuse') return outcome.s;
  return outcome.payload === undefined ? 'no claims' : 'claims';
}

/** Every place that a rule names; where all name none, the one that everybody uses stands for both of the usual ones. */
export function placesOf(rules: readonly JwtRule[]): readonly TokenFact['in'][] {
  if (rules.length === 0) return [];
  const isUsual = rules.every((rule) => rule.fromHeaders.length + rule.fromParams.length + rule.fromCookies.length === 0);
  if (isUsual) return [BEARER];
  const places = rules.flatMap((rule): TokenFact['in'][] => {
    const own = [
      ...rule.fromHeaders.map(({ name, prefix }) => ({ header: name, prefix })),
      ...rule.fromParams.map((param) => ({ param })),
      ...rule.fromCookies.map((cookie) => ({ cookie })),
    ];
    return own.length > 0 ? own : [BEARER, { param: 'access_token' }];
  });
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}

function placeText(place: TokenFact['in']): string {
  if ('param' in place) return ` in parameter ${place.param}`;
  if ('cookie' in place) return ` in cookie ${place.cookie}`;
  return place.header.toLowerCase() === 'authorization' && place.prefix === 'Bearer ' ? '' : ` in header ${place.header}`;
}

/** One cube for each way in which an audience lies in or outside the lists of the rules. */
function audienceKinds(rules: readonly JwtRule[]): readonly Cube[] {
  const lists = [
    ...new Map(
      rules.filter((rule) => rule.audiences.length > 0).map((rule) => [rule.audiences.join('\n'), rule.audiences]),
    ).values(),
  ];
  let cubes: readonly Cube[] = [TRUE];
  for (const list of lists.slice(0, 4)) {
    const leaves = list.map(
      (value): Leaf => ({
        type: 'claim',
        path: ['aud'],
        shape: 'list',
        test: { op: 'exact', value, ignoreCase: false },
        origin: { path: [], value },
      }),
    );
    cubes = cubes.flatMap((cube) => [
      cubeOf([...cube.clauses, clauseOf(leaves, false, '')], []),
      cubeOf([...cube.clauses, clauseOf(leaves, true, '')], []),
    ]);
  }
  return cubes;
}

/** An audience that lies in the lists that must hold it; undefined for none. */
function audienceIn(base: Cube): readonly string[] | undefined {
  const own = base.clauses.filter(({ variable }) => variable === AUD);
  const values = (negative: boolean) =>
    own
      .filter((clause) => clause.negative === negative)
      .map(({ leaves }) => leaves.map((leaf) => ('value' in leaf.origin ? leaf.origin.value : '')));
  const unwanted = new Set(values(true).flat());
  const found = values(false).map((list) => list.find((value) => !unwanted.has(value)) ?? '');
  return found.length === 0 ? undefined : [...new Set(found)];
}
