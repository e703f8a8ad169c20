import { masked } from './mask.ts';

/** One small fault put into a source text. */
export interface Mutation {
  /** From 1. */
  readonly line: number;
  readonly operator: string;
  readonly source: string;
  /** The line before and after, for people. */
  readonly before: string;
  readonly after: string;
}

interface Operator {
  readonly name: string;
  readonly pattern: RegExp;
  /** What stands in place of the match. */
  readonly put: (match: RegExpExecArray) => string;
  /** Where the replaced text ends, if not with the match. */
  readonly end?: (code: string, match: RegExpExecArray) => number;
}

const swap = (name: string, one: string, other: string): Operator[] => [
  { name, pattern: new RegExp(escaped(one), 'g'), put: () => other },
  { name, pattern: new RegExp(escaped(other), 'g'), put: () => one },
];

/** Faults that programmers make: a turned comparison, a lost branch, one off, the wrong end of a text, a forgotten case. */
const OPERATORS: readonly Operator[] = [
  ...swap('equality', ' === ', ' !== '),
  ...swap('connective', ' && ', ' || '),
  ...swap('quantifier', '.some(', '.every('),
  ...swap('end of text', '.startsWith(', '.endsWith('),
  ...swap('search from', '.indexOf(', '.lastIndexOf('),
  ...swap('bound', ' < ', ' <= '),
  ...swap('bound', ' > ', ' >= '),
  ...swap('sign', ' + 1', ' - 1'),
  ...swap('truth', 'return true;', 'return false;'),
  { name: 'dropped branch', pattern: /\bif \(/g, put: () => 'if (false)', end: afterCondition },
  { name: 'negation', pattern: /(?<=[(\s])!(?=[a-zA-Z(])/g, put: () => '' },
  { name: 'slice', pattern: /\.slice\((\d+)/g, put: (match) => `.slice(${Number(match[1]) + 1}` },
  { name: 'case folding', pattern: /\.toLowerCase\(\)/g, put: () => '' },
  { name: 'nothing returned', pattern: /\breturn (?!true;|false;|undefined;)[^;\n{[(]+;/g, put: () => 'return undefined;' },
  { name: 'constant', pattern: /(?<=[=?:,(] )(?:0|1)(?=[;,)\s])/g, put: (match) => (match[0] === '0' ? '1' : '0') },
];

/** Every place of a source where an operator applies. Types, imports, comments and texts are left alone. */
export function mutationsOf(text: string): Mutation[] {
  const code = masked(text);
  const found: Mutation[] = [];
  for (const { name, pattern, put, end } of OPERATORS) {
    for (const match of code.matchAll(pattern)) {
      const rest = text.slice(end === undefined ? match.index + match[0].length : end(code, match));
      const source = text.slice(0, match.index) + put(match) + rest;
      const line = text.slice(0, match.index).split('\n').length;
      found.push({ line, operator: name, source, before: lineOf(text, line), after: lineOf(source, line) });
    }
  }
  return found;
}

/** Behind the parenthesis that closes the one at the match's end. */
function afterCondition(code: string, match: RegExpExecArray): number {
  let at = match.index + match[0].length;
  for (let depth = 1; depth > 0 && at < code.length; at += 1) depth += code[at] === '(' ? 1 : code[at] === ')' ? -1 : 0;
  return at;
}

function lineOf(text: string, line: number): string {
  return (text.split('\n')[line - 1] ?? '').trim();
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
