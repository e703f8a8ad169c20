import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDurationMs } from '../duration-text.ts';
import { parseCidr, parseIp } from './ip.ts';
import { parseDuration, parseTimestamp } from './time.ts';

const near = fc.string({
  unit: fc.constantFrom('0', '1', '2', '9', '.', ':', '/', '-', '+', 'T', 'Z', 'f', 'h', 'm', 's', 'n', 'µ', ' '),
});

describe('literals', () => {
  it('are read or not, for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), (text) => {
        for (const parse of [parseIp, parseCidr, parseTimestamp, parseDuration, parseDurationMs])
          expect(() => parse(text)).not.toThrow();
      }),
    );
  });

  it('are addresses of both families', () => {
    fc.assert(fc.property(fc.ipV4(), (text) => void expect(parseIp(text)?.family).toBe(4)));
    fc.assert(fc.property(fc.ipV6(), (text) => void expect(parseIp(text)).toBeDefined()));
    fc.assert(fc.property(fc.ipV4(), (text) => void expect(parseIp(`::ffff:${text}`)).toEqual(parseIp(text))));
  });

  it('are the times that JavaScript writes', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
        (date) => {
          expect(parseTimestamp(date.toISOString())?.nanos).toBe(BigInt(date.getTime()) * 1_000_000n);
        },
      ),
    );
  });

  it.each([
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['7d', 604_800_000],
    ['90', undefined],
    ['1.5h', undefined],
    ['-1s', undefined],
    ['999999999d999999999d', undefined],
  ])('are durations of obligations: %s', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });
});
