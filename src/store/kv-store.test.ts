import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freshDatabase, handClock, temporaryFolder } from '../../test/support/records.ts';
import { runs } from '../../test/support/runs.ts';
import { CommitLoop } from './commit-loop.ts';
import { openDatabase } from './database.ts';
import { KvStore } from './kv-store.ts';
import { kvHandler, sweepExpired } from './kv-writer.ts';
import type { FromWriter } from './message.ts';

function open(dir = temporaryFolder(onTestFinished)) {
  const { file, database } = freshDatabase(dir);
  const reads = openDatabase(file, 'read', 100);
  onTestFinished(() => {
    reads.close();
    database.close();
  });
  const clock = handClock();
  let reply: FromWriter | undefined;
  let isBroken = false;
  const loop = new CommitLoop({
    database,
    handlers: { kv: kvHandler(database) },
    next: () => undefined,
    reply: (message) => {
      reply = message;
    },
    onCommit() {},
    onRollback() {},
    onFatal() {},
  });
  const store = new KvStore({
    database: reads,
    clock,
    writer: {
      async submit(room, items) {
        if (isBroken) throw new Error('broken');
        loop.run({ id: 1, room, items });
        if (reply?.kind !== 'done' || reply.batches[0] === undefined) throw new Error('not written');
        return reply.batches[0];
      },
    },
  });
  return {
    store,
    clock,
    database,
    breakWriter() {
      isBroken = true;
    },
  };
}

describe('the store', () => {
  it('reads back what it wrote as soon as the write has resolved', async () => {
    const { store } = open();
    await store.put('session', 'a', { user: 'ada', count: 3 });
    expect(await store.get('session', 'a')).toEqual({ user: 'ada', count: 3 });
    await store.put('session', 'a', null);
    expect(await store.get('session', 'a')).toBeNull();
    await store.delete('session', 'a');
    expect(await store.get('session', 'a')).toBeUndefined();
    expect(await store.get('other', 'a')).toBeUndefined();
  });

  it('adds only what is absent or expired', async () => {
    const { store, clock } = open();
    expect(await store.add('code', 'k', 1, { expiresAtMs: clock.now() + 10 })).toBe(true);
    expect(await store.add('code', 'k', 2)).toBe(false);
    expect(await store.get('code', 'k')).toBe(1);
    clock.move(10);
    expect(await store.add('code', 'k', 3)).toBe(true);
    expect(await store.get('code', 'k')).toBe(3);
  });

  it('gives a one-time value once, and never after its time', async () => {
    const { store, clock } = open();
    await store.put('code', 'k', 'v', { expiresAtMs: clock.now() + 10 });
    expect(await store.take('code', 'k')).toBe('v');
    expect(await store.take('code', 'k')).toBeUndefined();
    await store.put('code', 'k', 'v', { expiresAtMs: clock.now() + 10 });
    clock.move(10);
    expect(await store.take('code', 'k')).toBeUndefined();
  });

  it('takes one value once among many who ask at the same time', async () => {
    const { store } = open();
    await store.put('code', 'k', 'v');
    const taken = await Promise.all(Array.from({ length: 20 }, () => store.take('code', 'k')));
    expect(taken.filter((value) => value === 'v')).toHaveLength(1);
  });

  it('lists by exact prefix, in order, without the expired', async () => {
    const { store, clock } = open();
    await store.put('r', 'a%1', 1);
    await store.put('r', 'a_2', 2, { expiresAtMs: clock.now() + 5 });
    await store.put('r', 'a_1', 3);
    await store.put('r', 'ab', 4);
    await store.put('s', 'a_3', 5);
    expect(await store.list('r', 'a_')).toEqual([
      { key: 'a_1', value: 3 },
      { key: 'a_2', value: 2, expiresAtMs: clock.now() + 5 },
    ]);
    clock.move(5);
    expect((await store.list('r')).map((entry) => entry.key)).toEqual(['a%1', 'a_1', 'ab']);
  });

  it('forgets expired values in small steps', async () => {
    const { store, clock, database } = open();
    for (let index = 0; index < 5; index++) await store.put('r', `k${index}`, index, { expiresAtMs: clock.now() + 1 });
    await store.put('r', 'kept', 1);
    expect(sweepExpired(database, clock.now() + 1, 3)).toBe(true);
    expect(sweepExpired(database, clock.now() + 1, 3)).toBe(false);
    expect(database.prepare('SELECT key FROM kv').all()).toHaveLength(1);
  });

  it('says that it is unavailable when the writer is, and reads on', async () => {
    const { store, breakWriter } = open();
    await store.put('r', 'k', 1);
    breakWriter();
    await expect(store.put('r', 'k', 2)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', kind: 'fault' });
    await expect(store.take('r', 'k')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await store.get('r', 'k')).toBe(1);
  });

  it('refuses what is no JSON and what is too large', async () => {
    const { store } = open();
    await expect(store.put('r', 'k', undefined)).rejects.toThrow(TypeError);
    await expect(store.put('r', 'k'.repeat(2_000), 1)).rejects.toMatchObject({ code: 'STORE_VALUE_TOO_LARGE' });
  });

  it('keeps any key and any JSON value as it is', async () => {
    const { store } = open();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), fc.jsonValue(), async (key, value) => {
        const sane = key.replaceAll('\0', '');
        await store.put('any', sane, value);
        expect(await store.get('any', sane)).toEqual(JSON.parse(JSON.stringify(value)));
        expect((await store.list('any', sane)).map((entry) => entry.key)).toContain(sane);
      }),
      { numRuns: runs(25) },
    );
  });
});
