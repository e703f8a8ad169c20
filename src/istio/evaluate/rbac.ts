import type { CompiledRule } from '../chain.ts';
import type { Attributes } from './attributes.ts';
import { ruleHolds } from './rule-holds.ts';
import { RuleIndex } from './rule-index.ts';

/** The first rule that matches, in the order of the ids; undefined when it cannot be told which. */
export function firstMatch(rules: readonly CompiledRule[], attributes: Attributes): CompiledRule | 'none' | undefined {
  if (rules.length < WORTH_AN_INDEX) return linearFirstMatch(rules, attributes);
  let index = indexes.get(rules);
  if (index === undefined) {
    index = new RuleIndex(rules);
    indexes.set(rules, index);
  }
  return index.first(attributes);
}

/** The plain reading, which the index must equal. */
export function linearFirstMatch(rules: readonly CompiledRule[], attributes: Attributes): CompiledRule | 'none' | undefined {
  for (const rule of rules) {
    const truth = ruleHolds(rule, attributes);
    if (truth !== false) return truth === true ? rule : undefined;
  }
  return 'none';
}

/** Few rules are read faster than they are looked up. */
const WORTH_AN_INDEX = 12;

/** Built when a step is first asked, kept as long as its rules. */
const indexes = new WeakMap<readonly CompiledRule[], RuleIndex>();
