import type { JsonObject } from '../../wire/call.ts';
import { attachedPolicies } from '../compile/attach.ts';
import { mtlsMode } from '../evaluate/mtls-mode.ts';
import type { TokenFact } from '../facts.ts';
import type { RequestAuthentication, WorkloadRef } from '../objects.ts';
import type { LintContext, RuleSite } from './context.ts';
import type { Finding } from './finding.ts';
import { PLAIN_REQUEST } from './sample-request.ts';
import { isTokenField, type SiteValue, valuesOf } from './values.ts';

/** What rules say of tokens, and what nobody says of them. */
export function tokenChecks(context: LintContext): readonly Finding[] {
  return [
    ...context.rules.flatMap((site) => [
      ...valuesOf(site).flatMap((value) => [...principalSplit(context, site, value), ...claimSpace(context, site, value)]),
      ...withoutAuthentication(context, site),
      ...customToken(context, site),
    ]),
    ...context.model.requestAuthentications.flatMap((object) => optional(context, object)),
  ];
}

/** Issuer and subject are what stands before and behind the last slash. */
function principalSplit(context: LintContext, { policy }: RuleSite, { field, value, path }: SiteValue): readonly Finding[] {
  if (field !== 'requestPrincipals' || value === '*') return [];
  const finding = (because: string, missed: string, help: string): readonly Finding[] => [
    context.finding('request-principal-split', { object: policy, path, message: `${because}: ${missed}`, help }),
  ];
  const slash = value.lastIndexOf('/');
  const [issuer, subject] = [value.slice(0, Math.max(slash, 0)), value.slice(slash + 1)];
  if (slash < 0 && !value.includes('*')) {
    return finding(
      `\`${value}\` has no slash, so it is an issuer with an empty subject`,
      `a token with issuer \`${value}\` and any subject is not matched`,
      `write \`${value}/*\` for the issuer, or \`*/…\` with \`request.auth.claims[sub]\` for a subject`,
    );
  }
  if (value.startsWith('*') && subject.includes('*') && slash >= 0) {
    return finding(
      `with a star at the start the part behind the last slash is taken as it is, so \`${value}\` asks for the subject \`${subject}\``,
      'a token with another subject is not matched',
      'write `*` for any principal, or the condition `request.auth.claims[iss]`',
    );
  }
  if (/^https?:\/?$/.test(issuer)) {
    return finding(
      `\`${value}\` is split at its last slash into issuer \`${issuer}\` and subject \`${subject}\``,
      `a token of \`${value.replace(/\*$/, '')}\` is not matched`,
      `write \`${value.replace(/\/?\*$/, '')}/*\``,
    );
  }
  const issuers = context.model.requestAuthentications.flatMap(({ jwtRules }) => jwtRules.map((rule) => rule.issuer));
  const meant = issuers.find(
    (one) => one !== '' && one !== issuer && value.startsWith(`${one}/`) && value.slice(one.length + 1).includes('/'),
  );
  if (meant === undefined || issuers.includes(issuer)) return [];
  const rest = value.slice(meant.length + 1);
  return finding(
    `\`${value}\` is split at its last slash into issuer \`${issuer}\` and subject \`${subject}\``,
    `a token of \`${meant}\` with subject \`${rest}\` is not matched`,
    `use \`request.auth.claims[iss]: ${meant}\` and \`request.auth.claims[sub]: ${rest}\``,
  );
}

/** `scope`, `permission` and what the authentication names are lists of words. */
function claimSpace(context: LintContext, site: RuleSite, { field, value, path }: SiteValue): readonly Finding[] {
  const claim = /^request\.auth\.claims\[([^[\]]+)\]$/.exec(field)?.[1];
  if (claim === undefined || !value.includes(' ')) return [];
  const more = context
    .proxiesOf(site.policy)
    .flatMap((workload) =>
      attachedPolicies(context.model, workload).requestAuthentications.flatMap(({ jwtRules }) =>
        jwtRules.flatMap((rule) => rule.spaceDelimitedClaims),
      ),
    );
  if (!['scope', 'permission', ...more].includes(claim)) return [];
  const words = value
    .replace(/^\*|\*$/g, 'x')
    .split(' ')
    .filter((word) => word !== '');
  const text = value.replace(/^\*|\*$/g, 'x');
  const has = words.map((word) => `\`${word}\``).join(' and ');
  const message = `a text in the claim \`${claim}\` is split at its spaces before it is compared: a token with \`${claim}: "${text}"\` has the values ${has} and is not matched by \`${value}\``;
  const help = `write one condition with \`values: ["${words[0] ?? ''}"]\` for each word that is needed`;
  return [context.finding('claim-with-space', { object: site.policy, path, message, help })];
}

/** A rule asks for a token where no RequestAuthentication looks for one. */
function withoutAuthentication(context: LintContext, site: RuleSite): readonly Finding[] {
  const { policy } = site;
  if (policy.action === 'CUSTOM') return [];
  const [value] = valuesOf(site).filter(({ field, negated }) => isTokenField(field) && !negated);
  // Branches without a wish for a token match without one.
  if (value === undefined || site.rule.from.some((source) => !Object.values(source).some((list) => list.length > 0))) return [];
  const isNeeded =
    site.rule.when.some(({ key, values }) => isTokenField(key) && values.length > 0) ||
    site.rule.from.every(({ requestPrincipals }) => requestPrincipals.length > 0);
  const proxies = context.proxiesOf(policy).filter(({ kind }) => kind !== 'ztunnel');
  if (!isNeeded || proxies.length === 0) return [];
  if (proxies.some((workload) => attachedPolicies(context.model, workload).requestAuthentications.length > 0)) return [];
  const chain = context.chain(proxies[0] as WorkloadRef, 'http');
  const token: TokenFact = {
    claims: { iss: 'https://idp.example', sub: 'ada' } as JsonObject,
    signed: true,
    in: { header: 'authorization', prefix: 'Bearer ' },
  };
  const example = context.example(chain, { ...PLAIN_REQUEST, tokens: [token] });
  const effect = policy.action === 'ALLOW' ? 'allows nothing' : 'never matches';
  const message = `no RequestAuthentication attaches here, so tokens are not read and this ${policy.action} rule ${effect}: \`${example?.request ?? ''}\` has no principal and no claims`;
  const help = 'add a RequestAuthentication with the issuer, for the same workloads';
  return [
    context.finding('jwt-without-authentication', {
      object: policy,
      path: value.path,
      message,
      help,
      ...(policy.action === 'ALLOW' ? { example } : {}),
    }),
  ];
}

/** CUSTOM is asked before tokens are verified. */
function customToken(context: LintContext, site: RuleSite): readonly Finding[] {
  const { policy } = site;
  const [value] = valuesOf(site).filter(({ field }) => isTokenField(field));
  if (policy.action !== 'CUSTOM' || value === undefined) return [];
  const effect = value.negated ? 'always holds' : 'never holds';
  const message = `the external authoriser is asked before tokens are verified, so \`${value.field}\` ${effect} in a CUSTOM rule: a request with a good token ${value.negated ? 'is not excluded' : 'is not sent to it'}`;
  const help = 'ask by host, path or header, and let the authoriser verify the token';
  return [context.finding('custom-needs-jwt', { object: policy, path: value.path, message, help })];
}

/** A RequestAuthentication refuses bad tokens, it does not ask for one. */
function optional(context: LintContext, object: RequestAuthentication): readonly Finding[] {
  const { model } = context;
  if (object.jwtRules.length === 0) return [];
  for (const workload of context.proxiesOfAuthentication(object)) {
    const attached = attachedPolicies(model, workload);
    const policies = [...attached.ALLOW, ...attached.DENY, ...attached.CUSTOM];
    const isAsked = policies.some((policy) =>
      policy.rules.some((rule, index) => valuesOf({ policy, rule, index, path: [] }).some(({ field }) => isTokenField(field))),
    );
    if (isAsked || attached.CUSTOM.length > 0) return [];
    const chain = context.chain(workload, 'http');
    const isStrict = mtlsMode(model, workload, PLAIN_REQUEST.localPort).mode === 'STRICT';
    const peer = isStrict
      ? { uris: [`spiffe://${model.config.trustDomain}/ns/default/sa/default`], dns: [], subject: '' }
      : undefined;
    const example = context.example(chain, { ...PLAIN_REQUEST, peer });
    if (example?.verdict !== 'allow') continue;
    const message = `this refuses bad tokens and asks nobody for one: \`${example.request}\` without a token is let through`;
    const help = 'add an ALLOW policy with `requestPrincipals: ["*"]`, or a DENY policy with `notRequestPrincipals: ["*"]`';
    return [context.finding('jwt-optional', { object, path: ['spec', 'jwtRules'], message, help, example })];
  }
  return [];
}
