import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { healthBoard, quietLog } from '../../test/support/records.ts';
import type { FromWriter, ToWriter } from './message.ts';
import { WriterLink, type WriterThread } from './writer-link.ts';

/** A writer that does as the test says. */
class FakeThread extends EventEmitter implements WriterThread {
  readonly received: ToWriter[] = [];
  postMessage(message: ToWriter): void {
    this.received.push(message);
  }
  say(message: FromWriter): void {
    this.emit('message', message);
  }
  async terminate(): Promise<void> {
    this.emit('exit', 1);
  }
}

function setUp() {
  const threads: FakeThread[] = [];
  const firsts: boolean[] = [];
  const health = healthBoard();
  const link = new WriterLink({
    log: quietLog,
    health,
    spawn: (isFirst) => {
      firsts.push(isFirst);
      const thread = new FakeThread();
      threads.push(thread);
      return thread;
    },
  });
  const thread = (index = 0): FakeThread => threads[index] ?? expect.unreachable();
  return { link, threads, thread, firsts, health };
}

describe('the link to the writer', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('resolves a batch when the writer says that it is on disk', async () => {
    const { link, thread, health } = setUp();
    thread().say({ kind: 'ready' });
    const written = link.submit('kv', [1]);
    const batch = thread().received[0];
    expect(batch).toEqual({ kind: 'batch', batch: { id: 1, room: 'kv', items: [1] } });
    thread().say({ kind: 'done', batches: [{ id: 1, values: [true] }] });
    expect(await written).toEqual({ id: 1, values: [true] });
    expect(health.states.get('store')).toBe('ok');
  });

  it('refuses at once while no writer is there', async () => {
    const { link } = setUp();
    await expect(link.submit('kv', [1])).rejects.toThrow('not running');
  });

  it('rejects what a dead writer had, tells health, and starts another after a pause that grows', async () => {
    const { link, threads, thread, firsts, health } = setUp();
    thread().say({ kind: 'ready' });
    const written = link.submit('kv', [1]);
    thread().emit('exit', 1);
    await expect(written).rejects.toThrow('the writer ended');
    expect(health.states.get('store')).toBe('failed');
    vi.advanceTimersByTime(100);
    expect(threads).toHaveLength(2);
    thread(1).emit('error', new Error('cannot start'));
    vi.advanceTimersByTime(199);
    expect(threads).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(threads).toHaveLength(3);
    thread(2).say({ kind: 'ready' });
    expect(health.states.get('store')).toBe('ok');
    expect(firsts).toEqual([true, false, false]);
  });

  it('calls it a first start until one writer was ready', () => {
    const { thread, firsts } = setUp();
    thread().emit('exit', 1);
    vi.advanceTimersByTime(100);
    expect(firsts).toEqual([true, true]);
  });

  it('rejects the batches of a failed transaction and keeps the writer', async () => {
    const { link, thread, threads, health } = setUp();
    thread().say({ kind: 'ready' });
    const first = link.submit('kv', [1]);
    const second = link.submit('audit', [2]);
    thread().say({ kind: 'failed', ids: [1], reason: 'the disk is full' });
    await expect(first).rejects.toThrow('the disk is full');
    expect(health.states.get('store')).toBe('failed');
    thread().say({ kind: 'done', batches: [{ id: 2 }] });
    await second;
    expect(health.states.get('store')).toBe('ok');
    expect(threads).toHaveLength(1);
  });

  it('ends when closed, and starts no other', async () => {
    const { link, thread, threads } = setUp();
    thread().say({ kind: 'ready' });
    const closed = link.close();
    expect(thread().received).toEqual([{ kind: 'close' }]);
    thread().say({ kind: 'closed' });
    await closed;
    vi.advanceTimersByTime(60_000);
    expect(threads).toHaveLength(1);
    await expect(link.submit('kv', [1])).rejects.toThrow('not running');
  });

  it('does not wait for ever for a writer that hangs', async () => {
    const { link, thread } = setUp();
    thread().say({ kind: 'ready' });
    const written = link.submit('kv', [1]);
    const closed = link.close(500);
    vi.advanceTimersByTime(500);
    await closed;
    await expect(written).rejects.toThrow();
  });
});
