import { OpenParcel, type Parcel, textBytes } from './parcel.ts';

/** Writes a parcel in one transaction and resolves when it is on disk. `refused` counts items that can never be written. */
export type WriteParcel = (parcel: Parcel, isRetry: boolean) => Promise<{ readonly refused: number }>;

export interface LaneOptions {
  readonly write: WriteParcel;
  /** Items that wait or are being written; more are lost. */
  readonly maxItems: number;
  /** Memory of their parcels, in bytes. */
  readonly maxBytes: number;
  /** Memory of one parcel; a full one is handed over without waiting for the next tick. */
  readonly parcelBytes: number;
  readonly maxInFlight: number;
  onLost(count: number): void;
  onWritten(): void;
}

/** Empty parcels that are kept for the next items. */
const MAX_SPARE = 8;

/**
 * A bounded queue of entries whose callers do not wait. A parcel that failed is tried again at the next tick, in its old order;
 * what finds no room is lost and counted, never silently.
 */
export class Lane {
  readonly #options: LaneOptions;
  /** Oldest first; the last is the one that is being filled. */
  readonly #waiting: OpenParcel[] = [];
  readonly #again: OpenParcel[] = [];
  readonly #spare: OpenParcel[] = [];
  #items = 0;
  #bytes = 0;
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
    if (this.#items >= this.#options.maxItems || !this.#put(text)) {
      this.#options.onLost(1);
      return;
    }
    this.#items += 1;
    if (this.#waiting.length > 1) this.#pump(1);
  }

  /** Hands over what waits; also what failed before. */
  tick(): void {
    this.#isPaused = false;
    this.#pump(0);
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

  #put(text: string): boolean {
    if (this.#waiting.at(-1)?.add(text)) return true;
    const { parcelBytes, maxBytes } = this.#options;
    const size = Math.max(parcelBytes, textBytes(text));
    if (this.#bytes + size > maxBytes) return false;
    const parcel = (size === parcelBytes ? this.#spare.pop() : undefined) ?? new OpenParcel(size);
    this.#bytes += size;
    this.#waiting.push(parcel);
    return parcel.add(text);
  }

  /** Hands over all but the last `left` that wait, as far as may be under way at once. */
  #pump(left: number): void {
    while (!this.#isPaused && this.#inFlight.size < this.#options.maxInFlight) {
      const again = this.#again.shift();
      const parcel = again ?? (this.#waiting.length > left ? this.#waiting.shift() : undefined);
      if (parcel === undefined) return;
      const flight = this.#fly(parcel, again !== undefined);
      this.#inFlight.add(flight);
      // #fly never rejects.
      void flight.then(() => {
        this.#inFlight.delete(flight);
        this.#pump(1);
      });
    }
  }

  async #fly(parcel: OpenParcel, isRetry: boolean): Promise<boolean> {
    try {
      const { refused } = await this.#options.write(parcel, isRetry);
      this.#items -= parcel.items;
      this.#bytes -= parcel.memory.byteLength;
      parcel.clear();
      if (parcel.memory.byteLength === this.#options.parcelBytes && this.#spare.length < MAX_SPARE) this.#spare.push(parcel);
      if (refused > 0) this.#options.onLost(refused);
      this.#options.onWritten();
      return true;
    } catch {
      this.#isPaused = true;
      this.#again.push(parcel);
      return false;
    }
  }
}
