import type { AttributeValue } from '../../core/attribute.ts';
import type { ConditionScope, EvaluationInput } from '../port.ts';
import { durationOfAttribute } from './functions.ts';
import { timestampOfDate } from './time.ts';
import { Fault, type Type, typeText, type Value } from './value.ts';

/** How many list elements and pieces of text one decision may touch in conditions; more is an error. */
const BUDGET = 200_000;

/** The values that conditions of one evaluation read. */
export class Scope implements ConditionScope {
  readonly input: EvaluationInput;
  readonly attributesRead: Record<string, unknown> = Object.create(null);
  /** Values of comprehension variables, by nesting. */
  readonly locals: Value[] = [];
  readonly #cache = new Map<string, Value | Fault>();
  #budget = BUDGET;

  constructor(input: EvaluationInput) {
    this.input = input;
  }

  /** False when the budget is used up. */
  spend(amount: number): boolean {
    this.#budget -= amount;
    return this.#budget >= 0;
  }

  /** An attribute as its declared type; `name` is `resource.tags`. Undefined values are missing. */
  attribute(name: string, type: Type, value: AttributeValue | undefined): Value | Fault {
    if (value === undefined) return new Fault(`\`${name}\` is missing`);
    const key = type.kind === 'dyn' ? name : `${name} ${typeText(type)}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    this.attributesRead[name] = toJson(value);
    const converted = fromAttribute(value, type) ?? new Fault(`\`${name}\` is not a ${typeText(type)}`);
    this.#cache.set(key, converted);
    return converted;
  }
}

/** An adapter's value as a CEL value of the declared type; undefined when it is not one. */
function fromAttribute(value: AttributeValue, type: Type): Value | undefined {
  switch (type.kind) {
    case 'dyn':
      return fromUntyped(value);
    case 'null':
      return value === null ? null : undefined;
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'int':
      if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? value : undefined;
      return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
    case 'double':
      return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : undefined;
    case 'timestamp':
      return value instanceof Date ? timestampOfDate(value) : undefined;
    case 'duration':
      return durationOfAttribute(value);
    case 'list': {
      if (!Array.isArray(value)) return undefined;
      const items = (value as readonly AttributeValue[]).map((item) => fromAttribute(item, type.of));
      return items.includes(undefined) ? undefined : (items as Value[]);
    }
    case 'map': {
      if (!isObject(value)) return undefined;
      const entries = Object.entries(value).map(([key, item]) => [key, fromAttribute(item, type.of)] as const);
      return entries.some(([, item]) => item === undefined) ? undefined : new Map(entries as [string, Value][]);
    }
    case 'ip':
    case 'cidr':
      return undefined;
    default:
      return type satisfies never;
  }
}

function fromUntyped(value: AttributeValue): Value | undefined {
  if (value === null || ['boolean', 'bigint', 'number', 'string'].includes(typeof value)) return value as Value;
  if (value instanceof Date) return timestampOfDate(value);
  const untyped: Type = { kind: 'dyn' };
  return fromAttribute(value, Array.isArray(value) ? { kind: 'list', of: untyped } : { kind: 'map', of: untyped });
}

function isObject(value: AttributeValue): value is { readonly [name: string]: AttributeValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Attributes in JSON terms, for the record: big numbers and times as text. */
export function toJson(value: AttributeValue): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return (value as readonly AttributeValue[]).map(toJson);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
  return value;
}
