import type { CompiledRule, VanishedRule } from '../chain.ts';
import type { AuthorizationPolicy } from '../objects.ts';
import { compileRule, neverRule, type RuleScope } from './rule.ts';

/** The rules of some policies, sorted by id as Envoy keeps them, and those that the translation lost. */
export function compilePolicies(
  policies: readonly AuthorizationPolicy[],
  scope: RuleScope,
  name: (id: string) => string,
): { readonly rules: readonly CompiledRule[]; readonly vanished: readonly VanishedRule[] } {
  const rules: CompiledRule[] = [];
  const vanished: VanishedRule[] = [];
  for (const policy of policies) {
    const idOf = (index: number) => name(`ns[${policy.namespace}]-policy[${policy.name}]-rule[${index}]`);
    if (policy.rules.length === 0) rules.push(neverRule(policy, idOf(0)));
    for (const index of policy.rules.keys()) {
      const rule = compileRule(policy, index, idOf(index), scope);
      if ('permissions' in rule) rules.push(rule);
      else vanished.push(rule);
    }
  }
  return { rules: rules.sort((left, right) => (left.id < right.id ? -1 : left.id > right.id ? 1 : 0)), vanished };
}
