import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Child, ChildExit } from './child.ts';
import { keepRunning } from './keep-running.ts';
import { watchToken } from './token-renewal.ts';

/** A child that ends when it is told to, or by itself. */
function fakeChild(): Child & { end(code: number): void } {
  const { promise, resolve } = Promise.withResolvers<ChildExit>();
  const end = (code: number) => resolve({ code, lastLines: [`ended ${code}`] });
  return {
    pid: 1,
    exited: promise,
    end,
    stop() {
      end(143);
      return promise;
    },
  };
}

describe('what is kept running', () => {
  it('is started again after it ended by itself, each time after a longer wait, and is told', async () => {
    const children: ReturnType<typeof fakeChild>[] = [];
    const told: (readonly [number, number])[] = [];
    const kept = keepRunning({
      now: () => 0,
      firstDelayMs: 5,
      onEnd: (exit, delayMs) => told.push([exit.code, delayMs]),
      start: async () => {
        const child = fakeChild();
        children.push(child);
        setImmediate(() => children.length < 4 && child.end(children.length));
        return child;
      },
    });
    while (children.length < 4) await sleep(5);
    await sleep(20);
    expect(told).toEqual([
      [1, 5],
      [2, 10],
      [3, 20],
    ]);
    await kept.stop();
    await kept.stop();
    expect(children).toHaveLength(4);
    expect(told).toHaveLength(3);
  });

  it('starts with the short wait again after a good run', async () => {
    let nowMs = 0;
    const delays: number[] = [];
    let starts = 0;
    const kept = keepRunning({
      now: () => nowMs,
      firstDelayMs: 1,
      onEnd: (_exit, delayMs) => delays.push(delayMs),
      start: async () => {
        const child = fakeChild();
        starts += 1;
        if (starts === 3) nowMs += 60_000;
        if (starts < 4) setImmediate(() => child.end(1));
        if (starts === 2) setImmediate(() => (nowMs += 1));
        return child;
      },
    });
    while (starts < 4) await sleep(2);
    await kept.stop();
    expect(delays.slice(0, 2)).toEqual([1, 2]);
    expect(delays).toHaveLength(3);
  });

  it('counts a start that fails as an end', async () => {
    const told: string[] = [];
    const kept = keepRunning({
      now: () => 0,
      firstDelayMs: 10_000,
      onEnd: (exit) => told.push(exit.lastLines.join()),
      start: async () => {
        throw new Error('no token');
      },
    });
    await sleep(10);
    await kept.stop();
    expect(told).toEqual(['no token']);
  });

  it('is renewed without a wait and without a word', async () => {
    let starts = 0;
    const told: number[] = [];
    const kept = keepRunning({
      now: () => 0,
      firstDelayMs: 10_000,
      onEnd: (exit) => told.push(exit.code),
      start: async () => {
        starts += 1;
        return fakeChild();
      },
    });
    await sleep(1);
    kept.renew();
    await sleep(5);
    expect(starts).toBe(2);
    await kept.stop();
    expect(told).toEqual([]);
  });
});

describe("a worker's token", () => {
  async function renewals(ageMs: number, isIdle: boolean): Promise<number> {
    let nowMs = 0;
    let count = 0;
    const renew = () => {
      count += 1;
    };
    const watched = watchToken({ lifeMs: 24 * 3_600_000, now: () => nowMs, isIdle: async () => isIdle, renew, checkMs: 1 });
    nowMs = ageMs;
    await sleep(15);
    watched.stop();
    return count;
  }

  it('is left alone while it is young', async () => {
    expect(await renewals(19 * 3_600_000, true)).toBe(0);
  });

  it('is renewed before it ends, once, when no run is under way', async () => {
    expect(await renewals(21 * 3_600_000, true)).toBe(1);
    expect(await renewals(21 * 3_600_000, false)).toBe(0);
  });

  it('is renewed at its end whatever is under way', async () => {
    expect(await renewals(24 * 3_600_000, false)).toBe(1);
  });
});
