import type { CompiledRule } from '../chain.ts';
import type { Attributes } from './attributes.ts';
import { matches } from './match.ts';
import type { Truth } from './token-text.ts';

/** Whether one rule matches; undefined when it hangs on what the facts do not hold. */
export function ruleHolds({ permissions, principals }: CompiledRule, attributes: Attributes): Truth {
  const operation = matches(permissions, attributes);
  if (operation === false) return false;
  const source = matches(principals, attributes);
  return source === false ? false : operation === undefined ? undefined : source;
}
