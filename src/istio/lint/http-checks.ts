import { expandPrincipal } from '../compile/trust-domain.ts';
import type { RequestFacts } from '../facts.ts';
import { hasTemplate } from '../validate/value.ts';
import type { LintContext, RuleSite } from './context.ts';
import type { Finding, LintExample } from './finding.ts';
import { type SiteValue, valuesOf } from './values.ts';

/** What a rule says of the request: hosts, methods, headers, server names, and stars that are none. */
export function httpChecks(context: LintContext): readonly Finding[] {
  return context.rules.flatMap((site) =>
    valuesOf(site).flatMap((value) => [
      ...methodCase(context, site, value),
      ...hostPort(context, site, value),
      ...hostPrefix(context, site, value),
      ...headerNames(context, site, value),
      ...literalStar(context, site, value),
      ...sniCase(context, site, value),
    ]),
  );
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

function methodCase(context: LintContext, { policy }: RuleSite, { field, value, path, negated }: SiteValue): readonly Finding[] {
  if (field !== 'methods' || METHODS.includes(value) || !METHODS.includes(value.toUpperCase())) return [];
  const right = value.toUpperCase();
  const message = `methods are compared letter by letter: a \`${right}\` request is not ${negated ? 'excluded' : 'matched'} by \`${value}\``;
  return [context.finding('method-case', { object: policy, path, message, help: `write \`${right}\`` })];
}

/** A rule that keeps out, by matching or by excluding. */
function keepsOut({ policy }: RuleSite, { negated }: SiteValue): boolean {
  return policy.action === 'DENY' ? !negated : policy.action === 'ALLOW' && negated;
}

/** The whole authority is compared, with its port where the client wrote one. */
function hostPort(context: LintContext, site: RuleSite, value: SiteValue): readonly Finding[] {
  const { field, path } = value;
  const host = value.value;
  if (field !== 'hosts' || host.endsWith('*') || /:[0-9]+$/.test(host) || !keepsOut(site, value)) return [];
  const others = valuesOf(site).filter((other) => other.field === 'hosts' && other.negated === value.negated);
  if (others.some((other) => other.value === `${host}:*` || other.value === `${host}*`)) return [];
  const plain = host.startsWith('*') ? `x${host.slice(1)}` : host;
  const example = tried(context, site, value, { authority: plain }, { authority: `${plain}:8443` });
  if (example === undefined) return [];
  const message = `hosts are compared with their port: \`${example.request}\` is not ${value.negated ? 'excluded' : 'matched'} by \`${host}\``;
  const help = `add \`${host}:*\` to the list`;
  return [context.finding('host-without-port', { object: site.policy, path, message, help, example })];
}

function hostPrefix(context: LintContext, site: RuleSite, value: SiteValue): readonly Finding[] {
  const { field, path, negated } = value;
  const host = value.value;
  if (field !== 'hosts' || negated || site.policy.action !== 'ALLOW') return [];
  if (!host.endsWith('*') || host.length < 3 || host.endsWith(':*') || host.startsWith('*') || !host.includes('.')) return [];
  const spot = context.atProxy(site);
  const facts = spot === undefined ? undefined : context.matched(spot);
  const changed = facts === undefined ? undefined : { ...facts, authority: `${host.slice(0, -1)}.attacker.example` };
  if (spot === undefined || changed === undefined || !context.isMatched(spot, changed)) return [];
  const example = context.example(spot.chain, changed);
  const message = `\`${host}\` also matches names that only begin like it: \`${example?.request ?? ''}\` is matched`;
  return [
    context.finding('host-prefix-open', {
      object: site.policy,
      path,
      message,
      help: `write \`${host.slice(0, -1)}\` and \`${host.slice(0, -1)}:*\``,
      example,
    }),
  ];
}

function headerNames(context: LintContext, site: RuleSite, value: SiteValue): readonly Finding[] {
  const name = /^request\.headers\[(.*)\]$/i.exec(value.field)?.[1]?.toLowerCase();
  if ((name === 'host' || name === ':authority') && /[a-z]/i.test(value.value) && keepsOut(site, value)) {
    const upper = value.value
      .replace(/[a-z]/i, (letter) => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase()))
      .replace(/\*$/, 'x')
      .replace(/^\*/, 'x');
    const example = tried(
      context,
      site,
      value,
      { authority: value.value.replace(/\*$/, 'x').replace(/^\*/, 'x') },
      { authority: upper },
    );
    if (example === undefined) return [];
    const message = `the value of \`${value.field}\` is compared letter by letter, while names of hosts have no case: \`${example.request}\` is not ${value.negated ? 'excluded' : 'matched'}`;
    return [
      context.finding('header-host-case', {
        object: site.policy,
        path: value.path,
        message,
        help: 'use `hosts`, which ignores case',
        example,
      }),
    ];
  }
  if (name === ':path' && !value.value.endsWith('*') && keepsOut(site, value)) {
    const plain = value.value.startsWith('*') ? `/x${value.value.slice(1)}` : value.value;
    const example = tried(context, site, value, { path: plain }, { path: `${plain}?x` });
    if (example === undefined) return [];
    const message = `\`${value.field}\` is compared with the query: \`${example.request}\` is not ${value.negated ? 'excluded' : 'matched'}`;
    return [
      context.finding('header-path-query', {
        object: site.policy,
        path: value.path,
        message,
        help: 'use `paths`, which leaves the query out',
        example,
      }),
    ];
  }
  return [];
}

/** Only a star at one end of a value stands for something; templates have stars of their own. */
function literalStar(context: LintContext, { policy }: RuleSite, { field, value, path }: SiteValue): readonly Finding[] {
  if (!HAS_FORMS.includes(field) && !field.startsWith('request.headers[') && !field.startsWith('request.auth.claims[')) return [];
  if (value === '*' || hasTemplate(value) || (field === 'principals' && isExpanded(value, context))) return [];
  const inner = value.startsWith('*') ? value.slice(1) : value.replace(/\*$/, '');
  if (!inner.includes('*')) return [];
  const text = value.startsWith('*')
    ? `a text that ends with \`${value.slice(1)}\`, star included`
    : value.endsWith('*')
      ? `a text that begins with \`${value.slice(0, -1)}\`, star included`
      : `the very text \`${value}\``;
  const like = value.replace(/^\*/, 'x').replaceAll('*', 'x');
  const help =
    field === 'paths'
      ? `use a template such as \`${templateOf(value)}\``
      : 'write the values out, each with at most one star at one end';
  return [
    context.finding('literal-star', {
      object: policy,
      path,
      message: `only a star at one end is a wildcard, so \`${value}\` means ${text}: \`${like}\` is not matched`,
      help,
    }),
  ];
}

/** Istio puts other trust domains into this principal, so that its star goes another way (`alias-star-lost`). */
function isExpanded(value: string, { model }: LintContext): boolean {
  const { trustDomain, trustDomainAliases } = model.config;
  const expanded = expandPrincipal(value, [trustDomain, ...trustDomainAliases]);
  return expanded.length !== 1 || expanded[0] !== value;
}

const HAS_FORMS = [
  'hosts',
  'methods',
  'paths',
  'principals',
  'requestPrincipals',
  'connection.sni',
  'request.auth.audiences',
  'request.auth.presenter',
];

function templateOf(path: string): string {
  return path
    .split('/')
    .map((segment, index, all) => (segment.includes('*') ? (index === all.length - 1 ? '{**}' : '{*}') : segment))
    .join('/');
}

function sniCase(context: LintContext, { policy }: RuleSite, { field, value, path, negated }: SiteValue): readonly Finding[] {
  if (field !== 'connection.sni' || value === value.toLowerCase()) return [];
  const effect = negated ? 'excludes nothing' : 'never matches';
  const message = `Envoy puts server names into small letters before it compares them, so \`${value}\` ${effect}: a client that asks for \`${value}\` is seen as \`${value.toLowerCase()}\``;
  return [context.finding('sni-capitals', { object: policy, path, message, help: `write \`${value.toLowerCase()}\`` })];
}

/**
 * The second request, where the first is met by the value (matched, or excluded) and the second is not though it differs in nothing
 * that its author would mind; undefined when it is not so.
 */
export function tried(
  context: LintContext,
  site: RuleSite,
  value: SiteValue,
  met: Partial<RequestFacts>,
  missed: Partial<RequestFacts>,
): LintExample | undefined {
  const spot = context.atProxy(site);
  const base = spot === undefined ? undefined : context.matched(spot);
  if (spot === undefined || base === undefined) return undefined;
  const isMet = (change: Partial<RequestFacts>): boolean => context.isMatched(spot, { ...base, ...change }) !== value.negated;
  return isMet(met) && !isMet(missed) ? context.example(spot.chain, { ...base, ...missed }) : undefined;
}
