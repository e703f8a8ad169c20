import { Problem } from '../core/problem.ts';
import type { QueryValue } from './call.ts';

/** Decoded name and value; a piece without `=` has the empty value. */
export type QueryPair = readonly [name: string, value: string];

const MAX_QUERY = 32_768;
const MAX_PAIRS = 1024;
const PRINTABLE_ASCII = /^[\x21-\x7e]*$/;

/**
 * Pairs of a raw query (without `?`) in order, duplicates visible, as `application/x-www-form-urlencoded` reads them: `&`
 * separates, `+` is a blank. `;` is no separator: it is part of the value (`$alt=json;enum-encoding=int`).
 * Throws QUERY_INVALID (malformed or non-UTF-8 escapes, raw non-ASCII, NUL, a fragment) and QUERY_TOO_LONG.
 */
export function parseQuery(rawQuery: string): readonly QueryPair[] {
  if (rawQuery === '') return [];
  if (rawQuery.length > MAX_QUERY) throw tooLong();
  if (!PRINTABLE_ASCII.test(rawQuery)) throw invalid('holds a character that must be percent-encoded');
  if (rawQuery.includes('#')) throw invalid('holds a fragment');
  const pairs: QueryPair[] = [];
  for (const piece of rawQuery.split('&')) {
    if (piece === '') continue;
    if (pairs.length === MAX_PAIRS) throw tooLong();
    pairs.push(pairOf(piece));
  }
  return pairs;
}

/** The only value of `name`; undefined when absent. Throws QUERY_AMBIGUOUS when the name stands twice. */
export function queryValue(query: readonly QueryPair[], name: string): QueryValue {
  const values = queryValues(query, name);
  if (values.length > 1) {
    throw new Problem({ code: 'QUERY_AMBIGUOUS', kind: 'invalid', message: `query parameter \`${name}\` stands more than once` });
  }
  return values[0];
}

export function queryValues(query: readonly QueryPair[], name: string): readonly string[] {
  return query.filter((pair) => pair[0] === name).map((pair) => pair[1]);
}

/** The raw query without the parameters whose decoded name the predicate names; the bytes of the others stay as they came. */
export function withoutParameters(rawQuery: string, isDropped: (name: string) => boolean): string {
  return rawQuery
    .split('&')
    .filter((piece) => piece !== '' && !isDropped(pairOf(piece)[0]))
    .join('&');
}

function pairOf(piece: string): QueryPair {
  const equals = piece.indexOf('=');
  return equals < 0 ? [decode(piece), ''] : [decode(piece.slice(0, equals)), decode(piece.slice(equals + 1))];
}

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  let decoded: string;
  try {
    decoded = decodeURIComponent(spaced);
  } catch {
    throw invalid('holds a percent sequence that is not UTF-8');
  }
  if (decoded.includes('\0')) throw invalid('holds an encoded NUL');
  return decoded;
}

function invalid(what: string): Problem {
  return new Problem({ code: 'QUERY_INVALID', kind: 'invalid', message: `the query ${what}` });
}

function tooLong(): Problem {
  return new Problem({
    code: 'QUERY_TOO_LONG',
    kind: 'too_large',
    status: 414,
    message: `the query is longer than ${MAX_QUERY} characters or ${MAX_PAIRS} parameters`,
  });
}
