import type { CompiledRule } from '../chain.ts';
import type { Attributes } from './attributes.ts';
import { matches } from './match.ts';

/** The first rule that matches, in the order of the ids; undefined when it cannot be told which. */
export function firstMatch(rules: readonly CompiledRule[], attributes: Attributes): CompiledRule | 'none' | undefined {
  for (const rule of rules) {
    const permissions = matches(rule.permissions, attributes);
    if (permissions === false) continue;
    const principals = matches(rule.principals, attributes);
    if (principals === false) continue;
    return permissions === undefined || principals === undefined ? undefined : rule;
  }
  return 'none';
}
