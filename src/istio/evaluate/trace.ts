import type { JsonValue } from '../../wire/call.ts';
import { type Branch, branchesOf, type Term } from '../branches.ts';
import type { Chain, CompiledRule } from '../chain.ts';
import type { RequestFacts } from '../facts.ts';
import type { Leaf } from '../matcher.ts';
import type { RuleTrace, TermTrace } from '../verdict.ts';
import { type Attributes, readAttributes } from './attributes.ts';
import { checkTokens } from './jwt.ts';
import { matches } from './match.ts';
import { withoutQuery } from './normalize-path.ts';
import { receive } from './request.ts';

/** What rules look at, with the texts that a person knows it by. */
export interface TraceView {
  readonly attributes: Attributes;
  readonly facts: RequestFacts;
  /** After `x-forwarded-for` was read. */
  readonly remoteIp: string;
}

/**
 * What the rules of one step see: CUSTOM stands before the tokens, all else after them. Undefined where the walk does not come to the
 * step: the request, or its token, was refused before.
 */
export function traceView(chain: Chain, facts: RequestFacts, step: 'custom' | 'policies'): TraceView | undefined {
  if (chain.transport === 'tcp') return { attributes: readAttributes(chain, facts, undefined), facts, remoteIp: facts.remoteIp };
  const received = receive(chain, facts);
  if ('refused' in received) return undefined;
  const attributes = readAttributes(chain, facts, received);
  const { remoteIp, headers } = received;
  // Without a path there is no route, and the tokens' filter lets pass.
  if (step === 'custom' || attributes.http?.path === undefined) return { attributes, facts, remoteIp };
  const { tokens, now } = facts;
  const outcome = checkTokens(chain.jwt, {
    headers,
    target: headers.joined(':path') ?? '',
    tokens,
    now,
    stripsClaimHeadersInTurn: chain.profile.stripsClaimHeadersInTurn,
  });
  if (outcome.outcome !== 'pass') return undefined;
  attributes.payload = outcome.payload;
  attributes.http.path = withoutQuery(headers.joined(':path') ?? '');
  return { attributes, facts, remoteIp };
}

/** Every rule of a step: the terms that held and that did not, of the branches that come nearest. */
export function traceRules(rules: readonly CompiledRule[], view: TraceView): readonly RuleTrace[] {
  return rules.map((rule) => {
    const sides = [rule.permissions, rule.principals].map((side) => nearestBranch(branchesOf(side), view));
    const terms = sides.flatMap((side) => side ?? []);
    const matched = sides.every((side) => side?.every(({ holds }) => holds));
    const byHolding = (holds: boolean) => terms.filter((term) => term.holds === holds);
    return { rule, matched, held: byHolding(true), lacking: matched ? [] : byHolding(false) };
  });
}

/** The branch with the fewest failing terms; undefined when there is none. */
function nearestBranch(branches: readonly Branch[], view: TraceView): readonly TermTrace[] | undefined {
  let best: readonly TermTrace[] | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const branch of branches) {
    const traces = branch.map((term) => traceTerm(term, view));
    const failing = traces.filter(({ holds }) => !holds).length;
    if (failing >= fewest) continue;
    best = traces;
    fewest = failing;
  }
  return best;
}

function traceTerm({ path, negated, values }: Term, view: TraceView): TermTrace {
  const hit = values.find(({ matchers }) => matchers.some((matcher) => matches(matcher, view.attributes) !== false));
  // What hangs on the text of a token does not hold in either direction.
  const isSure = hit === undefined || hit.matchers.some((matcher) => matches(matcher, view.attributes) === true);
  const holds = isSure && (hit !== undefined) !== negated;
  const [first] = values;
  const observed = first === undefined ? undefined : observedBy(first.leaf, path, view);
  // The value that made the difference, where one did.
  return hit === undefined
    ? { path, wanted: values.map(({ text }) => text), observed, negated, holds }
    : { path: hit.path, wanted: [hit.text], observed, negated, holds };
}

/** The attribute that a comparison looks at, as text; undefined when the request has none. */
function observedBy(
  leaf: Leaf,
  field: readonly (string | number)[],
  { attributes, facts, remoteIp }: TraceView,
): string | undefined {
  switch (leaf.type) {
    case 'identity': {
      const names = attributes.identities.filter((name) => name !== '');
      return names.length === 0 ? undefined : names.join(', ');
    }
    case 'directIp':
      return facts.directIp;
    case 'remoteIp':
      return remoteIp;
    case 'localIp':
      return facts.localIp;
    case 'port':
      return String(facts.localPort);
    case 'sni':
      return attributes.sni;
    case 'path':
      return attributes.http?.path;
    case 'header':
      return attributes.http?.headers.get(leaf.name)?.map(withoutMarks).join(', ');
    case 'claim':
      return field.includes('requestPrincipals') || leaf.shape === 'string'
        ? requestPrincipal(attributes.payload)
        : valueText(valueAt(attributes.payload, leaf.path));
    case 'metadata':
      return valueText(attributes.metadata[leaf.filter]?.[leaf.key]);
  }
}

function requestPrincipal(payload: JsonValue | undefined): string | undefined {
  if (payload === undefined) return undefined;
  const part = (name: string) => valueText(valueAt(payload, [name])) ?? '(none)';
  return `${part('iss')}/${part('sub')}`;
}

function valueAt(payload: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let value = payload;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return undefined;
    value = (value as { readonly [name: string]: JsonValue })[name]; // an object, by the line above
  }
  return value;
}

function valueText(value: JsonValue | undefined): string | undefined {
  return value === undefined || typeof value === 'string' ? value : JSON.stringify(value);
}

/** Characters that stand for the text of a token. */
function withoutMarks(text: string): string {
  return text.replace(/[\ue000-\uf8ff]/g, '(a token)');
}
