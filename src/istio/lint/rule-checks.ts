import type { AuthorizationPolicy, Rule } from '../objects.ts';
import { validateObject } from '../validate/validate.ts';
import type { LintContext, RuleSite } from './context.ts';
import { type CoverageScope, covers } from './coverage.ts';
import type { Finding } from './finding.ts';
import { plainName } from './values.ts';

/** Rules as wholes: dashes that make two of one, rules that never match, rules behind others. */
export function ruleChecks(context: LintContext): readonly Finding[] {
  return [
    ...context.rules.flatMap((site) => [
      ...splitRule(context, site),
      ...splitOperation(context, site),
      ...neverMatches(context, site),
    ]),
    ...shadowed(context),
  ];
}

/** `- from` and then `- to`: two rules, of which any suffices, where one with both was meant. */
function splitRule(context: LintContext, site: RuleSite): readonly Finding[] {
  const { policy, rule, index, path } = site;
  const before = policy.rules[index - 1];
  if (before === undefined || policy.action === 'AUDIT') return [];
  const parts = (one: Rule): string => ['from', 'to', 'when'].filter((name) => one[name as keyof Rule].length > 0).join();
  const pair = `${parts(before)}|${parts(rule)}`;
  if (!['from|to', 'from|when', 'to|when', 'from,to|when', 'to|from'].includes(pair)) return [];
  // A list of rules of one form each is a list of alternatives.
  if (policy.rules.some((one, other) => other !== index && other !== index - 1 && parts(one) === parts(rule))) return [];
  const first = parts(rule);
  const spot = context.atProxy(site);
  const facts = spot === undefined ? undefined : context.matched(spot);
  const wide = facts === undefined ? undefined : first === 'to' ? { ...facts, peer: undefined, tokens: [] } : facts;
  if (spot === undefined || wide === undefined || !context.isMatched(spot, wide)) return [];
  const example = context.example(spot.chain, wide);
  const message = `this dash starts a second rule, and either suffices: \`${example?.request ?? ''}\` is matched without what the rule above asks for`;
  const help = `remove the dash before \`${first}\` if both must hold; name the whole condition in each rule if not`;
  return [context.finding('split-rule', { object: policy, path, message, help, example })];
}

/** `- operation: {methods}` and then `- operation: {paths}`. */
function splitOperation(context: LintContext, site: RuleSite): readonly Finding[] {
  const { policy, rule, path } = site;
  if (policy.action === 'AUDIT' || rule.to.length !== 2) return [];
  const fields = rule.to.map((operation) =>
    Object.entries(operation as unknown as Readonly<Record<string, readonly string[]>>).flatMap(([name, values]) =>
      values.length > 0 ? [name] : [],
    ),
  );
  const [one, other] = fields.map((names) => (names.length === 1 ? names[0] : undefined));
  if (
    one === undefined ||
    other === undefined ||
    one === other ||
    (one !== 'methods' && other !== 'methods') ||
    one.startsWith('not') ||
    other.startsWith('not')
  )
    return [];
  const spot = context.atProxy(site);
  const facts = spot === undefined ? undefined : context.matched(spot);
  if (spot === undefined || facts === undefined) return [];
  const index = one === 'methods' ? 0 : 1;
  const method = rule.to[index]?.methods[0] ?? 'GET';
  const example = context.example(spot.chain, {
    ...facts,
    method: method.replaceAll('*', 'X'),
    protocol: 'h2',
    path: '/anything-else',
    authority: 'any.example',
  });
  if (example === undefined || !context.isMatched(spot, example.facts)) return [];
  const message = `this dash starts a second operation, and either suffices: \`${example.request}\` is matched whatever \`${one === 'methods' ? other : one}\` says`;
  const help = 'put both fields under one `operation` if both must hold';
  return [context.finding('split-operation', { object: policy, path: [...path, 'to', 1], message, help, example })];
}

/** Every wanted value of a field is among those that the same source, operation or condition refuses. */
function neverMatches(context: LintContext, site: RuleSite): readonly Finding[] {
  const { rule, path } = site;
  const parts = [
    ...rule.from.map((source, index) => ({
      lists: source as unknown as Lists,
      at: [...path, 'from', index, 'source'],
      alone: rule.from.length === 1,
    })),
    ...rule.to.map((operation, index) => ({
      lists: operation as unknown as Lists,
      at: [...path, 'to', index, 'operation'],
      alone: rule.to.length === 1,
    })),
    ...rule.when.map(({ key, values, notValues }, index) => ({
      lists: { [key]: values, [`not${key}`]: notValues } as Lists,
      at: [...path, 'when', index],
      alone: true,
    })),
  ];
  return parts.flatMap(({ lists, at, alone }) =>
    Object.entries(lists).flatMap(([name, wanted]) => {
      const refused = lists[negative(name)] ?? lists[`not${name}`] ?? [];
      if (wanted.length === 0 || refused.length === 0 || plainName(name) !== name) return [];
      if (!wanted.every((value) => refused.some((one) => covers(fieldOf(name), one, value, scopeOf(context))))) return [];
      const what = alone ? 'this rule never matches' : 'this part of the rule never matches';
      const where = at.includes('when') ? [...at, 'notValues'] : [...at, negative(name)];
      const message = `everything that \`${name}\` wants is refused beside it, so ${what}: not even \`${wanted[0] ?? ''}\` does`;
      return [
        context.finding('rule-never-matches', {
          object: site.policy,
          path: where,
          message,
          help: 'take the values out of one of the two lists',
        }),
      ];
    }),
  );
}

type Lists = Readonly<Record<string, readonly string[]>>;

/** The field that a condition's key stands for. */
function fieldOf(name: string): string {
  return name === 'source.principal'
    ? 'principals'
    : name === 'source.namespace'
      ? 'namespaces'
      : name === 'request.auth.principal'
        ? 'requestPrincipals'
        : /\.(?:ip|port|serviceAccount|trustDomain)$/.test(name)
          ? 'ports'
          : name;
}

function scopeOf({ model, profile }: LintContext): CoverageScope {
  const { trustDomain, trustDomainAliases, normalization } = model.config;
  return {
    hasAliases: trustDomainAliases.length > 0 || trustDomain !== 'cluster.local',
    hasOddPaths: normalization === 'NONE' && !profile.regexOnInvalidUtf8,
  };
}

function negative(name: string): string {
  return `not${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** A rule that another one makes idle: an ALLOW rule under a DENY rule, or a rule that matches nothing that another does not. */
function shadowed(context: LintContext): readonly Finding[] {
  const isSound = new Map(
    context.model.policies.map((policy) => [policy, validateObject(policy).every(({ severity }) => severity === 'warning')]),
  );
  const scope = scopeOf(context);
  const sites = context.rules.filter(
    ({ policy }) => (policy.action === 'ALLOW' || policy.action === 'DENY') && !policy.dryRun && isSound.get(policy) === true,
  );
  const coversRule = (outer: RuleSite, inner: RuleSite): boolean => ruleCovers(outer, inner, scope);
  return sites.flatMap((site, position) => {
    const over = sites.find(
      (other, at) =>
        other !== site &&
        isOver(context, other, site) &&
        coversRule(other, site) &&
        (other.policy.action !== site.policy.action ||
          at < position ||
          !isOver(context, site, other) ||
          !coversRule(site, other)),
    );
    if (over === undefined) return [];
    const { policy } = over;
    const where =
      policy === site.policy
        ? `\`rules[${over.index}]\` of this policy`
        : `\`rules[${over.index}]\` of ${policy.action} policy \`${policy.namespace}/${policy.name}\``;
    const isDenied = policy.action === 'DENY' && site.policy.action === 'ALLOW';
    const message = isDenied
      ? `${where} denies everything that this rule allows, so it lets nothing through`
      : `${where} matches everything that this rule matches: without this one every request is decided the same`;
    const help = isDenied ? 'narrow the DENY rule, or drop this one' : 'drop it, or narrow the other one';
    return [context.finding('rule-shadowed', { object: site.policy, path: site.path, message, help })];
  });
}

/** A policy that attaches wherever the other does, and whose verdict stands over it. */
function isOver({ model }: LintContext, over: RuleSite, under: RuleSite): boolean {
  if (over.policy.action === 'ALLOW' && under.policy.action === 'DENY') return false;
  return over.policy === under.policy || attachesWider(over.policy, under.policy, model.config.rootNamespace);
}

function attachesWider(wide: AuthorizationPolicy, narrow: AuthorizationPolicy, root: string): boolean {
  if (wide.targetRefs.length > 0 || narrow.targetRefs.length > 0) {
    return (
      wide.namespace === narrow.namespace &&
      JSON.stringify(wide.targetRefs) === JSON.stringify(narrow.targetRefs) &&
      wide.targetRefs.length > 0
    );
  }
  if (wide.namespace !== narrow.namespace && wide.namespace !== root) return false;
  return Object.entries(wide.selector ?? {}).every(([name, value]) => narrow.selector?.[name] === value);
}

/** Sound, not complete: true only when each way to meet `inner` meets `outer`. */
function ruleCovers(
  { rule: outer, policy: outerPolicy }: RuleSite,
  { rule: inner, policy: innerPolicy }: RuleSite,
  scope: CoverageScope,
): boolean {
  // On TCP ports an ALLOW rule with an HTTP field is gone.
  if (outerPolicy.action === 'ALLOW' && hasHttp(outer) && !hasHttp(inner)) return false;
  // `account` alone is one of the policy's own namespace.
  if (outerPolicy.namespace !== innerPolicy.namespace && [outer, inner].some(hasAccount)) return false;
  const list = (field: string, wide: readonly string[], narrow: readonly string[]): boolean =>
    wide.length === 0 || (narrow.length > 0 && narrow.every((value) => wide.some((over) => covers(field, over, value, scope))));
  /** Whatever the outer list refuses the inner one refuses, too. */
  const refused = (field: string, wide: readonly string[], narrow: readonly string[]): boolean =>
    wide.every((value) => narrow.some((under) => covers(field, under, value, scope)));
  const part = (over: Lists, under: Lists): boolean =>
    Object.entries(over).every(([name, values]) => {
      const plain = plainName(name);
      return plain === name ? list(name, values, under[name] ?? []) : refused(plain, values, under[name] ?? []);
    });
  return (
    branches(inner.from).every((under) => branches(outer.from).some((over) => part(over, under))) &&
    branches(inner.to).every((under) => branches(outer.to).some((over) => part(over, under))) &&
    outer.when.every((over) =>
      inner.when.some(
        ({ key, values, notValues }) =>
          key === over.key && list(fieldOf(key), over.values, values) && refused(fieldOf(key), over.notValues, notValues),
      ),
    )
  );
}

const ANYTHING: readonly Lists[] = [{}];

function branches(parts: readonly object[]): readonly Lists[] {
  return parts.length === 0 ? ANYTHING : (parts as readonly Lists[]);
}

function hasHttp(rule: Rule): boolean {
  return (
    rule.from.some(({ requestPrincipals, notRequestPrincipals }) => requestPrincipals.length + notRequestPrincipals.length > 0) ||
    rule.to.some(({ ports, notPorts, ...http }) => Object.values(http).some((values) => values.length > 0)) ||
    rule.when.some(({ key }) => key.startsWith('request.'))
  );
}

function hasAccount(rule: Rule): boolean {
  return (
    rule.from.some(({ serviceAccounts, notServiceAccounts }) => serviceAccounts.length + notServiceAccounts.length > 0) ||
    rule.when.some(({ key }) => key === 'source.serviceAccount')
  );
}
