import type { CompiledRule, DroppedTerm, VanishedRule } from '../chain.ts';
import type { Matcher } from '../matcher.ts';
import type { AuthorizationPolicy, FieldPath, OperationMatch, Rule, SourceMatch } from '../objects.ts';
import { conditionTerm } from './condition-key.ts';
import * as terms from './terms.ts';

export type RuleScope = Omit<terms.TermScope, 'namespace'>;

/**
 * One rule as the proxy gets it. A term that cannot be translated takes an ALLOW rule with it; from a rule of any other action
 * only the value is lost, which makes the rule wider (istio pilot/pkg/security/authz/model/model.go).
 */
export function compileRule(
  policy: AuthorizationPolicy,
  index: number,
  id: string,
  scope: RuleScope,
): CompiledRule | VanishedRule {
  const rule = policy.rules[index] as Rule;
  const reader = new RuleReader(rule, index, { ...scope, namespace: policy.namespace });
  const permissions = reader.permissions();
  const principals = reader.principals();
  const { dropped } = reader;
  const unknown = dropped.some(({ reason }) => reason === 'unknown-key');
  if (unknown || (policy.action === 'ALLOW' && dropped.length > 0)) return { id, policy, index, dropped };
  return { id, policy, index, permissions, principals, dropped };
}

/** The rule that Istio makes of a policy without rules: it never matches. */
export function neverRule(policy: AuthorizationPolicy, id: string): CompiledRule {
  return { id, policy, index: -1, permissions: { type: 'never' }, principals: { type: 'never' }, dropped: [] };
}

/** Positive and negative field with the term of their values, in the order of Istio's filters. */
const OPERATION: readonly (readonly [keyof OperationMatch, keyof OperationMatch, terms.Term])[] = [
  ['hosts', 'notHosts', terms.hosts],
  ['methods', 'notMethods', terms.methods],
  ['paths', 'notPaths', terms.paths],
  ['ports', 'notPorts', terms.ports],
];

const SOURCE: readonly (readonly [keyof SourceMatch, keyof SourceMatch, terms.Term])[] = [
  ['principals', 'notPrincipals', terms.principals],
  ['requestPrincipals', 'notRequestPrincipals', terms.requestPrincipals],
  ['serviceAccounts', 'notServiceAccounts', terms.serviceAccounts],
  ['trustDomains', 'notTrustDomains', terms.trustDomains],
  ['namespaces', 'notNamespaces', terms.namespaces],
  ['remoteIpBlocks', 'notRemoteIpBlocks', terms.remoteIps],
  ['ipBlocks', 'notIpBlocks', terms.directIps],
];

class RuleReader {
  readonly dropped: DroppedTerm[] = [];
  readonly #rule: Rule;
  readonly #base: FieldPath;
  readonly #scope: terms.TermScope;
  readonly #when: { readonly permissions: Matcher[]; readonly principals: Matcher[] } = { permissions: [], principals: [] };

  constructor(rule: Rule, index: number, scope: terms.TermScope) {
    this.#rule = rule;
    this.#base = ['spec', 'rules', index];
    this.#scope = scope;
    for (const [position, { key, values, notValues }] of rule.when.entries()) {
      const path = [...this.#base, 'when', position];
      const condition = conditionTerm(key);
      if (condition === undefined) {
        this.dropped.push({ path: [...path, 'key'], reason: 'unknown-key' });
        continue;
      }
      this.#when[condition.side].push(
        ...this.#term([...path, 'values'], values, condition.term, false),
        ...this.#term([...path, 'notValues'], notValues, condition.term, true),
      );
    }
  }

  permissions(): Matcher {
    return this.#branches(
      this.#rule.to.map((operation, position) =>
        OPERATION.flatMap(([positive, negative, term]) => [
          ...this.#term([...this.#base, 'to', position, 'operation', positive], operation[positive], term, false),
          ...this.#term([...this.#base, 'to', position, 'operation', negative], operation[negative], term, true),
        ]),
      ),
      this.#when.permissions,
    );
  }

  principals(): Matcher {
    return this.#branches(
      this.#rule.from.map((source, position) =>
        SOURCE.flatMap(([positive, negative, term]) => [
          ...this.#term([...this.#base, 'from', position, 'source', positive], source[positive], term, false),
          ...this.#term([...this.#base, 'from', position, 'source', negative], source[negative], term, true),
        ]),
      ),
      this.#when.principals,
    );
  }

  /** Any of the branches, each with the conditions; none at all leaves the conditions. */
  #branches(branches: readonly (readonly Matcher[])[], when: readonly Matcher[]): Matcher {
    const ands = branches.length === 0 ? [when] : branches.map((branch) => [...branch, ...when]);
    return either(ands.map((of) => (of.length === 0 ? ANY : every(of))));
  }

  #term(path: FieldPath, values: readonly string[], term: terms.Term, negated: boolean): readonly Matcher[] {
    const of: Matcher[] = [];
    for (const [position, value] of values.entries()) {
      const origin = { path: [...path, position], value };
      const matchers = term(value, origin, this.#scope);
      if (typeof matchers === 'string') this.dropped.push({ path: origin.path, reason: matchers });
      else of.push(...matchers);
    }
    if (of.length === 0) return [];
    return [negated ? { type: 'not', of: either(of) } : either(of)];
  }
}

const ANY: Matcher = { type: 'any' };

function either(of: readonly Matcher[]): Matcher {
  return of.length === 1 && of[0] !== undefined ? of[0] : { type: 'or', of };
}

function every(of: readonly Matcher[]): Matcher {
  return of.length === 1 && of[0] !== undefined ? of[0] : { type: 'and', of };
}
