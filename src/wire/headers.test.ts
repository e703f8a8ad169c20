import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../core/problem.ts';
import { HeaderList } from './headers.ts';
import { codeOf } from './testing.ts';

describe('HeaderList', () => {
  const list = HeaderList.fromRaw(['Accept', 'a', 'X-One', ' \tv ', 'accept', 'b']);

  it('finds names without regard to case and trims the whitespace around values', () => {
    expect(list.get('x-ONE')).toBe('v');
    expect(list.has('X-one')).toBe(true);
    expect(list.get('absent')).toBeUndefined();
  });

  it('refuses to pick one of two values, even when they are equal', () => {
    expect(codeOf(() => list.get('Accept'))).toBe('HEADER_AMBIGUOUS');
    expect(codeOf(() => HeaderList.fromRaw(['A', 'x', 'a', 'x']).get('a'))).toBe('HEADER_AMBIGUOUS');
    expect(list.getAll('Accept')).toEqual(['a', 'b']);
  });

  it('keeps order and the names as they came', () => {
    expect(list.toRaw()).toEqual(['Accept', 'a', 'X-One', 'v', 'accept', 'b']);
    expect([...list.entries()]).toEqual([
      ['accept', 'a'],
      ['x-one', 'v'],
      ['accept', 'b'],
    ]);
  });

  it('drops names given as text, as a set or as a predicate and leaves the former list alone', () => {
    expect(list.without('ACCEPT').toRaw()).toEqual(['X-One', 'v']);
    expect(list.without(new Set(['X-One'])).has('x-one')).toBe(false);
    expect(list.without((name) => name.startsWith('x-')).getAll('accept')).toEqual(['a', 'b']);
    expect(list.toRaw()).toHaveLength(6);
  });

  it('replaces every former value by `with` and adds by `append`', () => {
    expect(list.with('ACCEPT', 'c').getAll('accept')).toEqual(['c']);
    expect(list.append('Accept', 'c').getAll('accept')).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['HDR-1: a name with a trailing blank', ['X-Fairlead-User ', 'v']],
    ['an empty name', ['', 'v']],
    ['a pseudo-header', [':authority', 'v']],
    ['SMUG-2: CR LF in a name', ['a\r\nb', 'v']],
    ['SMUG-2: CR LF in a value', ['a', 'v\r\nx-evil: 1']],
    ['a bare LF in a value', ['a', 'v\nx']],
    ['NUL in a value', ['a', 'v\0']],
    ['a value beyond Latin-1', ['a', '\u0100']],
    ['a name without value', ['a']],
  ])('refuses %s', (_what, raw) => {
    expect(codeOf(() => HeaderList.fromRaw(raw))).toBe('HEADER_INVALID');
  });

  it('bounds the number and the size of fields', () => {
    const many = Array.from({ length: 257 }, (_, i) => [`a${i}`, '']).flat();
    expect(codeOf(() => HeaderList.fromRaw(many))).toBe('HEADERS_TOO_LARGE');
    expect(codeOf(() => HeaderList.fromRaw(['a', 'x'.repeat(65_536)]))).toBe('HEADERS_TOO_LARGE');
    expect(HeaderList.fromRaw(many.slice(2)).toRaw()).toHaveLength(512);
  });

  it('ends in a list or a known Problem for any input, and a list written out reads back the same', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('Host', 'a', 'b_c'))), (raw) => {
        try {
          const list = HeaderList.fromRaw(raw);
          expect(HeaderList.fromRaw(list.toRaw()).toRaw()).toEqual(list.toRaw());
        } catch (thrown) {
          if (!(thrown instanceof Problem)) throw thrown;
          expect(['HEADER_INVALID', 'HEADERS_TOO_LARGE']).toContain(thrown.code);
        }
      }),
    );
  });
});
