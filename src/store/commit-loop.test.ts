import type { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freshDatabase, temporaryFolder } from '../../test/support/records.ts';
import { CommitLoop } from './commit-loop.ts';
import { openDatabase } from './database.ts';
import type { Batch, FromWriter } from './message.ts';

interface Fault {
  readonly errcode: number;
  readonly on: string;
}

/** The real engine, but for one statement that fails as SQLite would. */
function failing(database: DatabaseSync, fault: () => Fault | undefined): DatabaseSync {
  return new Proxy(database, {
    get(target, name) {
      if (name !== 'exec') {
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return (sql: string) => {
        const due = fault();
        if (due !== undefined && sql.startsWith(due.on)) throw Object.assign(new Error('injected'), { errcode: due.errcode });
        target.exec(sql);
      };
    },
  });
}

function setUp() {
  const { file, database } = freshDatabase(temporaryFolder(onTestFinished));
  const reads = openDatabase(file, 'read', 100);
  const queue: Batch[] = [];
  const replies: FromWriter[] = [];
  const calls: string[] = [];
  let fault: Fault | undefined;
  const insert = database.prepare("INSERT INTO kv VALUES ('t', ?, '1', NULL)");
  const loop = new CommitLoop({
    database: failing(database, () => fault),
    handlers: {
      t: (item) => {
        if (item === 'poison') throw new TypeError('not an item');
        insert.run(String(item));
        return undefined;
      },
    },
    next: () => queue.shift(),
    reply: (message) => replies.push(message),
    onCommit: () => calls.push('commit'),
    onRollback: () => calls.push('rollback'),
    onFatal: () => calls.push('fatal'),
  });
  onTestFinished(() => {
    reads.close();
    database.close();
  });
  return {
    loop,
    queue,
    replies,
    calls,
    keys: () =>
      reads
        .prepare('SELECT key FROM kv ORDER BY key')
        .all()
        .map((row) => row['key']),
    inject(next: Fault | undefined) {
      fault = next;
    },
  };
}

describe('the commit loop', () => {
  it('takes all that waits into one transaction, and says so after it is on disk', () => {
    const { loop, queue, replies, calls, keys } = setUp();
    queue.push({ id: 2, room: 't', items: ['b'] }, { id: 3, room: 't', items: ['c', 'd'] });
    loop.run({ id: 1, room: 't', items: ['a'] });
    expect(replies).toEqual([{ kind: 'done', batches: [{ id: 1 }, { id: 2 }, { id: 3 }] }]);
    expect(calls).toEqual(['commit']);
    expect(keys()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('refuses an item that is none, alone', () => {
    const { loop, replies, keys } = setUp();
    loop.run({ id: 1, room: 't', items: ['a', 'poison', 'b'] });
    expect(replies).toEqual([{ kind: 'done', batches: [{ id: 1, refused: [{ index: 1, reason: 'TypeError' }] }] }]);
    expect(keys()).toEqual(['a', 'b']);
  });

  it('writes nothing of a transaction that a full disk ended, and goes on with the next', () => {
    const { loop, replies, calls, keys, inject } = setUp();
    inject({ errcode: 13, on: 'COMMIT' });
    loop.run({ id: 1, room: 't', items: ['a'] });
    expect(replies).toEqual([{ kind: 'failed', ids: [1], reason: 'the disk is full' }]);
    expect(calls).toEqual(['rollback']);
    expect(keys()).toEqual([]);
    inject(undefined);
    loop.run({ id: 2, room: 't', items: ['b'] });
    expect(keys()).toEqual(['b']);
  });

  it('fails all batches of the transaction when one meets a broken constraint', () => {
    const { loop, queue, replies, keys } = setUp();
    queue.push({ id: 2, room: 't', items: ['a'] });
    loop.run({ id: 1, room: 't', items: ['a'] });
    expect(replies).toMatchObject([{ kind: 'failed', ids: [1, 2] }]);
    expect(keys()).toEqual([]);
  });

  it('ends after a failed fsync, since nobody knows what is on disk then', () => {
    const { loop, replies, calls, inject } = setUp();
    inject({ errcode: 10 | (4 << 8), on: 'COMMIT' });
    loop.run({ id: 1, room: 't', items: ['a'] });
    expect(replies).toMatchObject([{ kind: 'failed', ids: [1], reason: 'disk I/O error' }]);
    expect(calls).toEqual(['fatal']);
  });
});
