import type { Obligation } from '../core/decision.ts';
import type { CapBound, CapSpec, FreshSpec, LogSpec, MaskSpec, ScreenSpec } from './port.ts';

export interface Joined {
  readonly obligations: readonly Obligation[];
  /** Name of a request field for which no value satisfies all rules: forced to two values, or to bounds that exclude each other. */
  readonly conflict?: string;
}

/**
 * The join in strictness (POLICY.md, Require): every approval and every limit, one per rule; the union of masks and screens; the
 * strictest cap; the strongest log; the shortest `fresh`. Only which rule a joined one names depends on the order.
 */
export function joinObligations(obligations: readonly Obligation[]): Joined {
  const joined: Obligation[] = [];
  const caps: Obligation[] = [];
  for (const obligation of obligations) {
    const same = (other: Obligation): boolean => other.kind === obligation.kind;
    switch (obligation.kind) {
      case 'approval':
      case 'limit':
        if (!joined.some((other) => same(other) && other.rule.name === obligation.rule.name)) joined.push(obligation);
        break;
      case 'mask': {
        const { fields, direction } = specOf<MaskSpec>(obligation);
        merge(
          joined,
          obligation,
          (other) => same(other) && specOf<MaskSpec>(other).direction === direction,
          (other) => ({
            fields: union(specOf<MaskSpec>(other).fields, fields),
            direction,
          }),
        );
        break;
      }
      case 'screen': {
        const { detectors, action } = specOf<ScreenSpec>(obligation);
        merge(
          joined,
          obligation,
          (other) => same(other) && specOf<ScreenSpec>(other).action === action,
          (other) => ({
            detectors: union(specOf<ScreenSpec>(other).detectors, detectors),
            action,
          }),
        );
        break;
      }
      case 'log':
        merge(joined, obligation, same, (other) => strongestLog(specOf<LogSpec>(other), specOf<LogSpec>(obligation)));
        break;
      case 'fresh': {
        const { withinMs } = specOf<FreshSpec>(obligation);
        merge(joined, obligation, same, (other) => ({ withinMs: Math.min(specOf<FreshSpec>(other).withinMs, withinMs) }));
        break;
      }
      case 'cap':
        caps.push(obligation);
        break;
      default:
        return obligation satisfies never;
    }
  }
  const first = caps[0];
  if (first === undefined) return { obligations: joined };
  const { fields, conflict } = joinCaps(caps.map((cap) => specOf<CapSpec>(cap)));
  joined.push({ ...first, spec: { fields } });
  return { obligations: joined, ...(conflict === undefined ? {} : { conflict }) };
}

/** INVARIANT: `obligation-document.ts` built the spec for this kind. */
function specOf<Spec>(obligation: Obligation): Spec {
  return obligation.spec as Spec;
}

function merge(
  list: Obligation[],
  obligation: Obligation,
  same: (other: Obligation) => boolean,
  spec: (other: Obligation) => object,
): void {
  const index = list.findIndex(same);
  const other = list[index];
  if (other === undefined) list.push(obligation);
  else list[index] = { ...other, spec: { ...spec(other) } };
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])].sort();
}

const BODIES = ['none', 'hashed', 'sealed'] as const;

function strongestLog(a: LogSpec, b: LogSpec): LogSpec {
  const bodies = BODIES[Math.max(BODIES.indexOf(a.bodies), BODIES.indexOf(b.bodies))] ?? 'sealed';
  return { bodies, durability: a.durability === 'durable' || b.durability === 'durable' ? 'durable' : 'async' };
}

function joinCaps(specs: readonly CapSpec[]): {
  readonly fields: Readonly<Record<string, CapBound>>;
  readonly conflict?: string;
} {
  const fields: Record<string, CapBound> = Object.create(null);
  let conflict: string | undefined;
  for (const spec of specs) {
    for (const [name, bound] of Object.entries(spec.fields)) {
      const other = fields[name] ?? {};
      const max = smallest(other.max, bound.max);
      const min = largest(other.min, bound.min);
      const force = bound.force ?? other.force;
      const twice = other.force !== undefined && bound.force !== undefined && other.force !== bound.force;
      const outside = typeof force === 'number' && ((max !== undefined && force > max) || (min !== undefined && force < min));
      if (twice || outside || (max !== undefined && min !== undefined && min > max)) conflict ??= name;
      fields[name] = {
        ...(max === undefined ? {} : { max }),
        ...(min === undefined ? {} : { min }),
        ...(force === undefined ? {} : { force }),
      };
    }
  }
  const sorted = Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { fields: sorted, ...(conflict === undefined ? {} : { conflict }) };
}

function smallest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function largest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
