import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { Problem } from '../core/problem.ts';
import { parseQuery, queryValue, queryValues, withoutParameters } from './query.ts';
import { codeOf } from './testing.ts';

describe('parseQuery', () => {
  it('decodes names and values in order and shows duplicates', () => {
    expect(parseQuery('a=1&b=x%20y+z&%61=2&flag&=v&&')).toEqual([
      ['a', '1'],
      ['b', 'x y z'],
      ['a', '2'],
      ['flag', ''],
      ['', 'v'],
    ]);
    expect(parseQuery('')).toEqual([]);
  });

  it('keeps a semicolon inside the value', () => {
    expect(parseQuery('$alt=json;enum-encoding=int')).toEqual([['$alt', 'json;enum-encoding=int']]);
  });

  it.each([['%'], ['a=%4'], ['a=%zz'], ['a=%c0%af'], ['a=%ff'], ['a=%00'], ['a=\xe9'], ['a= b'], ['a=1#b'], ['a=\x01']])(
    'refuses %j',
    (raw) => {
      expect(codeOf(() => parseQuery(raw))).toBe('QUERY_INVALID');
    },
  );

  it('bounds length and number', () => {
    expect(codeOf(() => parseQuery('a'.repeat(32_769)))).toBe('QUERY_TOO_LONG');
    expect(codeOf(() => parseQuery('a&'.repeat(1025)))).toBe('QUERY_TOO_LONG');
    expect(parseQuery('a&'.repeat(1024))).toHaveLength(1024);
  });

  it('reads whatever it accepts as URLSearchParams does, and ends in a known Problem otherwise', () => {
    const piece = fc.oneof(
      fc.constantFrom('&', '=', '+', '%20', '%26', '%3D', '%c3%a9', '%', ';', 'a', '#', '%00'),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
        (raw) => {
          try {
            const expected = [...new URLSearchParams(`x=y&${raw}`)].slice(1);
            expect(parseQuery(raw)).toEqual(expected);
          } catch (thrown) {
            if (!(thrown instanceof Problem)) throw thrown;
            expect(['QUERY_INVALID', 'QUERY_TOO_LONG']).toContain(thrown.code);
          }
        },
      ),
      { numRuns: runs(1000) },
    );
  });
});

describe('queryValue', () => {
  const query = parseQuery('a=1&b=2&%62=3');

  it('yields the only value and refuses to pick one of two', () => {
    expect(queryValue(query, 'a')).toBe('1');
    expect(queryValue(query, 'c')).toBeUndefined();
    expect(codeOf(() => queryValue(query, 'b'))).toBe('QUERY_AMBIGUOUS');
    expect(queryValues(query, 'b')).toEqual(['2', '3']);
  });
});

describe('withoutParameters', () => {
  it('drops a parameter however its name is written and leaves the bytes of the others', () => {
    const raw = 'x=%7e+1&access_token=s&access%5Ftoken=t&flag&y=%C3%A9';
    expect(withoutParameters(raw, (name) => name === 'access_token')).toBe('x=%7e+1&flag&y=%C3%A9');
    expect(withoutParameters('', () => true)).toBe('');
  });
});
