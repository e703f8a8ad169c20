import type { Leaf } from '../matcher.ts';
import type { Clause } from './clause.ts';

/** What texts of one attribute look like when nothing is asked of them. */
export interface TextStyle {
  /** Tried in this order where no clause must hold. */
  readonly usual: readonly string[];
  /** What stands between a prefix and a suffix, or alone. */
  readonly fillers: readonly string[];
  /** Before a suffix where there is no prefix. */
  readonly starts: readonly string[];
}

/** Prefixes and suffixes that are combined; beyond, the answer is not complete. */
const MAX_COMBINED = 64;

/**
 * Texts of which one passes if any does, as long as only exact, prefix, suffix and presence are asked: the exact ones, and each
 * prefix and suffix with something between them that no clause speaks of.
 */
export function* textCandidates(clauses: readonly Clause[], style: TextStyle): Generator<string> {
  const fresh = freshCharacter(clauses);
  const fillers = [...style.fillers, ...(fresh === undefined ? [] : [fresh, fresh + fresh])];
  const leaves = clauses.filter(({ negative }) => !negative).flatMap((clause) => clause.leaves);
  if (leaves.length === 0) yield* style.usual;
  const prefixes: string[] = [];
  const suffixes: string[] = [];
  for (const leaf of leaves) {
    const test = testOf(leaf);
    if (test.op === 'exact') yield* spellings(test.value, test.ignoreCase);
    else if (test.op === 'prefix') prefixes.push(test.value);
    else if (test.op === 'suffix') suffixes.push(test.value);
    else if (test.op === 'template') yield* filled(test.template, fillers);
  }
  const ends = suffixes.length === 0 ? [''] : [...new Set(suffixes)].slice(0, MAX_COMBINED);
  const starts = prefixes.length === 0 ? style.starts : [...new Set(prefixes)].slice(0, MAX_COMBINED);
  for (const filler of fillers) for (const start of starts) for (const end of ends) yield start + filler + end;
  for (const start of prefixes) yield* spellings(start, true);
  for (const end of suffixes) yield* spellings(end, true);
}

/** Whether the candidates above stand for all texts. */
export function isCoveredByCandidates(clauses: readonly Clause[]): boolean {
  const tests = clauses.flatMap(({ leaves }) => leaves.map(testOf));
  const folds = tests.some((test) => 'ignoreCase' in test && test.ignoreCase && /[a-z]/i.test(test.value));
  const keeps = tests.some((test) => 'ignoreCase' in test && !test.ignoreCase && /[a-z]/i.test(test.value));
  const many = (op: string) =>
    clauses.some(({ negative, leaves }) => !negative && leaves.filter((leaf) => testOf(leaf).op === op).length > MAX_COMBINED);
  return (
    freshCharacter(clauses) !== undefined &&
    tests.every(({ op }) => op === 'exact' || op === 'prefix' || op === 'suffix' || op === 'nonEmpty' || op === 'present') &&
    !(folds && keeps) &&
    !many('prefix') &&
    !many('suffix')
  );
}

type Test = Extract<Leaf, { readonly test: unknown }>['test'];

function testOf(leaf: Leaf): Test {
  return 'test' in leaf ? leaf.test : { op: 'present' };
}

function* spellings(text: string, ignoreCase: boolean): Generator<string> {
  yield text;
  if (!ignoreCase) return;
  yield text.toLowerCase();
  yield text.toUpperCase();
}

/** A template with its operators replaced. */
function* filled(template: string, fillers: readonly string[]): Generator<string> {
  const put = (one: string, many: string) => template.replaceAll('{**}', many).replaceAll('{*}', one);
  for (const filler of fillers) if (filler !== '') yield put(filler, filler);
  yield put('other', '');
  yield put('other', 'other/more');
}

/** A character that no clause speaks of, in either case. */
function freshCharacter(clauses: readonly Clause[]): string | undefined {
  let named = '';
  for (const { leaves } of clauses) {
    for (const leaf of leaves) {
      const test = testOf(leaf);
      named += 'value' in test ? test.value : test.op === 'template' ? test.template : '';
    }
  }
  const lower = new Set(named.toLowerCase());
  return [...'xzqjkwvybug0789hdfmcplostnreia6543-_'].find((character) => !lower.has(character));
}
