import type { IpAddress, IpRange } from './ip.ts';

/** Nanoseconds since the epoch. */
export class Timestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** Signed nanoseconds. */
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** CEL's third truth value: says why, and resolves against access in the end. */
export class Fault {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Timestamp
  | Duration
  | IpAddress
  | IpRange
  | readonly Value[]
  | ReadonlyMap<Value, Value>;

/** Static types: those of attributes (`AttributeType`) and the two kinds of addresses. */
export type Type =
  | { readonly kind: 'null' | 'bool' | 'int' | 'double' | 'string' | 'timestamp' | 'duration' | 'dyn' | 'ip' | 'cidr' }
  | { readonly kind: 'list'; readonly of: Type }
  | { readonly kind: 'map'; readonly of: Type };

export const DYN: Type = { kind: 'dyn' };
export const BOOL: Type = { kind: 'bool' };
export const INT: Type = { kind: 'int' };
export const DOUBLE: Type = { kind: 'double' };
export const STRING: Type = { kind: 'string' };
export const TIMESTAMP: Type = { kind: 'timestamp' };
export const DURATION: Type = { kind: 'duration' };
export const STRINGS: Type = { kind: 'list', of: { kind: 'string' } };

export function typeText(type: Type): string {
  return type.kind === 'list' || type.kind === 'map' ? `${type.kind}<${typeText(type.of)}>` : type.kind;
}

/** `a string`, `an int`, `a list<string>`. */
export function typeWords(type: Type): string {
  return `${type.kind === 'int' || type.kind === 'ip' ? 'an' : 'a'} ${typeText(type)}`;
}

/** The type of an element, for lists and maps. */
export function elementType(type: Type): Type {
  return type.kind === 'list' || type.kind === 'map' ? type.of : DYN;
}

export function isSameType(a: Type, b: Type): boolean {
  return typeText(a) === typeText(b);
}

/** Could values of the two be equal? Numbers compare across kinds, `dyn` with everything. */
export function isComparable(a: Type, b: Type): boolean {
  if (a.kind === 'dyn' || b.kind === 'dyn') return true;
  if (isNumeric(a) && isNumeric(b)) return true;
  if (a.kind !== b.kind) return false;
  return a.kind === 'list' || a.kind === 'map' ? isComparable(a.of, elementType(b)) : true;
}

export function isNumeric(type: Type): boolean {
  return type.kind === 'int' || type.kind === 'double';
}

export const MAX_INT = 2n ** 63n - 1n;
export const MIN_INT = -(2n ** 63n);
