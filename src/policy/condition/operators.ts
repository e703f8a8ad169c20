import { IpAddress, IpRange } from './ip.ts';
import { durationOf, timestampOf } from './time.ts';
import { Duration, Fault, MAX_INT, MIN_INT, Timestamp, type Type, type Value } from './value.ts';

/** A value's kind in the words of the type system. */
export function kindOf(value: Value): Type['kind'] {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    default:
      if (value === null) return 'null';
      if (Array.isArray(value)) return 'list';
      if (value instanceof Map) return 'map';
      if (value instanceof Timestamp) return 'timestamp';
      if (value instanceof Duration) return 'duration';
      return value instanceof IpAddress ? 'ip' : 'cidr';
  }
}

/** CEL's equality: numbers compare by value across kinds, values of different kinds are unequal, NaN equals nothing. */
export function equals(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return isSameNumber(a, b);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => equals(item, b[index]));
  if (a instanceof Map)
    return b instanceof Map && a.size === b.size && [...a].every(([key, item]) => b.has(key) && equals(item, b.get(key)));
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof IpAddress) return b instanceof IpAddress && a.family === b.family && a.bits === b.bits;
  if (a instanceof IpRange) return b instanceof IpRange && a.prefix === b.prefix && equals(a.base, b.base);
  return false;
}

export type Comparison = '<' | '<=' | '>' | '>=';

export function compare(operator: Comparison, a: Value, b: Value): boolean | Fault {
  if (isNumber(a) && isNumber(b)) return holds(operator, a < b, a > b, isSameNumber(a, b));
  if (typeof a === 'string' && typeof b === 'string') {
    const order = compareText(a, b);
    return holds(operator, order < 0, order > 0, order === 0);
  }
  const bothTimes = a instanceof Timestamp && b instanceof Timestamp;
  const bothSpans = a instanceof Duration && b instanceof Duration;
  if (bothTimes || bothSpans) return holds(operator, a.nanos < b.nanos, a.nanos > b.nanos, a.nanos === b.nanos);
  return new Fault(`${kindOf(a)} and ${kindOf(b)} have no order`);
}

/** Three answers instead of one difference, because NaN is none of them. */
function holds(operator: Comparison, less: boolean, greater: boolean, equal: boolean): boolean {
  switch (operator) {
    case '<':
      return less;
    case '<=':
      return less || equal;
    case '>':
      return greater;
    case '>=':
      return greater || equal;
    default:
      return operator satisfies never;
  }
}

/** By code point, as CEL's other implementations do; UTF-16 units order characters beyond the BMP differently. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    if (a.charCodeAt(index) === b.charCodeAt(index)) continue;
    // Start at the beginning of the pair that differs.
    const at = index > 0 && isHighSurrogate(a.charCodeAt(index - 1)) ? index - 1 : index;
    return (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0);
  }
  return a.length - b.length;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

export type Arithmetic = '+' | '-' | '*' | '/' | '%';

export function arithmetic(operator: Arithmetic, a: Value, b: Value): Value | Fault {
  if (typeof a === 'bigint' && typeof b === 'bigint') return integerArithmetic(operator, a, b);
  if (typeof a === 'number' && typeof b === 'number' && operator !== '%') return doubleArithmetic(operator, a, b);
  if (operator === '+') {
    if (typeof a === 'string' && typeof b === 'string') return a + b;
    if (Array.isArray(a) && Array.isArray(b)) return [...(a as readonly Value[]), ...(b as readonly Value[])];
    if (a instanceof Timestamp && b instanceof Duration) return inRange(timestampOf(a.nanos + b.nanos));
    if (a instanceof Duration && b instanceof Timestamp) return inRange(timestampOf(a.nanos + b.nanos));
    if (a instanceof Duration && b instanceof Duration) return inRange(durationOf(a.nanos + b.nanos));
  }
  if (operator === '-') {
    if (a instanceof Timestamp && b instanceof Timestamp) return inRange(durationOf(a.nanos - b.nanos));
    if (a instanceof Timestamp && b instanceof Duration) return inRange(timestampOf(a.nanos - b.nanos));
    if (a instanceof Duration && b instanceof Duration) return inRange(durationOf(a.nanos - b.nanos));
  }
  return new Fault(`\`${operator}\` is not defined for ${kindOf(a)} and ${kindOf(b)}`);
}

/** The result's type, or undefined when no values of these types go together. */
export function arithmeticType(operator: Arithmetic, a: Type, b: Type): Type | undefined {
  if (a.kind === 'dyn' || b.kind === 'dyn') return { kind: 'dyn' };
  if (a.kind === 'int' && b.kind === 'int') return a;
  if (a.kind === 'double' && b.kind === 'double' && operator !== '%') return a;
  const kinds = `${a.kind} ${operator} ${b.kind}`;
  switch (kinds) {
    case 'string + string':
    case 'timestamp + duration':
    case 'duration + duration':
    case 'timestamp - duration':
    case 'duration - duration':
      return a;
    case 'duration + timestamp':
    case 'timestamp - timestamp':
      return { kind: kinds.startsWith('duration') ? 'timestamp' : 'duration' };
    case 'list + list':
      return JSON.stringify(a) === JSON.stringify(b) ? a : { kind: 'list', of: { kind: 'dyn' } };
    default:
      return undefined;
  }
}

export function checkedInt(value: bigint): bigint | Fault {
  return value > MAX_INT || value < MIN_INT ? new Fault('the number does not fit 64 bits') : value;
}

function integerArithmetic(operator: Arithmetic, a: bigint, b: bigint): bigint | Fault {
  switch (operator) {
    case '+':
      return checkedInt(a + b);
    case '-':
      return checkedInt(a - b);
    case '*':
      return checkedInt(a * b);
    case '/':
      return b === 0n ? new Fault('division by zero') : checkedInt(a / b);
    case '%':
      return b === 0n ? new Fault('division by zero') : a % b;
    default:
      return operator satisfies never;
  }
}

function doubleArithmetic(operator: Exclude<Arithmetic, '%'>, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return operator satisfies never;
  }
}

function inRange(value: Timestamp | Duration | undefined): Value | Fault {
  return value ?? new Fault('the time is out of range');
}

/** ECMAScript orders a bigint and a number exactly, without conversion; NaN is neither below nor above. */
function isSameNumber(a: bigint | number, b: bigint | number): boolean {
  return a <= b && a >= b;
}

function isNumber(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}
