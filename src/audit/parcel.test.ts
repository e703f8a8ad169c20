import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OpenParcel, textsOf } from './parcel.ts';

const text = fc.string({ unit: 'binary', maxLength: 200 }).map((any) => any.replaceAll('\u001e', ' ').toWellFormed());

describe('a parcel', () => {
  it('yields what was put in, in order, as far as there was room', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 30 }), fc.integer({ min: 1, max: 2_000 }), (texts, size) => {
        const parcel = new OpenParcel(size);
        const kept = texts.filter((each) => parcel.add(each));
        expect(textsOf(parcel)).toEqual(kept);
        expect(parcel.items).toBe(kept.length);
        expect(parcel.length).toBeLessThanOrEqual(size);
      }),
    );
  });

  it('passes to another thread as it is', () => {
    const parcel = new OpenParcel(100);
    parcel.add('für');
    parcel.add('');
    const { memory, length } = structuredClone({ memory: parcel.memory, length: parcel.length });
    expect(textsOf({ memory, length })).toEqual(['für', '']);
  });

  it('is empty after it was cleared', () => {
    const parcel = new OpenParcel(100);
    parcel.add('one');
    parcel.clear();
    expect(textsOf(parcel)).toEqual([]);
    parcel.add('two');
    expect(textsOf(parcel)).toEqual(['two']);
  });
});
