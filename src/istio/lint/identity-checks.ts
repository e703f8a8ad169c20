import { expandPrincipal } from '../compile/trust-domain.ts';
import { mtlsMode } from '../evaluate/mtls-mode.ts';
import type { LintContext, RuleSite } from './context.ts';
import type { Finding } from './finding.ts';
import { PLAIN_REQUEST } from './sample-request.ts';
import { IDENTITY_FIELDS, isTokenField, plainName, type SiteValue, valuesOf } from './values.ts';

/** What a rule says of the peer's identity. */
export function identityChecks(context: LintContext): readonly Finding[] {
  return context.rules.flatMap((site) => [
    ...valuesOf(site).flatMap((value) => [
      ...spiffePrefix(context, site, value),
      ...principalForm(context, site, value),
      ...innerStar(context, site, value),
      ...aliases(context, site, value),
      ...accountOfRoot(context, site, value),
    ]),
    ...withoutIdentity(context, site),
    ...withoutToken(context, site),
    ...withoutMtls(context, site),
  ]);
}

function spiffePrefix(
  context: LintContext,
  { policy }: RuleSite,
  { field, value, path, negated }: SiteValue,
): readonly Finding[] {
  if (field !== 'principals' || !value.startsWith('spiffe://')) return [];
  const right = value.slice('spiffe://'.length);
  const effect = negated ? 'so it excludes no workload' : 'so it matches no workload';
  const message = `\`${value}\` is compared with identities as \`spiffe://${value}\`, ${effect}: a peer \`${value}\` is not meant by it`;
  return [context.finding('spiffe-prefix', { object: policy, path, message, help: `write \`${right}\`` })];
}

/** Identities of a mesh are `TD/ns/NS/sa/SA`; a value without a star that is none names nobody. */
function principalForm(
  context: LintContext,
  { policy }: RuleSite,
  { field, value, path, negated }: SiteValue,
): readonly Finding[] {
  if (field !== 'principals' || value.includes('*') || value.startsWith('spiffe://')) return [];
  if (/^[^/]+\/ns\/[^/]+\/sa\/[^/]+$/.test(value)) return [];
  const effect = negated ? 'it excludes no workload' : 'it matches no workload';
  const message = `\`${value}\` is not the form of an identity that Istio gives, so ${effect}: a peer has an identity such as \`${context.model.config.trustDomain}/ns/shop/sa/cart\``;
  const help = `write \`${context.model.config.trustDomain}/ns/NAMESPACE/sa/ACCOUNT\`, or use \`serviceAccounts\``;
  return [context.finding('principal-form', { object: policy, path, message, help })];
}

function innerStar(context: LintContext, { policy }: RuleSite, { field, value, path }: SiteValue): readonly Finding[] {
  if (field !== 'namespaces' || !value.replace(/^\*|\*$/g, '').includes('*')) return [];
  const message = `the star inside \`${value}\` stands for any text at sidecars, gateways and waypoints, and for itself at ztunnel: namespace \`${value.replaceAll('*', 'x')}\` is matched by one and not by the other`;
  return [
    context.finding('namespace-inner-star', {
      object: policy,
      path,
      message,
      help: 'write the namespaces out, or a star at one end',
    }),
  ];
}

function aliases(context: LintContext, { policy }: RuleSite, { field, value, path }: SiteValue): readonly Finding[] {
  const { trustDomain, trustDomainAliases } = context.model.config;
  if (field !== 'principals' || trustDomainAliases.length === 0) return [];
  const parts = value.split('/');
  const [own = ''] = parts;
  const bundle = [trustDomain, ...trustDomainAliases];
  if (own.endsWith('*') && own !== '*' && parts.length === 5) {
    const expanded = expandPrincipal(value, bundle);
    if (expanded.some((one) => one.split('/')[0] === own)) return [];
    const other = `${own.slice(0, -1)}other`;
    const message = `\`${own}\` fits a trust domain of this mesh, so Istio puts the names of the mesh in its place and the star is lost: a peer \`${[other, ...parts.slice(1)].join('/')}\` is not matched`;
    return [context.finding('alias-star-lost', { object: policy, path, message, help: 'write one value for each trust domain' })];
  }
  if (parts.length === 5 || (own !== 'cluster.local' && !bundle.includes(own)) || !value.endsWith('*')) return [];
  const missing = bundle.find((one) => one !== own) ?? '';
  const message = `Istio puts the mesh's other trust domains into a principal only when it has all five parts: a peer of \`${missing}\` in the same place is not matched by \`${value}\``;
  return [context.finding('alias-not-expanded', { object: policy, path, message, help: `write \`${own}/ns/NAMESPACE/sa/*\`` })];
}

function accountOfRoot(context: LintContext, { policy }: RuleSite, { field, value, path }: SiteValue): readonly Finding[] {
  const { rootNamespace } = context.model.config;
  if (field !== 'serviceAccounts' || value.includes('/') || policy.namespace !== rootNamespace) return [];
  const message = `\`${value}\` without a namespace means \`${rootNamespace}/${value}\`, as the policy is in \`${rootNamespace}\`: an account \`${value}\` of another namespace is not matched`;
  return [context.finding('service-account-namespace', { object: policy, path, message, help: `write \`NAMESPACE/${value}\`` })];
}

/** An ALLOW rule whose sources say of the peer only who it is not: whoever has no identity is none of those. */
function withoutIdentity(context: LintContext, site: RuleSite): readonly Finding[] {
  const { policy, rule, path } = site;
  if (policy.action !== 'ALLOW') return [];
  const conditions = rule.when.map(({ key, values }, index) => ({ key, values, at: [...path, 'when', index, 'notValues'] }));
  const isAsked = conditions.some(({ key, values }) => IDENTITY_KEYS.includes(key) && values.length > 0);
  const negativeKey = conditions.find(
    ({ key, at }) => IDENTITY_KEYS.includes(key) && (rule.when[at[4] as number]?.notValues.length ?? 0) > 0,
  );
  if (isAsked) return [];
  const sources = rule.from.length === 0 ? [undefined] : rule.from;
  return sources.flatMap((source, index) => {
    const has = (name: string): boolean =>
      ((source as Readonly<Record<string, readonly string[]>> | undefined)?.[name]?.length ?? 0) > 0;
    if (IDENTITY_FIELDS.some(has)) return [];
    const negative = NEGATIVE.find(has);
    const at = negative !== undefined ? [...path, 'from', index, 'source', negative] : negativeKey?.at;
    if (at === undefined) return [];
    const spot = context.atProxy(site);
    const facts = spot === undefined ? undefined : context.matched(spot);
    if (spot === undefined || facts === undefined) return [];
    const bare = { ...facts, peer: undefined };
    if (mtlsMode(context.model, spot.chain.workload, bare.localPort).mode === 'STRICT' || !context.isMatched(spot, bare))
      return [];
    const example = context.example(spot.chain, bare);
    const name = negative ?? negativeKey?.key ?? '';
    const message = `a caller without a client certificate is none of those that \`${name}\` excludes: \`${example?.request ?? ''}\` is matched by this ALLOW rule`;
    const help = `add \`principals: ["*"]\` beside it, or require mutual TLS with a PeerAuthentication in mode STRICT`;
    return [context.finding('not-without-identity', { object: policy, path: at, message, help, example })];
  });
}

const NEGATIVE = ['notPrincipals', 'notNamespaces', 'notServiceAccounts', 'notTrustDomains'];
const IDENTITY_KEYS = ['source.principal', 'source.namespace', 'source.serviceAccount', 'source.trustDomain'];

/** The same for tokens: a request without one has no claim that could be excluded. */
function withoutToken(context: LintContext, site: RuleSite): readonly Finding[] {
  const { policy } = site;
  if (policy.action !== 'ALLOW') return [];
  const values = valuesOf(site).filter(({ field }) => isTokenField(field));
  const [negative] = values.filter(({ negated }) => negated);
  if (negative === undefined || values.some(({ negated }) => !negated)) return [];
  const spot = context.atProxy(site);
  const facts = spot === undefined ? undefined : context.matched(spot);
  if (spot === undefined || facts === undefined || !context.isMatched(spot, { ...facts, tokens: [] })) return [];
  const example = context.example(spot.chain, { ...facts, tokens: [] });
  const message = `a request without a token has nothing that \`${plainName(negative.field)}\` could exclude: \`${example?.request ?? ''}\` is matched by this ALLOW rule`;
  const help = 'add `requestPrincipals: ["*"]` to the source, so that a token is required';
  return [context.finding('not-without-token', { object: policy, path: negative.path.slice(0, -1), message, help, example })];
}

/** Identities come from mutual TLS; where it is off there are none. */
function withoutMtls(context: LintContext, site: RuleSite): readonly Finding[] {
  const { policy } = site;
  const [value] = valuesOf(site).filter(({ field, negated }) => IDENTITY_FIELDS.includes(field) && !negated);
  if (value === undefined || site.rule.from.length > 1) return [];
  const proxies = context.proxiesOf(policy).filter(({ kind }) => kind === 'sidecar');
  const off = proxies.map((workload) => mtlsMode(context.model, workload, PLAIN_REQUEST.localPort));
  const [first] = off;
  if (first?.source === undefined || off.some(({ mode }) => mode !== 'DISABLE')) return [];
  const { source } = first;
  const message = `mutual TLS is off here by PeerAuthentication \`${source.namespace}/${source.name}\`, so no caller has an identity and this ${policy.action} rule matches none, not even \`${value.value}\``;
  const help = 'set the mode to STRICT, or to PERMISSIVE while workloads move';
  return [context.finding('identity-without-mtls', { object: policy, path: value.path, message, help })];
}
