import type { Clock } from '../core/ports.ts';

/** Writes items in one transaction and resolves when they are on disk, with the places of those that cannot be written. */
export type WriteDurably = (items: readonly string[]) => Promise<ReadonlySet<number>>;

export interface DurableLaneOptions {
  readonly write: WriteDurably;
  readonly clock: Clock;
  /** Items that wait or are being written; more are refused at once. */
  readonly maxItems: number;
  /** How long an item may take, in milliseconds; a slow disk must not hold every call. */
  readonly deadlineMs: number;
}

interface Item {
  readonly text: string;
  readonly sinceMs: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/**
 * Entries whose callers wait for the disk. What comes within one turn of the event loop is handed over as one batch; nothing is
 * ever tried again, since its caller has been told. While an item is past its deadline, new ones are refused at once.
 */
export class DurableLane {
  readonly #options: DurableLaneOptions;
  #waiting: Item[] = [];
  readonly #inFlight = new Map<readonly Item[], Promise<void>>();
  #items = 0;

  constructor(options: DurableLaneOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#items;
  }

  /** True while the writer has not answered within the deadline. */
  get isStalled(): boolean {
    const oldest = this.#inFlight.keys().next().value?.[0];
    return oldest !== undefined && this.#options.clock.now() - oldest.sinceMs > this.#options.deadlineMs;
  }

  /** Resolves when the item is on disk; rejects when that is not known to be so. */
  append(text: string): Promise<void> {
    if (this.#items >= this.#options.maxItems) return Promise.reject(new Error('too many entries wait'));
    if (this.isStalled) return Promise.reject(new Error('the writer does not answer'));
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#handOver());
      this.#waiting.push({ text, sinceMs: this.#options.clock.now(), resolve, reject });
      this.#items += 1;
    });
  }

  /** Fails what is past its deadline. It may still be written later: recorded, and not made. */
  tick(): void {
    const before = this.#options.clock.now() - this.#options.deadlineMs;
    for (const items of this.#inFlight.keys()) {
      for (const item of items) if (item.sinceMs < before) item.reject(new Error('the writer does not answer'));
    }
  }

  /** Resolves when nothing that was handed in before waits any more. */
  async drain(): Promise<void> {
    this.#handOver();
    await Promise.all(this.#inFlight.values());
  }

  #handOver(): void {
    if (this.#waiting.length === 0) return;
    const items = this.#waiting;
    this.#waiting = [];
    this.#inFlight.set(items, this.#fly(items));
  }

  async #fly(items: readonly Item[]): Promise<void> {
    try {
      const refused = await this.#options.write(items.map((item) => item.text));
      items.forEach((item, index) => {
        if (refused.has(index)) item.reject(new Error('the entry cannot be written'));
        else item.resolve();
      });
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown : new Error('the writer failed');
      for (const item of items) item.reject(reason);
    } finally {
      this.#items -= items.length;
      this.#inFlight.delete(items);
    }
  }
}
