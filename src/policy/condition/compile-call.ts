import type { ASTNode } from '@marcbachmann/cel-js';
import { nearestName } from '../../core/diagnostic.ts';
import { accessAttribute } from './attribute-access.ts';
import {
  ASSUMED_LENGTH,
  type Compiled,
  collect,
  compile,
  costOf,
  type Frame,
  failed,
  OVER_BUDGET,
  plain,
  rootAccess,
} from './compile.ts';
import { withPresent, withVariants } from './facts.ts';
import { fitting, functionNames, type Overload, overloadsOf } from './functions.ts';
import type { Scope } from './scope.ts';
import { BOOL, DYN, elementType, Fault, isSameType, type Type, typeText, typeWords, type Value } from './value.ts';

/** `name(args)`, or `receiver.name(args)`. */
export function compileCall(
  node: ASTNode,
  name: string,
  receiver: ASTNode | undefined,
  args: readonly ASTNode[],
  frame: Frame,
): Compiled {
  const [first, second] = args;
  if (receiver === undefined && name === 'has' && first !== undefined && args.length === 1) return presence(first, frame);
  if (
    receiver !== undefined &&
    (name === 'exists' || name === 'all') &&
    first !== undefined &&
    second !== undefined &&
    args.length === 2
  ) {
    return quantifier({ node, name, receiver, variable: first, body: second, frame });
  }
  const overloads = overloadsOf(name)?.filter((overload) => overload.member === (receiver !== undefined));
  if (overloads === undefined || overloads.length === 0) {
    const near = nearestName(name, functionNames());
    return failed(
      frame,
      node,
      'CONDITION_TYPE',
      `\`${name}\` is not a function of the condition language`,
      near === undefined || near === name ? undefined : `did you mean \`${near}\`?`,
    );
  }
  const parts = [...(receiver === undefined ? [] : [receiver]), ...args].map((part) => compile(part, frame));
  return call(node, name, overloads, parts, frame);
}

function call(node: ASTNode, name: string, overloads: readonly Overload[], parts: readonly Compiled[], frame: Frame): Compiled {
  const possible = overloads.filter(
    (overload) =>
      overload.kinds.length === parts.length &&
      overload.kinds.every((kind, position) => [kind, 'dyn'].includes(parts[position]?.type.kind ?? '')),
  );
  const only = possible[0];
  if (only === undefined) {
    return failed(
      frame,
      node,
      'CONDITION_TYPE',
      `\`${name}\` does not take (${parts.map((part) => typeText(part.type)).join(', ')})`,
    );
  }
  for (const { literal } of possible) {
    if (literal !== undefined && parts[literal]?.constant === undefined)
      return failed(frame, node, 'CONDITION_TYPE', `the last argument of \`${name}\` must be a literal`);
  }
  const apply = (values: readonly Value[]): Value | Fault =>
    fitting(possible, values)?.apply(values) ?? new Fault(`\`${name}\` does not take these values`);
  const literals = parts.map((part) => part.constant?.value);
  if (parts.length > 0 && !literals.includes(undefined)) {
    const value = apply(literals as Value[]);
    if (value instanceof Fault)
      return failed(frame, node, 'CONDITION_TYPE', `this \`${name}\` is always an error: ${value.reason}`);
    return plain(frame, only.result, 0, () => value, { constant: { value } });
  }
  // Literals that decide alone (a pattern, a zone) are tried once, so that a wrong one shows at load.
  if (only.literal !== undefined) {
    const sample: Value =
      only.kinds[0] === 'string'
        ? ''
        : ((fitting(overloadsOf('timestamp') ?? [], ['1970-01-01T00:00:00Z'])?.apply(['1970-01-01T00:00:00Z']) ?? null) as Value);
    const tried = only.apply([sample, literals[only.literal] as Value]);
    if (tried instanceof Fault) return failed(frame, node, 'CONDITION_TYPE', `\`${name}\` cannot be read: ${tried.reason}`);
  }
  const isStatic = possible.length === 1 && parts.every((part) => part.type.kind !== 'dyn');
  const type = possible.every((overload) => isSameType(overload.result, only.result)) ? only.result : DYN;
  const cost = costOf(parts) + Math.max(...possible.map((overload) => overload.cost));
  return plain(frame, type, cost, (scope) => {
    const values = collect(parts, scope);
    if (values instanceof Fault) return values;
    const text = values[0];
    if (typeof text === 'string' && !scope.spend(text.length >> 6)) return new Fault(OVER_BUDGET);
    return isStatic ? only.apply(values) : apply(values);
  });
}

/** `has(resource.tags)`, `has(request.labels.team)`: the only test for what may be missing. */
function presence(node: ASTNode, frame: Frame): Compiled {
  const access = rootAccess(node, frame);
  if (access !== undefined) {
    const found = accessAttribute(access.root, access.name, frame.facts, true);
    if (!found.ok) return failed(frame, node, found.code, found.message, found.help);
    const { root, name } = access;
    const proved = withPresent(frame.facts, [`${root}.${name}`]);
    const whenTrue =
      root === 'resource' || root === 'request'
        ? withVariants(proved, (variant) => name in variant[root] || isFixed(root, name))
        : proved;
    return { ...plain(frame, BOOL, 1, found.has), whenTrue };
  }
  if (node.op !== '.') return failed(frame, node, 'CONDITION_SYNTAX', '`has` needs the name of an attribute or of a key');
  const [operand, key] = node.args;
  const map = compile(operand, frame);
  if (map.type.kind !== 'map' && map.type.kind !== 'dyn')
    return failed(frame, node, 'CONDITION_TYPE', `${typeWords(map.type)} has no field \`${key}\``);
  return plain(frame, BOOL, map.cost, (scope) => {
    const value = map.run(scope);
    if (value instanceof Fault) return value;
    return value instanceof Map ? value.has(key) : new Fault('only a map has fields');
  });
}

function isFixed(root: 'resource' | 'request', name: string): boolean {
  return root === 'request' ? name === 'method' : name === 'name' || name === 'path';
}

interface Quantifier {
  readonly node: ASTNode;
  readonly name: 'exists' | 'all';
  readonly receiver: ASTNode;
  readonly variable: ASTNode;
  readonly body: ASTNode;
  readonly frame: Frame;
}

/** Aggregates with CEL's `||` (exists) or `&&` (all): an element that decides outweighs errors of others. */
function quantifier({ node, name, receiver, variable, body, frame }: Quantifier): Compiled {
  if (variable.op !== 'id')
    return failed(frame, variable, 'CONDITION_SYNTAX', `the first argument of \`${name}\` must be a plain name`);
  const list = compile(receiver, frame);
  if (list.type.kind !== 'list' && list.type.kind !== 'map' && list.type.kind !== 'dyn') {
    return failed(frame, node, 'CONDITION_TYPE', `\`${name}\` needs a list or a map, not ${typeWords(list.type)}`);
  }
  const element: Type = list.type.kind === 'map' ? { kind: 'string' } : elementType(list.type);
  const slot = frame.locals.size === 0 ? 0 : Math.max(...[...frame.locals.values()].map((local) => local.slot)) + 1;
  const test = compile(body, { ...frame, locals: new Map([...frame.locals, [variable.args, { type: element, slot }]]) });
  if (test.type.kind !== 'bool' && test.type.kind !== 'dyn')
    return failed(frame, body, 'CONDITION_TYPE', `\`${name}\` needs a bool, not ${typeWords(test.type)}`);
  const decisive = name === 'exists';
  const cost = list.cost + (list.length ?? ASSUMED_LENGTH) * test.cost;
  return plain(frame, BOOL, cost, (scope: Scope) => {
    const from = list.run(scope);
    if (from instanceof Fault) return from;
    if (!Array.isArray(from) && !(from instanceof Map)) return new Fault(`\`${name}\` needs a list or a map`);
    const items: readonly Value[] = from instanceof Map ? [...from.keys()] : (from as readonly Value[]);
    let fault: Fault | undefined;
    for (const item of items) {
      if (!scope.spend(1)) return new Fault(OVER_BUDGET);
      scope.locals[slot] = item;
      const value = test.run(scope);
      if (value === decisive) return decisive;
      if (typeof value !== 'boolean') fault ??= value instanceof Fault ? value : new Fault('the value is not a bool');
    }
    return fault ?? !decisive;
  });
}
