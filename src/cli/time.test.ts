import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../core/problem.ts';
import { timeOf } from './time.ts';

const NOW = Date.UTC(2026, 6, 31, 12);

describe('a time on the command line', () => {
  it('is a duration before now', () => {
    expect(timeOf('1h', NOW)).toBe(NOW - 3_600_000);
    expect(timeOf('0s', NOW)).toBe(NOW);
  });

  it('is a time with its offset, or a day in UTC', () => {
    expect(timeOf('2026-07-31', NOW)).toBe(Date.UTC(2026, 6, 31));
    expect(timeOf('2026-07-31T10:00:00Z', NOW)).toBe(Date.UTC(2026, 6, 31, 10));
    expect(timeOf('2026-07-31T10:00+02:00', NOW)).toBe(Date.UTC(2026, 6, 31, 8));
    expect(timeOf('2026-07-31t10:00:00.123456z', NOW)).toBe(Date.UTC(2026, 6, 31, 10, 0, 0, 123));
    expect(timeOf('2016-12-31T23:59:60Z', NOW)).toBe(Date.UTC(2016, 11, 31, 23, 59, 59));
  });

  it('is nothing that would be guessed at', () => {
    const texts = [
      '',
      'yesterday',
      '1',
      '2026',
      '2026-7-31',
      '2026-02-30',
      '2026-07-31T10:00',
      '2026-07-31T24:00Z',
      '31.7.2026',
      '-1h',
      '1h ',
      '999999999d',
      '1600-01-01',
    ];
    for (const text of texts) expect(() => timeOf(text, NOW), text).toThrow(expect.objectContaining({ code: 'TIME_INVALID' }));
  });

  it('reads back every time that is written in ISO form', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }), (date) => {
        expect(timeOf(date.toISOString(), NOW)).toBe(date.getTime());
      }),
    );
  });

  it('is a number or a known problem for any text', () => {
    const part = fc.constantFrom('2026', '-', '02', '29', 'T', ':', 'Z', '+', '1', 'h', 'd', '99', '.', ' ');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part).map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            const time = timeOf(text, NOW);
            expect(Number.isFinite(time) && time >= 0).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
          }
        },
      ),
    );
  });
});
