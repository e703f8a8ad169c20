import type { Health, Log } from '../core/ports.ts';
import type { BatchDone, FromWriter, ToWriter } from './message.ts';

/** What the link needs of a `Worker`; tests pass one that fails on demand. */
export interface WriterThread {
  postMessage(message: ToWriter): void;
  on(event: 'message', listener: (message: FromWriter) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

export interface WriterLinkOptions {
  /** Starts a writer; `isFirst` says that the process before has ended, so that what it left open is closed. */
  spawn(isFirst: boolean): WriterThread;
  readonly log: Log;
  readonly health: Health;
  /** First pause before a new writer; doubles up to `maxBackoffMs`. 100 when absent. */
  readonly backoffMs?: number;
  /** 5,000 when absent. */
  readonly maxBackoffMs?: number;
}

interface Waiting {
  resolve(done: BatchDone): void;
  reject(reason: Error): void;
}

/** Name in health of the thread that writes. */
const COMPONENT = 'store';

/**
 * The gateway's end of the writer thread. A batch's promise resolves when it is on disk and rejects when it is not known to be:
 * at once while no writer is there, and when the writer dies or says that the disk failed. A dead writer is started again.
 */
export class WriterLink {
  readonly #options: WriterLinkOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onReady: (() => void)[] = [];
  #thread: WriterThread | undefined;
  #isReady = false;
  #hasBeenReady = false;
  #nextId = 1;
  #failures = 0;
  #restart: NodeJS.Timeout | undefined;
  #closing: (() => void) | undefined;
  #lastState = '';

  constructor(options: WriterLinkOptions) {
    this.#options = options;
    this.#start();
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Writers that ended since one last wrote something. */
  get failures(): number {
    return this.#failures;
  }

  /** Called each time a writer begins to take batches. */
  onReady(listener: () => void): void {
    this.#onReady.push(listener);
    if (this.#isReady) listener();
  }

  submit(room: string, items: readonly unknown[], isRetry = false): Promise<BatchDone> {
    const thread = this.#thread;
    if (thread === undefined || !this.#isReady || this.#closing !== undefined) {
      return Promise.reject(new Error('the writer is not running'));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      try {
        thread.postMessage({ kind: 'batch', batch: { id, room, items, ...(isRetry ? { isRetry } : {}) } });
      } catch (thrown) {
        this.#waiting.delete(id);
        reject(thrown instanceof Error ? thrown : new Error('the batch cannot be handed over'));
      }
    });
  }

  /** Lets the writer finish what it was given; ends it after `timeoutMs` whatever it does. */
  async close(timeoutMs = 10_000): Promise<void> {
    clearTimeout(this.#restart);
    const thread = this.#thread;
    if (thread === undefined) {
      this.#closing = () => undefined;
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#closing = () => {
        clearTimeout(timer);
        resolve();
      };
      thread.postMessage({ kind: 'close' });
    });
    await thread.terminate();
    this.#failAll('the writer was closed');
  }

  #start(): void {
    let thread: WriterThread;
    try {
      thread = this.#options.spawn(!this.#hasBeenReady);
    } catch (thrown) {
      this.#died(undefined, thrown);
      return;
    }
    this.#thread = thread;
    thread.on('message', (message) => this.#receive(message));
    thread.on('error', (error) => this.#died(thread, error));
    thread.on('exit', () => this.#died(thread, new Error('the writer thread ended')));
  }

  #receive(message: FromWriter): void {
    switch (message.kind) {
      case 'ready':
        this.#isReady = true;
        this.#hasBeenReady = true;
        this.#setHealth('ok');
        for (const listener of this.#onReady) listener();
        return;
      case 'done':
        this.#failures = 0;
        this.#setHealth('ok');
        for (const done of message.batches) this.#take(done.id)?.resolve(done);
        return;
      case 'failed':
        this.#setHealth('failed', `the store cannot be written: ${message.reason}`);
        for (const id of message.ids) this.#take(id)?.reject(new Error(message.reason));
        return;
      case 'log':
        this.#options.log[message.level](message.event, message.fields);
        return;
      case 'closed':
        this.#closing?.();
        return;
      default:
        message satisfies never;
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #died(thread: WriterThread | undefined, reason: unknown): void {
    if (thread !== this.#thread) return;
    this.#thread = undefined;
    this.#isReady = false;
    this.#failAll('the writer ended');
    if (this.#closing !== undefined) {
      this.#closing();
      return;
    }
    const pauseMs = Math.min((this.#options.backoffMs ?? 100) * 2 ** this.#failures, this.#options.maxBackoffMs ?? 5_000);
    this.#failures += 1;
    this.#setHealth('failed', 'the writer ended and is started again');
    this.#options.log.error('store.writer_ended', { reason: reason instanceof Error ? reason.message : 'unknown', pauseMs });
    this.#restart = setTimeout(() => this.#start(), pauseMs);
    this.#restart.unref();
  }

  #failAll(reason: string): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new Error(reason));
  }

  #setHealth(state: 'ok' | 'failed', message?: string): void {
    const text = `${state} ${message ?? ''}`;
    if (text === this.#lastState) return;
    this.#lastState = text;
    this.#options.health.set(COMPONENT, state, message);
    if (state === 'failed') this.#options.log.error('store.write_failed', { reason: message });
  }
}
