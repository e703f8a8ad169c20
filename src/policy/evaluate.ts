import type { AccessRequest, Action } from '../core/access.ts';
import { resourceText } from '../core/access.ts';
import type { Mode, Obligation, RequestDecision, RuleRef, Tier, Verdict } from '../core/decision.ts';
import { hasAction } from './action-pattern.ts';
import { clausesOf } from './clause.ts';
import { conditionScope } from './condition/condition.ts';
import { joinObligations } from './join.ts';
import type { ConditionScope, EvaluationInput, PolicyCode, PolicySet, Rule, Verb } from './port.ts';
import { matchesResource } from './resource-pattern.ts';
import { appliesTo, matchWho } from './who.ts';

export interface Evaluation {
  readonly decision: RequestDecision;
  /** Joined; empty unless the request is allowed or held. */
  readonly obligations: readonly Obligation[];
  /** `resource.tags` -> value in JSON terms: what conditions read on the way. */
  readonly attributesRead: Record<string, unknown>;
}

/**
 * The reference evaluator: one request against every rule, in the order of POLICY.md section 2, without an index and without a
 * short cut. Pure; never throws for values that its types allow.
 */
export function evaluate(policy: PolicySet, input: EvaluationInput): Evaluation {
  const scope = conditionScope(input);
  const applying = policy.rules.filter((rule) => applies(rule, input, scope));
  const those = (verb: Verb, mode: Mode): readonly Rule[] => applying.filter((rule) => rule.verb === verb && rule.mode === mode);

  const refusing = those('cannot', 'enforce');
  const granting = those('can', 'enforce');
  const implying = granting.length === 0 ? impliedGrant(policy, input, scope) : undefined;
  const grants = implying?.rules ?? granting;
  const requiring = those('must', 'enforce');
  const wouldRefuse = those('cannot', 'observe');
  const wouldRequire = those('must', 'observe');

  const settle = (verdict: Verdict, tier: Tier, code: PolicyCode, rules: readonly Rule[]): RequestDecision => ({
    action: input.request.action,
    resource: resourceText(input.request.resource.path),
    verdict,
    tier,
    code,
    rules: refsOf(rules),
    mesh: [],
    clauses: rules.flatMap((rule) => clausesOf(rule, implying?.rules.includes(rule) === true ? implying.input : input)),
    wouldDeny: refsOf(grants.length === 0 ? wouldRefuse : [...wouldRefuse, ...wouldRequire]),
    ...(input.request.moment === undefined ? {} : { moment: input.request.moment }),
    ...(implying === undefined ? {} : { impliedBy: implying.by }),
  });
  const without = (decision: RequestDecision): Evaluation => ({
    decision,
    obligations: [],
    attributesRead: scope.attributesRead,
  });

  if (refusing.length > 0) return without(settle('deny', 'cannot', 'RULE_DENIED', refusing));
  if (grants.length === 0) return without(settle('deny', 'can', 'NO_RULE', []));
  const { obligations, conflict } = joinObligations(requiring.flatMap((rule) => rule.require));
  if (conflict !== undefined) return without(settle('deny', 'must', 'OBLIGATION_CONFLICT', requiring));
  if (obligations.some(needsBody) && isOpaque(policy, input.request))
    return without(settle('deny', 'must', 'BODY_OPAQUE', requiring));
  const holding = requiring.filter((rule) => rule.require.some((obligation) => obligation.kind === 'approval'));
  const decision =
    holding.length > 0
      ? settle('hold', 'must', 'APPROVAL_REQUIRED', [...new Set([...holding, ...requiring, ...grants])])
      : settle('allow', 'can', 'ALLOWED', [...grants, ...requiring]);
  return { decision, obligations, attributesRead: scope.attributesRead };
}

/** Does the rule match? Whatever is not known resolves against access: it never makes a `can` match, and always the others. */
export function applies(rule: Rule, { caller, request }: EvaluationInput, scope: ConditionScope): boolean {
  if (!hasAction(rule.actions, request.action)) return false;
  if (!rule.on.some((pattern) => matchesResource(pattern, request.resource.path))) return false;
  const width = rule.verb === 'can' ? 'narrow' : 'wide';
  if (!rule.who.some((who) => appliesTo(matchWho(who.form, caller, width), width))) return false;
  const when = rule.when?.evaluate(scope) ?? 'true';
  if (when === 'false' || (when === 'error' && width === 'narrow')) return false;
  const unless = rule.unless?.evaluate(scope) ?? 'false';
  return unless === 'false' || (unless === 'error' && width === 'wide');
}

interface ImpliedGrant {
  readonly by: Action;
  readonly rules: readonly Rule[];
  readonly input: EvaluationInput;
}

/**
 * A right that another brings along: the other must be held, here or on a parent, so it must be granted and not refused there.
 * A `cannot` on the implied action itself was looked at before.
 */
function impliedGrant(policy: PolicySet, input: EvaluationInput, into: ConditionScope): ImpliedGrant | undefined {
  const { request } = input;
  for (const by of policy.implied.get(request.action) ?? []) {
    for (let length = request.resource.path.length; length > 0; length--) {
      const resource = { ...request.resource, path: request.resource.path.slice(0, length) };
      const other: EvaluationInput = { ...input, request: { ...request, action: by, resource } };
      const scope = conditionScope(other);
      const enforced = policy.rules.filter(
        (rule) => rule.mode === 'enforce' && rule.verb !== 'must' && applies(rule, other, scope),
      );
      Object.assign(into.attributesRead, scope.attributesRead);
      const isRefused = enforced.some((rule) => rule.verb === 'cannot');
      if (enforced.length > 0 && !isRefused) return { by, rules: enforced, input: other };
    }
  }
  return undefined;
}

/** These read or change the body; on a method whose body is not read they cannot be kept. */
function needsBody(obligation: Obligation): boolean {
  return obligation.kind === 'cap' || obligation.kind === 'mask' || obligation.kind === 'screen';
}

function isOpaque(policy: PolicySet, request: AccessRequest): boolean {
  const methods = policy.bodies.get(request.resource.path[0] ?? '');
  const { method } = request.attributes;
  return ((typeof method === 'string' ? methods?.get(method) : undefined) ?? 'opaque') === 'opaque';
}

/** A `can` with `require` is two rules of one name: named once. */
function refsOf(rules: readonly Rule[]): readonly RuleRef[] {
  return [...new Map(rules.map(({ ref }) => [ref.name, ref])).values()];
}
