import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Lane, type LaneOptions } from './lane.ts';
import { textsOf } from './parcel.ts';

function setUp(change: Partial<LaneOptions> = {}) {
  const written: (readonly string[])[] = [];
  const retried: boolean[] = [];
  let lost = 0;
  let isFailing = false;
  const lane = new Lane({
    maxItems: 1_000,
    maxBytes: 4_000,
    parcelBytes: 1_000,
    maxInFlight: 1,
    onLost: (count) => {
      lost += count;
    },
    onWritten: () => undefined,
    async write(parcel, isRetry) {
      await setImmediate();
      retried.push(isRetry);
      if (isFailing) throw new Error('the disk is full');
      written.push(textsOf(parcel));
      return { refused: 0 };
    },
    ...change,
  });
  return {
    lane,
    written,
    retried,
    lost: () => lost,
    fail(next: boolean) {
      isFailing = next;
    },
  };
}

const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`.padEnd(99, '.'));

describe('a lane', () => {
  it('hands over a full parcel at once, and the rest with the next tick', async () => {
    const { lane, written } = setUp();
    const all = texts(10);
    for (const text of all) lane.push(text);
    await setImmediate();
    await setImmediate();
    expect(written.length).toBeGreaterThan(0);
    expect(lane.size).toBeGreaterThan(0);
    expect(await lane.drain()).toBe(true);
    expect(written.flat()).toEqual(all);
    expect(lane.size).toBe(0);
  });

  it('writes all in order through its few parcels, again and again', async () => {
    const { lane, written, lost } = setUp();
    const all = texts(300);
    for (const text of all) {
      lane.push(text);
      if (lane.size > 15) await lane.drain();
    }
    await lane.drain();
    expect(written.flat()).toEqual(all);
    expect(lost()).toBe(0);
  });

  it('keeps within its memory while nothing can be written, counts what it loses, and writes what it kept', async () => {
    const { lane, written, retried, lost, fail } = setUp();
    fail(true);
    const all = texts(100);
    for (const text of all) lane.push(text);
    expect(await lane.drain()).toBe(false);
    const kept = lane.size;
    expect(kept).toBeLessThanOrEqual(40);
    expect(lost()).toBe(100 - kept);
    fail(false);
    expect(await lane.drain()).toBe(true);
    expect(written.flat()).toEqual(all.slice(0, kept));
    expect(retried.slice(0, 3)).toEqual([false, true, false]);
  });

  it('takes an item larger than its parcels, but not one larger than its memory', async () => {
    const { lane, written, lost } = setUp();
    lane.push('x'.repeat(1_200));
    lane.push('y'.repeat(2_000));
    expect(lost()).toBe(1);
    await lane.drain();
    expect(written.flat()).toEqual(['x'.repeat(1_200)]);
  });
});
