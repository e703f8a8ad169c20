/** Writes items in one transaction and resolves when they are on disk. `refused` counts those that can never be written. */
export type WriteItems = (items: readonly string[], isRetry: boolean) => Promise<{ readonly refused: number }>;

export interface LaneOptions {
  readonly write: WriteItems;
  /** Items that wait or are being written; more are lost. */
  readonly maxItems: number;
  /** Their text, in UTF-16 units. */
  readonly maxLength: number;
  /** Items of one batch; so many waiting are handed over without waiting for the next tick. */
  readonly batchItems: number;
  readonly maxInFlight: number;
  onLost(count: number): void;
  onWritten(): void;
}

/**
 * A bounded queue of entries whose callers do not wait. A batch that failed is tried again at the next tick, in its old order;
 * what finds no room is lost and counted, never silently.
 */
export class Lane {
  readonly #options: LaneOptions;
  #waiting: string[] = [];
  #again: (readonly string[])[] = [];
  #items = 0;
  #length = 0;
  readonly #inFlight = new Set<Promise<boolean>>();
  #isPaused = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** Items that are not on disk yet. */
  get size(): number {
    return this.#items;
  }

  push(text: string): void {
    const { maxItems, maxLength, batchItems } = this.#options;
    if (this.#items >= maxItems || this.#length + text.length > maxLength) {
      this.#options.onLost(1);
      return;
    }
    this.#waiting.push(text);
    this.#items += 1;
    this.#length += text.length;
    if (this.#waiting.length >= batchItems) this.#pump();
  }

  /** Hands over what waits; also what failed before. */
  tick(): void {
    this.#isPaused = false;
    this.#pump();
  }

  /** Resolves when nothing waits; false when a write failed meanwhile. */
  async drain(): Promise<boolean> {
    while (this.#items > 0) {
      this.tick();
      const results = await Promise.all(this.#inFlight);
      if (results.length === 0 || results.includes(false)) return false;
    }
    return true;
  }

  #pump(): void {
    while (!this.#isPaused && this.#inFlight.size < this.#options.maxInFlight) {
      const again = this.#again.shift();
      const items = again ?? this.#waiting.splice(0, this.#options.batchItems);
      if (items.length === 0) return;
      const flight = this.#fly(items, again !== undefined);
      this.#inFlight.add(flight);
      // #fly never rejects.
      void flight.then(() => this.#inFlight.delete(flight));
    }
  }

  async #fly(items: readonly string[], isRetry: boolean): Promise<boolean> {
    try {
      const { refused } = await this.#options.write(items, isRetry);
      this.#items -= items.length;
      this.#length -= items.reduce((sum, text) => sum + text.length, 0);
      if (refused > 0) this.#options.onLost(refused);
      this.#options.onWritten();
      return true;
    } catch {
      this.#isPaused = true;
      this.#again.push(items);
      return false;
    }
  }
}
