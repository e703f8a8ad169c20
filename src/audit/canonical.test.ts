import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CanonicalValue, canonicalText, plainValue, safeText, timeText } from './canonical.ts';

const LIMITS = { depth: 6, text: 200, members: 20 };

const canonical: fc.Arbitrary<CanonicalValue> = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 8 }), tie('value'), { maxKeys: 6 }),
  ),
})).value;

/** Keys of every object of a text, in the order in which they stand. */
function keyOrders(text: string): string[][] {
  const orders: string[][] = [];
  JSON.parse(text, function (this: unknown, _, value: unknown) {
    return value;
  });
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value)) orders.push(Object.keys(value));
    for (const member of Object.values(value)) walk(member);
  };
  walk(JSON.parse(text));
  return orders;
}

describe('canonical text', () => {
  it('follows the example of RFC 8785 section 3.2.3 in the order of its keys', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(canonicalText(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
  });

  it('writes strings as section 3.2.2.2 does', () => {
    expect(canonicalText('\u20ac$\u000f\u000aA\'\u0042"\\\\"/')).toBe('"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"');
  });

  it('has one text for a value, whatever the order it was built in', () => {
    fc.assert(
      fc.property(canonical, (value) => {
        const text = canonicalText(value);
        expect(canonicalText(JSON.parse(text))).toBe(text);
        expect(text).toBe(Buffer.from(text, 'utf8').toString('utf8'));
      }),
    );
  });

  it('sorts keys by UTF-16 units', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }), fc.nat()), (value) => {
        // Keys that are array indices stand first in any JavaScript object, so that their order can only be seen in the text.
        const orders = keyOrders(canonicalText(value)).map((keys) => keys.filter((key) => !/^\d+$/.test(key)));
        for (const keys of orders) expect(keys).toEqual([...keys].sort());
      }),
    );
    expect(canonicalText({ 9: 1, 10: 2 })).toBe('{"10":2,"9":1}');
  });

  it('has none for a floating-point number', () => {
    for (const value of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(() => canonicalText(value)).toThrow(TypeError);
    expect(canonicalText(-0)).toBe('0');
  });
});

describe('safe text', () => {
  it('shows control and direction characters instead of sending them', () => {
    expect(safeText('a\r\nb\u001b[31m\u202ec\u009bd', 100)).toBe('a\\u000d\\u000ab\\u001b[31m\\u202ec\\u009bd');
  });

  it('says how much it cut, and never cuts a character in half', () => {
    expect(safeText('x'.repeat(100), 20)).toBe(`${'x'.repeat(14)}…(+80)`);
    expect(safeText(`${'x'.repeat(13)}😀${'y'.repeat(100)}`, 20)).not.toMatch(/\ufffd/);
  });

  it('is bounded, well formed and free of control characters for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 16, max: 200 }), (text, max) => {
        const safe = safeText(text, max);
        expect(safe.length).toBeLessThanOrEqual(max);
        expect(safe.isWellFormed()).toBe(true);
        expect(safe).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      }),
    );
  });
});

describe('plain values', () => {
  it('hold the types of the policy language without floating-point numbers', () => {
    const value = { int: 5n, big: 2n ** 70n, double: 0.5, time: new Date(0), list: [1, 'a'], nothing: undefined, call: () => 1 };
    expect(plainValue(value, LIMITS)).toEqual({
      int: 5,
      big: '1180591620717411303424',
      double: '0.5',
      time: '1970-01-01T00:00:00.000Z',
      list: [1, 'a'],
      call: null,
    });
  });

  it('have a canonical text, whatever they were', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), (value) => {
        expect(() => canonicalText(plainValue(value, LIMITS))).not.toThrow();
      }),
    );
  });

  it('end at a stated depth, even when they hold themselves', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(canonicalText(plainValue(loop, LIMITS))).toBe(`${'{"self":'.repeat(6)}"…"${'}'.repeat(6)}`);
  });
});

describe('times', () => {
  it('are RFC 3339 text, also for a time that no date can hold', () => {
    expect(timeText(1_700_000_000_123)).toBe('2023-11-14T22:13:20.123Z');
    expect(timeText(Number.NaN)).toBe('1970-01-01T00:00:00.000Z');
    fc.assert(
      fc.property(fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true }), (timeMs) => {
        for (const near of [timeMs, Math.max(-8.64e15, timeMs - 0.7), timeMs]) {
          expect(timeText(near)).toBe(new Date(near).toISOString());
        }
      }),
    );
  });
});
