import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, inBlock, parseAddress } from './address.ts';

describe('an address', () => {
  it.each([
    ['1.2.3.4', [1, 2, 3, 4]],
    ['0.0.0.0', [0, 0, 0, 0]],
    ['::1', [...Array(15).fill(0), 1]],
    ['::ffff:1.2.3.4', [...Array(10).fill(0), 255, 255, 1, 2, 3, 4]],
  ])('%s is read', (text, bytes) => {
    expect(parseAddress(text)).toEqual(bytes);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1..3.4',
    '1.2.3.4 ',
    '::1%eth0',
    '1::2::3',
    ':',
    '1:2:3:4:5:6:7',
    '::12345',
    'x',
  ])('`%s` is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('is written so that reading gives it back', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const length = fc
      .constantFrom(4, 16)
      .chain((size) => fc.array(fc.oneof(fc.constant(0), byte), { minLength: size, maxLength: size }));
    fc.assert(
      fc.property(length, (bytes) => {
        expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
      }),
    );
  });

  it('lies in a block of its own family alone', () => {
    const block = { bytes: [10, 1, 2, 3], bits: 8 };
    expect([inBlock([10, 9, 9, 9], block), inBlock([11, 1, 2, 3], block), inBlock(Array(16).fill(10), block)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(inBlock([1, 2, 3, 4], { bytes: Array(16).fill(0), bits: 0 })).toBe(false);
  });
});
