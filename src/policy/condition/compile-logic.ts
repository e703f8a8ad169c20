import type { ASTNode } from '@marcbachmann/cel-js';
import { nearestName } from '../../core/diagnostic.ts';
import {
  ASSUMED_LENGTH,
  type Compiled,
  commonType,
  compile,
  type Frame,
  failed,
  literalString,
  OVER_BUDGET,
  plain,
  type Run,
  rootAccess,
} from './compile.ts';
import { unionOf, withPresent, withVariants } from './facts.ts';
import { equals } from './operators.ts';
import { BOOL, elementType, Fault, isComparable, STRING, typeWords, type Value } from './value.ts';
import { FIELDS_OF_KIND } from './variables.ts';

export function negation(node: ASTNode, operand: Compiled, frame: Frame): Compiled {
  expectBool(node, operand, frame);
  const run: Run = (scope) => {
    const value = operand.run(scope);
    return typeof value === 'boolean' ? !value : notBool(value);
  };
  return { ...plain(frame, BOOL, operand.cost, run), whenTrue: operand.whenFalse, whenFalse: operand.whenTrue };
}

/** `&&` and `||` are commutative: one operand that decides makes an error of the other irrelevant (CEL specification, Logical Operators). */
export function connective(
  node: ASTNode,
  operator: '&&' | '||',
  [first, second]: readonly [ASTNode, ASTNode],
  frame: Frame,
): Compiled {
  const decisive = operator === '||';
  const left = compile(first, frame);
  const right = compile(second, { ...frame, facts: decisive ? left.whenFalse : left.whenTrue });
  expectBool(node, left, frame);
  expectBool(node, right, frame);
  const run: Run = (scope) => {
    const a = left.run(scope);
    if (a === decisive) return decisive;
    const b = right.run(scope);
    if (b === decisive) return decisive;
    if (typeof a !== 'boolean') return notBool(a);
    return typeof b === 'boolean' ? b : notBool(b);
  };
  const base = plain(frame, BOOL, left.cost + right.cost, run);
  return decisive
    ? { ...base, whenTrue: unionOf(left.whenTrue, right.whenTrue), whenFalse: right.whenFalse }
    : { ...base, whenTrue: right.whenTrue, whenFalse: unionOf(left.whenFalse, right.whenFalse) };
}

export function choice([test, yes, no]: readonly [ASTNode, ASTNode, ASTNode], frame: Frame): Compiled {
  const condition = compile(test, frame);
  expectBool(test, condition, frame);
  const a = compile(yes, { ...frame, facts: condition.whenTrue });
  const b = compile(no, { ...frame, facts: condition.whenFalse });
  const type = commonType([a, b]);
  const run: Run = (scope) => {
    const value = condition.run(scope);
    if (typeof value !== 'boolean') return notBool(value);
    return value ? a.run(scope) : b.run(scope);
  };
  return plain(frame, type, condition.cost + Math.max(a.cost, b.cost), run);
}

export function equality(
  node: ASTNode,
  operator: '==' | '!=',
  [first, second]: readonly [ASTNode, ASTNode],
  frame: Frame,
): Compiled {
  const a = compile(first, frame);
  const b = compile(second, frame);
  if (!isComparable(a.type, b.type))
    return failed(frame, node, 'CONDITION_TYPE', `${typeWords(a.type)} never equals ${typeWords(b.type)}`);
  const wanted = operator === '==';
  const deep = a.type.kind === 'list' || a.type.kind === 'map' || a.type.kind === 'dyn';
  const base = plain(frame, BOOL, a.cost + b.cost + (deep ? ASSUMED_LENGTH : 1), (scope) => {
    const x = a.run(scope);
    if (x instanceof Fault) return x;
    const y = b.run(scope);
    if (y instanceof Fault) return y;
    return equals(x, y) === wanted;
  });
  const guard = guardOf(first, b, frame) ?? guardOf(second, a, frame);
  if (guard === undefined) return base;
  const narrowed = narrow(guard, frame, node);
  return wanted ? { ...base, ...narrowed } : { ...base, whenTrue: narrowed.whenFalse, whenFalse: narrowed.whenTrue };
}

export function membership(node: ASTNode, [first, second]: readonly [ASTNode, ASTNode], frame: Frame): Compiled {
  const item = compile(first, frame);
  const list = compile(second, frame);
  if (list.type.kind !== 'list' && list.type.kind !== 'map' && list.type.kind !== 'dyn') {
    return failed(frame, node, 'CONDITION_TYPE', `\`in\` needs a list or a map, not ${typeWords(list.type)}`);
  }
  const element = list.type.kind === 'map' ? STRING : elementType(list.type);
  if (!isComparable(item.type, element))
    return failed(frame, node, 'CONDITION_TYPE', `${typeWords(item.type)} is never in ${typeWords(list.type)}`);
  const base = plain(
    frame,
    BOOL,
    item.cost + list.cost + (list.type.kind === 'map' ? 1 : (list.length ?? ASSUMED_LENGTH)),
    (scope) => {
      const value = item.run(scope);
      if (value instanceof Fault) return value;
      const from = list.run(scope);
      if (from instanceof Fault) return from;
      if (from instanceof Map) return from.has(value);
      if (!Array.isArray(from)) return new Fault('`in` needs a list or a map');
      if (!scope.spend(from.length)) return new Fault(OVER_BUDGET);
      return (from as readonly Value[]).some((candidate) => equals(candidate, value));
    },
  );
  const constants = second.op === 'list' ? second.args.map(literalString) : [];
  if (constants.length === 0 || constants.includes(undefined)) return base;
  const guard = guardOf(first, undefined, frame, constants as string[]);
  return guard === undefined ? base : { ...base, ...narrow(guard, frame, node) };
}

interface Guard {
  readonly on: 'method' | 'action' | 'kind';
  readonly values: readonly string[];
}

/** Is this a test of `request.method`, `action` or `caller.kind` against literal text? */
function guardOf(node: ASTNode, other: Compiled | undefined, frame: Frame, values?: readonly string[]): Guard | undefined {
  const text = other?.constant?.value;
  const literals = values ?? (typeof text === 'string' ? [text] : undefined);
  if (literals === undefined) return undefined;
  if (node.op === 'id' && node.args === 'action' && !frame.locals.has('action')) return { on: 'action', values: literals };
  const access = rootAccess(node, frame);
  if (access?.root === 'request' && access.name === 'method') return { on: 'method', values: literals };
  return access?.root === 'caller' && access.name === 'kind' ? { on: 'kind', values: literals } : undefined;
}

/** Facts of both outcomes of a guard; names that nothing has are reported. */
function narrow(guard: Guard, frame: Frame, node: ASTNode): Pick<Compiled, 'whenTrue' | 'whenFalse'> {
  const { facts } = frame;
  const { on } = guard;
  const known =
    on === 'kind'
      ? Object.keys(FIELDS_OF_KIND)
      : [...new Set(facts.variants.map((variant) => variant[on]))].filter((name) => name !== '');
  for (const value of guard.values) {
    if (known.includes(value)) continue;
    const near = nearestName(value, known);
    const what =
      on === 'kind' ? 'a kind of caller' : on === 'method' ? 'a method of the listed actions' : 'one of the listed actions';
    frame.report(
      node,
      'CONDITION_ATTRIBUTE',
      `\`${value}\` is not ${what}`,
      near === undefined ? undefined : `did you mean \`${near}\`?`,
    );
  }
  if (on === 'kind') {
    const sets = guard.values.map((kind) => (Object.hasOwn(FIELDS_OF_KIND, kind) ? (FIELDS_OF_KIND[kind] ?? []) : []));
    const shared = (sets[0] ?? []).filter((field) => sets.every((set) => set.includes(field)));
    return {
      whenTrue: withPresent(
        facts,
        shared.map((field) => `caller.${field}`),
      ),
      whenFalse: facts,
    };
  }
  return {
    whenTrue: withVariants(facts, (variant) => guard.values.includes(variant[on])),
    whenFalse: withVariants(facts, (variant) => !guard.values.includes(variant[on])),
  };
}

function expectBool(node: ASTNode, operand: Compiled, frame: Frame): void {
  if (operand.type.kind !== 'bool' && operand.type.kind !== 'dyn') {
    frame.report(node, 'CONDITION_TYPE', `\`${node.op.replace('_', '')}\` needs a bool, not ${typeWords(operand.type)}`);
  }
}

function notBool(value: Value | Fault): Fault {
  return value instanceof Fault ? value : new Fault('the value is not a bool');
}
