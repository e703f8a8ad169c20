import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import type { Condition, ConditionScope, Truth } from '../port.ts';
import { compile } from './compile.ts';
import type { Facts } from './facts.ts';
import { Scope } from './scope.ts';
import { typeWords } from './value.ts';
import type { Variant } from './variables.ts';

export const MAX_CONDITION_LENGTH = 4096;
/** Highest static cost; about 10 ms of the evaluator's time. */
export const MAX_CONDITION_COST = 1_000_000;

export interface ConditionProblem {
  readonly code: string;
  readonly message: string;
  readonly help?: string;
  /** Offset in the condition's text, in UTF-16 units. */
  readonly offset: number;
}

export interface CompiledCondition {
  readonly condition: Condition | undefined;
  readonly problems: readonly ConditionProblem[];
  /** What is known where the condition holds: an `unless` may lean on its `when`. */
  readonly whenTrue: Facts;
}

const PARSER = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 200, maxMapEntries: 50, maxCallArguments: 4 },
});

/** A `when` or `unless`, checked against what every variant of its rule carries. */
export function compileCondition(text: string, facts: readonly Variant[] | Facts, line = 0): CompiledCondition {
  const known: Facts = 'variants' in facts ? facts : { present: new Set(), variants: facts };
  const problems: ConditionProblem[] = [];
  const none = (): CompiledCondition => ({ condition: undefined, problems, whenTrue: known });
  if (text.length > MAX_CONDITION_LENGTH) {
    problems.push({
      code: 'CONDITION_COST',
      message: `the condition is longer than ${MAX_CONDITION_LENGTH} characters`,
      offset: 0,
    });
    return none();
  }
  const tree = parse(text, problems);
  if (tree === undefined) return none();
  const report = (node: ASTNode, code: string, message: string, help?: string): void => {
    problems.push({ code, message, offset: node.start, ...(help === undefined ? {} : { help }) });
  };
  const compiled = compile(tree, { facts: known, locals: new Map(), report });
  if (problems.length === 0 && compiled.type.kind !== 'bool' && compiled.type.kind !== 'dyn') {
    report(tree, 'CONDITION_TYPE', `a condition must be a bool, not ${typeWords(compiled.type)}`);
  }
  if (compiled.cost > MAX_CONDITION_COST) {
    report(
      tree,
      'CONDITION_COST',
      `the condition may cost ${compiled.cost} steps, more than ${MAX_CONDITION_COST}`,
      'nest fewer `exists` and `all`',
    );
  }
  if (problems.length > 0) return none();
  const evaluate = (scope: ConditionScope): Truth => {
    // INVARIANT: only scopes of this room exist; the port shows others a part of them.
    const value = compiled.run(scope as Scope);
    return value === true ? 'true' : value === false ? 'false' : 'error';
  };
  return { condition: { text, line, evaluate }, problems, whenTrue: compiled.whenTrue };
}

/** What a condition reads in one evaluation. */
export function conditionScope(input: ConstructorParameters<typeof Scope>[0]): Scope {
  return new Scope(input);
}

function parse(text: string, problems: ConditionProblem[]): ASTNode | undefined {
  try {
    return PARSER.parse(text).ast;
  } catch (thrown) {
    // The parser reports most faults as its own error; odd escapes and deep nesting end in a RangeError.
    if (!(thrown instanceof ParseError || thrown instanceof RangeError)) throw thrown;
    const isOwn = thrown instanceof ParseError;
    const message = isOwn
      ? `the condition cannot be read: ${thrown.summary.charAt(0).toLowerCase()}${thrown.summary.slice(1)}`
      : 'the condition cannot be read';
    problems.push({ code: 'CONDITION_SYNTAX', message, offset: (isOwn ? thrown.range?.start : 0) ?? 0 });
    return undefined;
  }
}
