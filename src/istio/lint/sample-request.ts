import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { type Branch, branchesOf, type Term } from '../branches.ts';
import type { Chain, CompiledRule } from '../chain.ts';
import { traceRules, traceView } from '../evaluate/trace.ts';
import type { RequestFacts, TokenFact } from '../facts.ts';
import type { CidrBlock, IdentityTest, Leaf, StringTest, TemplateTest } from '../matcher.ts';
import { passingText } from '../passing-text.ts';

/** A request that nobody sent: what a rule does not ask for is as plain as it can be. */
export const PLAIN_REQUEST: RequestFacts = {
  transport: 'http',
  protocol: 'http/1.1',
  method: 'GET',
  authority: 'service.example',
  path: '/',
  headers: [],
  tokens: [],
  peer: undefined,
  sni: undefined,
  directIp: '192.0.2.7',
  remoteIp: '192.0.2.7',
  localIp: '192.0.2.80',
  localPort: 8080,
  metadata: {},
  askAuthoriser: () => ({ answer: 'allow' }),
  now: 1_750_000_000,
};

/** A request that the rule matches: the first value of each of its fields, for the first branches that can be met. */
export function requestFor(chain: Chain, rule: CompiledRule, base: RequestFacts): RequestFacts | undefined {
  for (const permissions of branchesOf(rule.permissions).slice(0, MOST_BRANCHES)) {
    for (const principals of branchesOf(rule.principals).slice(0, MOST_BRANCHES)) {
      const facts = meeting(chain, [...permissions, ...principals], base);
      if (isMatched(chain, rule, facts)) return facts;
    }
  }
  return undefined;
}

const MOST_BRANCHES = 4;

/** Whether the proxy comes to the rule with this request, and the rule matches. */
export function isMatched(chain: Chain, rule: CompiledRule, facts: RequestFacts): boolean {
  const isCustom = chain.custom.some(({ rules }) => rules.includes(rule));
  const view = traceView(chain, facts, isCustom ? 'custom' : 'policies');
  return view !== undefined && traceRules([rule], view)[0]?.matched === true;
}

function meeting(chain: Chain, branch: Branch, base: RequestFacts): RequestFacts {
  let facts: RequestFacts = { ...base, transport: chain.transport };
  for (const term of branch) facts = term.negated ? avoiding(facts, term) : including(chain, facts, term);
  return facts;
}

function including(chain: Chain, facts: RequestFacts, term: Term): RequestFacts {
  const [value] = term.values;
  const [matcher] = value?.matchers ?? [];
  if (matcher === undefined) return facts;
  const leaves = matcher.type === 'and' ? matcher.of : [matcher];
  return leaves.reduce((sum, leaf) => ('origin' in leaf ? withLeaf(chain, sum, leaf) : sum), facts);
}

/** Negative fields are mostly met by what nobody named; a wish for an identity that is not among some needs one. */
function avoiding(facts: RequestFacts, term: Term): RequestFacts {
  const leaf = term.values[0]?.leaf;
  if (leaf?.type === 'header' && leaf.name === ':method') return { ...facts, method: 'PATCH' };
  if (leaf?.type === 'path') return { ...facts, path: facts.path === '/' ? '/elsewhere' : facts.path };
  return facts;
}

function withLeaf(chain: Chain, facts: RequestFacts, leaf: Leaf): RequestFacts {
  switch (leaf.type) {
    case 'identity':
      return { ...facts, peer: { uris: [identityFor(leaf.test)], dns: [], subject: '' } };
    case 'directIp':
      return { ...facts, directIp: addressIn(leaf.block) };
    case 'remoteIp':
      return { ...facts, remoteIp: addressIn(leaf.block) };
    case 'localIp':
      return { ...facts, localIp: addressIn(leaf.block) };
    case 'port':
      return { ...facts, localPort: leaf.port };
    case 'sni':
      return { ...facts, sni: passingText(leaf.test) };
    case 'path':
      return { ...facts, path: pathFor(leaf.test) };
    case 'header':
      return withHeader(facts, leaf.name, passingText(leaf.test));
    case 'claim':
      return { ...facts, tokens: [tokenWith(chain, facts.tokens[0], leaf.path, passingText(leaf.test))] };
    case 'metadata': {
      const value: JsonValue = leaf.shape === 'list' ? [passingText(leaf.test)] : passingText(leaf.test);
      return { ...facts, metadata: { ...facts.metadata, [leaf.filter]: { ...facts.metadata[leaf.filter], [leaf.key]: value } } };
    }
  }
}

function withHeader(facts: RequestFacts, name: string, value: string): RequestFacts {
  if (name === ':authority') return { ...facts, authority: value };
  // HTTP/1 knows some methods only.
  if (name === ':method') return { ...facts, method: value, protocol: 'h2' };
  if (name === ':path') return { ...facts, path: value };
  return { ...facts, headers: [...facts.headers, [name, value]] };
}

function identityFor(test: IdentityTest): string {
  switch (test.op) {
    case 'spiffeSuffix':
      return `spiffe://cluster.local/ns/some${test.suffix.startsWith('/') ? '' : '/sa/some'}${test.suffix}`;
    case 'namespace':
      return `spiffe://cluster.local/ns/${textOfPattern(test.value)}/sa/some`;
    case 'serviceAccount':
      return `spiffe://cluster.local/ns/${test.namespace}/sa/${test.name}`;
    case 'trustDomain':
      return `spiffe://${textOfPattern(test.value)}/ns/some/sa/some`;
    case 'exact':
      return test.value;
    case 'prefix':
      return completed(test.value);
    default:
      return 'spiffe://cluster.local/ns/some/sa/some';
  }
}

/** The rest of a SPIFFE ID of which the beginning is given. */
function completed(start: string): string {
  const parts = start.split('/');
  const end = ['', '', 'some', 'ns', 'some', 'sa', 'some'].slice(parts.length);
  return `${start}${parts.at(-1) === '' ? 'some' : ''}${end.length === 0 ? '' : `/${end.join('/')}`}`;
}

function textOfPattern(pattern: string): string {
  return pattern === '*' ? 'some' : pattern.replaceAll('*', 'x');
}

function pathFor(test: StringTest | TemplateTest): string {
  if (test.op === 'template') return test.template.replaceAll('{**}', 'x/y').replaceAll('{*}', 'x');
  if (test.op === 'nonEmpty' || test.op === 'present') return '/';
  const text = passingText(test);
  return text.startsWith('/') ? text : `/${text}`;
}

function addressIn({ bytes }: CidrBlock): string {
  if (bytes.length === 4) return bytes.join('.');
  return Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) * 256 + (bytes[index * 2 + 1] ?? 0)).toString(16)).join(
    ':',
  );
}

/** A token that the first fitting rule takes, with one claim more. */
function tokenWith(chain: Chain, token: TokenFact | undefined, path: readonly string[], text: string): TokenFact {
  const rules = chain.jwt.flatMap(({ source, index }) => source.jwtRules[index] ?? []);
  const claims = token === undefined ? { iss: rules[0]?.issuer ?? 'some', sub: 'some' } : (token.claims as JsonObject);
  const merged = withClaim(claims, path, text);
  const rule = rules.find(({ issuer }) => issuer === merged['iss']) ?? rules[0];
  const audience = rule?.audiences[0];
  const [header] = rule?.fromHeaders ?? [];
  const place: TokenFact['in'] =
    header !== undefined
      ? { header: header.name.toLowerCase(), prefix: header.prefix }
      : rule?.fromParams[0] !== undefined
        ? { param: rule.fromParams[0] }
        : rule?.fromCookies[0] !== undefined
          ? { cookie: rule.fromCookies[0] }
          : { header: 'authorization', prefix: 'Bearer ' };
  return {
    claims: audience === undefined || merged['aud'] !== undefined ? merged : { ...merged, aud: audience },
    signed: true,
    in: place,
  };
}

function withClaim(claims: JsonObject, [name, ...rest]: readonly string[], text: string): JsonObject {
  if (name === undefined) return claims;
  const inner = claims[name];
  const isNested = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
  return { ...claims, [name]: rest.length === 0 ? text : withClaim(isNested ? (inner as JsonObject) : {}, rest, text) };
}
