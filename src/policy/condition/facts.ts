import type { Variant } from './variables.ts';

/** What is known where an expression stands: attributes that `has()` has proved, and the variants that guards have left. */
export interface Facts {
  readonly present: ReadonlySet<string>;
  readonly variants: readonly Variant[];
}

export function withPresent(facts: Facts, names: readonly string[]): Facts {
  return { ...facts, present: new Set([...facts.present, ...names]) };
}

export function withVariants(facts: Facts, keep: (variant: Variant) => boolean): Facts {
  return { ...facts, variants: facts.variants.filter(keep) };
}

/** What holds when one of the two holds. */
export function unionOf(a: Facts, b: Facts): Facts {
  if (a === b) return a;
  const variants = new Set([...a.variants, ...b.variants]);
  return { present: new Set([...a.present].filter((name) => b.present.has(name))), variants: [...variants] };
}
