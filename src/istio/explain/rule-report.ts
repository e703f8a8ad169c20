import type { CompiledRule } from '../chain.ts';
import { type TraceView, traceRules } from '../evaluate/trace.ts';
import type { AuthorizationPolicy, FieldPath } from '../objects.ts';
import type { TermTrace } from '../verdict.ts';
import type { RuleReport, TermReport } from './explanation.ts';

/** Rules of one step on one request, each with the places of the terms that held and that did not; none where the step is not reached. */
export function ruleReports(
  rules: readonly CompiledRule[],
  view: TraceView | undefined,
  logged: string | undefined,
): readonly RuleReport[] {
  if (view === undefined) return [];
  return traceRules(rules, view).map(({ rule, matched, held, lacking }) => {
    const { policy, index, id } = rule;
    const terms = (list: readonly TermTrace[]) => list.map((term) => termReport(policy, term));
    return {
      policy: `${policy.namespace}/${policy.name}`,
      place: policy.placeOf(index < 0 ? [] : ['spec', 'rules', index]),
      dryRun: policy.dryRun,
      action: policy.action,
      rule: index,
      id,
      logged: id === logged,
      held: terms(held),
      lacking: matched ? [] : lacking.length === 0 ? [neverMatches(policy, index)] : terms(lacking),
    };
  });
}

/**
 * The less is lacking, the nearer; among equals, the more held. A rule about another path, host or port is far, because it was not
 * written for such a request; a policy without rules is never near.
 */
export function byNearness(left: RuleReport, right: RuleReport): number {
  if (left.rule < 0 !== right.rule < 0) return left.rule < 0 ? 1 : -1;
  return distance(left) - distance(right) || right.held.length - left.held.length;
}

function distance({ lacking }: RuleReport): number {
  return lacking.reduce(
    (sum, { field }) => sum + (/\.operation\.(?:not)?(?:paths|hosts|ports)/i.test(field) ? 3 : /methods/i.test(field) ? 1.5 : 1),
    0,
  );
}

/** A policy without rules, or a rule of which the translation left nothing that could be compared. */
function neverMatches(policy: AuthorizationPolicy, index: number): TermReport {
  const place = policy.placeOf(index < 0 ? ['spec'] : ['spec', 'rules', index]);
  return { field: 'rules', place, wanted: [], observed: undefined, negated: false };
}

function termReport(policy: AuthorizationPolicy, { path, wanted, observed, negated }: TermTrace): TermReport {
  return {
    field: fieldText(policy, path),
    place: policy.placeOf(path),
    wanted,
    observed: shownValue(policy, path, observed),
    negated,
  };
}

/** `from[0].source.principals[1]`, counted from the rule: which rule it is stands beside it. Of a condition, its key. */
function fieldText(policy: AuthorizationPolicy, path: FieldPath): string {
  const key = conditionKey(policy, path);
  return key === undefined ? pathText(path.slice(3)) : `when[${path[4]}] ${key}`;
}

function conditionKey({ rules }: AuthorizationPolicy, path: FieldPath): string | undefined {
  const [, , rule, part, index] = path;
  return part === 'when' && typeof rule === 'number' && typeof index === 'number' ? rules[rule]?.when[index]?.key : undefined;
}

/** `spec.rules[0].to`. */
export function pathText(path: FieldPath): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

/** Values of headers that carry credentials are not repeated. */
const SECRET = /^request\.headers\[(?:authorization|proxy-authorization|cookie)\]$/i;

function shownValue(policy: AuthorizationPolicy, path: FieldPath, observed: string | undefined): string | undefined {
  const isSecret = observed !== undefined && SECRET.test(conditionKey(policy, path) ?? '');
  return isSecret ? `(a value of ${observed.length} characters)` : observed;
}
