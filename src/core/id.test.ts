import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uuidv7 } from './id.ts';

const MAX_TIME = 2 ** 48 - 1;

function idOf(timeMs: number, random: Uint8Array): string {
  return uuidv7({ now: () => timeMs }, { bytes: (count) => random.slice(0, count) });
}

describe('an id', () => {
  it('holds the time, version 7, variant 2 and the random bits, and leaves what it was given as it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_TIME }), fc.uint8Array({ minLength: 10, maxLength: 10 }), (timeMs, random) => {
        const before = Buffer.from(random).toString('hex');
        const id = idOf(timeMs, random);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
        expect(bytes.readUIntBE(0, 6)).toBe(timeMs);
        const expected = Buffer.from(random);
        expected.writeUInt8((expected.readUInt8(0) & 0x0f) | 0x70, 0);
        expected.writeUInt8((expected.readUInt8(2) & 0x3f) | 0x80, 2);
        expect(bytes.subarray(6)).toEqual(expected);
        expect(Buffer.from(random).toString('hex')).toBe(before);
      }),
    );
  });

  it('sorts by time', () => {
    fc.assert(
      fc.property(fc.nat(MAX_TIME), fc.nat(MAX_TIME), fc.uint8Array({ minLength: 10, maxLength: 10 }), (a, b, random) => {
        fc.pre(a < b);
        expect(idOf(a, random) < idOf(b, random)).toBe(true);
      }),
    );
  });

  it('is the example of RFC 9562, appendix A.6', () => {
    expect(idOf(0x017f22e279b0, Buffer.from('0cc318c4dc0c0c07398f', 'hex'))).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });
});
