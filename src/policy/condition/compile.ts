import type { ASTNode } from '@marcbachmann/cel-js';
import { nearestName } from '../../core/diagnostic.ts';
import { accessAttribute } from './attribute-access.ts';
import { compileCall } from './compile-call.ts';
import { choice, connective, equality, membership, negation } from './compile-logic.ts';
import type { Facts } from './facts.ts';
import { type Arithmetic, arithmetic, arithmeticType, type Comparison, checkedInt, compare } from './operators.ts';
import type { Scope } from './scope.ts';
import { timestampOfDate } from './time.ts';
import {
  BOOL,
  DYN,
  elementType,
  Fault,
  isComparable,
  isNumeric,
  isSameType,
  MAX_INT,
  MIN_INT,
  STRING,
  TIMESTAMP,
  type Type,
  typeText,
  typeWords,
  type Value,
} from './value.ts';
import { ROOTS, type Root } from './variables.ts';

export type Run = (scope: Scope) => Value | Fault;

/** A checked expression as a closure, with what the rest of the checker needs to know about it. */
export interface Compiled {
  readonly type: Type;
  readonly run: Run;
  /** Static cost, lists of unknown length counted as `ASSUMED_LENGTH`. */
  readonly cost: number;
  /** Upper bound of a list's length, when it is known. */
  readonly length?: number;
  /** The value of a literal. */
  readonly constant?: { readonly value: Value };
  /** What is known where this has been true, and where it has been false. */
  readonly whenTrue: Facts;
  readonly whenFalse: Facts;
}

/** Where an expression stands. */
export interface Frame {
  readonly facts: Facts;
  /** Comprehension variables in sight: name -> type and place in `Scope.locals`. */
  readonly locals: ReadonlyMap<string, { readonly type: Type; readonly slot: number }>;
  report(node: ASTNode, code: string, message: string, help?: string): void;
}

export const ASSUMED_LENGTH = 100;
export const OVER_BUDGET = 'the condition takes too long';

/** Checks and compiles one expression. What is wrong is reported; the result then is an error of type `dyn`. */
export function compile(node: ASTNode, frame: Frame): Compiled {
  switch (node.op) {
    case 'value':
      return literal(node, node.args, frame);
    case 'id':
      return identifier(node, node.args, frame);
    case '.':
      return select(node, node.args[0], node.args[1], frame);
    case '[]':
      return index(node, node.args, frame);
    case 'call':
      return compileCall(node, node.args[0], undefined, node.args[1], frame);
    case 'rcall':
      return compileCall(node, node.args[0], node.args[1], node.args[2], frame);
    case 'list': {
      const items = node.args.map((item) => compile(item, frame));
      const of = commonType(items);
      return plain(frame, { kind: 'list', of }, costOf(items), (scope) => collect(items, scope), { length: items.length });
    }
    case 'map':
      return mapLiteral(node.args, frame);
    case '!_':
      return negation(node, compile(node.args, frame), frame);
    case '-_':
      return negative(node, node.args, frame);
    case '&&':
    case '||':
      return connective(node, node.op, node.args, frame);
    case '?:':
      return choice(node.args, frame);
    case '==':
    case '!=':
      return equality(node, node.op, node.args, frame);
    case 'in':
      return membership(node, node.args, frame);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return comparison(node, node.op, node.args, frame);
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return calculation(node, node.op, node.args, frame);
    default:
      return failed(frame, node, 'CONDITION_SYNTAX', 'this form is not part of the condition language');
  }
}

/** Reports and yields something that always is an error. */
export function failed(frame: Frame, node: ASTNode, code: string, message: string, help?: string): Compiled {
  frame.report(node, code, message, help);
  return plain(frame, DYN, 0, () => new Fault(message));
}

/** A result that tells nothing about attributes. */
export function plain(
  frame: Frame,
  type: Type,
  cost: number,
  run: Run,
  more: { readonly length?: number; readonly constant?: { readonly value: Value } } = {},
): Compiled {
  return { type, cost: cost + 1, run, whenTrue: frame.facts, whenFalse: frame.facts, ...more };
}

export function costOf(parts: readonly Compiled[]): number {
  return parts.reduce((sum, part) => sum + part.cost, 0);
}

/** All values, or the first error. */
export function collect(parts: readonly Compiled[], scope: Scope): readonly Value[] | Fault {
  const values: Value[] = [];
  for (const part of parts) {
    const value = part.run(scope);
    if (value instanceof Fault) return value;
    values.push(value);
  }
  return values;
}

/** `resource.tags` for a name of a root that no comprehension variable hides. */
export function rootAccess(node: ASTNode, frame: Frame): { readonly root: Root; readonly name: string } | undefined {
  const [operand, name] =
    node.op === '.' ? node.args : node.op === '[]' ? [node.args[0], literalString(node.args[1])] : [undefined, undefined];
  if (operand === undefined || name === undefined || operand.op !== 'id') return undefined;
  const root = ROOTS.find((candidate) => candidate === operand.args);
  return root === undefined || frame.locals.has(root) ? undefined : { root, name };
}

export function literalString(node: ASTNode): string | undefined {
  return node.op === 'value' && typeof node.args === 'string' ? node.args : undefined;
}

function literal(node: ASTNode, value: unknown, frame: Frame): Compiled {
  const type: Type | undefined =
    value === null
      ? { kind: 'null' }
      : ({ boolean: BOOL, string: STRING, bigint: { kind: 'int' }, number: { kind: 'double' } } as Record<string, Type>)[
          typeof value
        ];
  if (type === undefined)
    return failed(frame, node, 'CONDITION_SYNTAX', 'bytes and unsigned numbers are not part of the condition language');
  if (typeof value === 'bigint' && value > MAX_INT)
    return failed(frame, node, 'CONDITION_TYPE', 'the number does not fit 64 bits');
  const constant = value as Value; // by the table above
  return plain(frame, type, 0, () => constant, { constant: { value: constant } });
}

function identifier(node: ASTNode, name: string, frame: Frame): Compiled {
  const local = frame.locals.get(name);
  if (local !== undefined) return plain(frame, local.type, 0, (scope) => scope.locals[local.slot] ?? null);
  if (name === 'action') return plain(frame, STRING, 0, (scope) => scope.input.request.action);
  if (name === 'now')
    return plain(frame, TIMESTAMP, 0, (scope) => timestampOfDate(scope.input.now) ?? new Fault('the time is out of range'));
  if (ROOTS.includes(name as Root))
    return failed(frame, node, 'CONDITION_TYPE', `\`${name}\` must be followed by the name of an attribute`);
  const names = [...ROOTS, 'action', 'now', ...frame.locals.keys()];
  const near = nearestName(name, names);
  const help =
    near === undefined ? `conditions read ${names.map((known) => `\`${known}\``).join(', ')}` : `did you mean \`${near}\`?`;
  return failed(frame, node, 'CONDITION_TYPE', `\`${name}\` is not defined`, help);
}

function attribute(node: ASTNode, root: Root, name: string, frame: Frame): Compiled {
  const access = accessAttribute(root, name, frame.facts, false);
  return access.ok ? plain(frame, access.type, 0, access.read) : failed(frame, node, access.code, access.message, access.help);
}

function select(node: ASTNode, operand: ASTNode, name: string, frame: Frame): Compiled {
  const access = rootAccess(node, frame);
  if (access !== undefined) return attribute(node, access.root, access.name, frame);
  const map = compile(operand, frame);
  if (map.type.kind !== 'map' && map.type.kind !== 'dyn') {
    return failed(frame, node, 'CONDITION_TYPE', `${typeWords(map.type)} has no field \`${name}\``);
  }
  return plain(frame, elementType(map.type), map.cost, (scope) => lookup(map.run(scope), name));
}

function lookup(map: Value | Fault, key: Value): Value | Fault {
  if (map instanceof Fault) return map;
  if (!(map instanceof Map)) return new Fault('only a map has fields');
  return map.get(key) ?? (map.has(key) ? null : new Fault(`the key \`${String(key)}\` is missing`));
}

function index(node: ASTNode, [operand, at]: readonly [ASTNode, ASTNode], frame: Frame): Compiled {
  const access = rootAccess(node, frame);
  if (access !== undefined) return attribute(node, access.root, access.name, frame);
  const collection = compile(operand, frame);
  const key = compile(at, frame);
  const wanted = collection.type.kind === 'list' ? 'int' : collection.type.kind === 'map' ? 'string' : undefined;
  if (wanted === undefined && collection.type.kind !== 'dyn')
    return failed(frame, node, 'CONDITION_TYPE', `${typeWords(collection.type)} has no elements`);
  if (wanted !== undefined && key.type.kind !== wanted && key.type.kind !== 'dyn') {
    return failed(
      frame,
      at,
      'CONDITION_TYPE',
      `the index of a ${collection.type.kind} must be ${wanted}, not ${typeText(key.type)}`,
    );
  }
  return plain(frame, elementType(collection.type), collection.cost + key.cost, (scope) => {
    const from = collection.run(scope);
    const value = key.run(scope);
    if (from instanceof Fault) return from;
    if (value instanceof Fault) return value;
    if (!Array.isArray(from)) return lookup(from, value);
    const item =
      typeof value === 'bigint' && value >= 0n && value < BigInt(from.length)
        ? (from as readonly Value[])[Number(value)]
        : undefined;
    return item === undefined ? new Fault('the index is outside the list') : item;
  });
}

function mapLiteral(pairs: readonly (readonly [ASTNode, ASTNode])[], frame: Frame): Compiled {
  const keys = pairs.map(([key]) => compile(key, frame));
  const values = pairs.map(([, value]) => compile(value, frame));
  for (const [position, key] of keys.entries()) {
    if (key.type.kind !== 'string' && key.type.kind !== 'dyn')
      frame.report((pairs[position] as [ASTNode, ASTNode])[0], 'CONDITION_TYPE', 'a key must be a string');
  }
  return plain(frame, { kind: 'map', of: commonType(values) }, costOf(keys) + costOf(values), (scope) => {
    const names = collect(keys, scope);
    if (names instanceof Fault) return names;
    const items = collect(values, scope);
    if (items instanceof Fault) return items;
    if (names.some((name) => typeof name !== 'string')) return new Fault('a key must be a string');
    const map = new Map(names.map((name, position) => [name, items[position] as Value]));
    return map.size === names.length ? map : new Fault('the same key stands twice');
  });
}

export function commonType(items: readonly Compiled[]): Type {
  const first = items[0]?.type;
  return first !== undefined && items.every((item) => isSameType(item.type, first)) ? first : DYN;
}

function negative(node: ASTNode, operand: ASTNode, frame: Frame): Compiled {
  if (operand.op === 'value' && operand.args === -MIN_INT)
    return plain(frame, { kind: 'int' }, 0, () => MIN_INT, { constant: { value: MIN_INT } });
  const inner = compile(operand, frame);
  if (!isNumeric(inner.type) && inner.type.kind !== 'dyn')
    return failed(frame, node, 'CONDITION_TYPE', `${typeWords(inner.type)} has no negative`);
  const negate = (value: Value | Fault): Value | Fault => {
    if (typeof value === 'bigint') return checkedInt(-value);
    if (typeof value === 'number') return -value;
    return value instanceof Fault ? value : new Fault('only a number has a negative');
  };
  const constant = inner.constant === undefined ? undefined : negate(inner.constant.value);
  const more = constant === undefined || constant instanceof Fault ? {} : { constant: { value: constant } };
  return plain(frame, inner.type, inner.cost, (scope) => negate(inner.run(scope)), more);
}

function comparison(node: ASTNode, operator: Comparison, [first, second]: readonly [ASTNode, ASTNode], frame: Frame): Compiled {
  const a = compile(first, frame);
  const b = compile(second, frame);
  const ordered = (type: Type): boolean => isNumeric(type) || ['string', 'timestamp', 'duration', 'dyn'].includes(type.kind);
  if (!ordered(a.type) || !ordered(b.type) || !isComparable(a.type, b.type)) {
    return failed(frame, node, 'CONDITION_TYPE', `${typeWords(a.type)} and ${typeWords(b.type)} have no order`);
  }
  return plain(frame, BOOL, a.cost + b.cost, (scope) => {
    const x = a.run(scope);
    if (x instanceof Fault) return x;
    const y = b.run(scope);
    return y instanceof Fault ? y : compare(operator, x, y);
  });
}

function calculation(node: ASTNode, operator: Arithmetic, [first, second]: readonly [ASTNode, ASTNode], frame: Frame): Compiled {
  const a = compile(first, frame);
  const b = compile(second, frame);
  const type = arithmeticType(operator, a.type, b.type);
  if (type === undefined)
    return failed(
      frame,
      node,
      'CONDITION_TYPE',
      `\`${operator}\` is not defined for ${typeWords(a.type)} and ${typeWords(b.type)}`,
    );
  return plain(frame, type, a.cost + b.cost + (type.kind === 'list' ? ASSUMED_LENGTH : 1), (scope) => {
    const x = a.run(scope);
    if (x instanceof Fault) return x;
    const y = b.run(scope);
    if (y instanceof Fault) return y;
    if (Array.isArray(x) && !scope.spend(x.length)) return new Fault(OVER_BUDGET);
    return arithmetic(operator, x, y);
  });
}
