import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationText, parseDuration, parseSize, sizeText } from './units.ts';

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['15m', 900_000],
    ['8h', 28_800_000],
    ['400d', 34_560_000_000],
    ['0s', 0],
  ])('%s is %i ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each(['', '8', 'h', '8 h', '-8h', '8H', '1h30m', '1.5h', '8h\n', '٣h', '99999999999h', '1e3s'])(
    '%j is no duration',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('read back what they print', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (value) => {
        expect(parseDuration(durationText(value))).toBe(value);
      }),
    );
  });

  it('end in a safe whole number or in undefined for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,12}[a-zA-Z]{1,3}$/)), (text) => {
        for (const value of [parseDuration(text), parseSize(text)])
          expect(value === undefined || Number.isSafeInteger(value)).toBe(true);
      }),
    );
  });
});

describe('sizes', () => {
  it.each([
    ['0B', 0],
    ['512B', 512],
    ['64KiB', 65_536],
    ['16MiB', 16_777_216],
    ['20GiB', 21_474_836_480],
  ])('%s is %i bytes', (text, expected) => {
    expect(parseSize(text)).toBe(expected);
  });

  it.each(['64KB', '64K', '64kib', '1.5MiB', '999999999TiB', '64 KiB'])('%j is no size', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  it('print in the largest unit that is exact', () => {
    expect([sizeText(65_536), sizeText(1_000), sizeText(0), durationText(90_000)]).toEqual(['64KiB', '1000B', '0B', '90s']);
  });
});
