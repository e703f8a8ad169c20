import { uuidv7 } from '../core/id.ts';
import type { Clock, Log, Randomness } from '../core/ports.ts';
import { itemText } from './item.ts';

export interface LossesOptions {
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Log;
  /** Resolves when the entry is on disk. */
  write(text: string): Promise<unknown>;
}

/** Counts entries that were not kept, and writes them down as a gap as soon as something can be written again. */
export class Losses {
  readonly #options: LossesOptions;
  #lost = new Map<string, number>();
  #sinceMs = 0;
  #noting: Promise<boolean> | undefined;

  constructor(options: LossesOptions) {
    this.#options = options;
  }

  get isPending(): boolean {
    return this.#lost.size > 0;
  }

  add(kind: string, count: number): void {
    if (this.#lost.size === 0) {
      this.#sinceMs = this.#options.clock.now();
      this.#options.log.error('audit.entries_lost', { kind });
    }
    this.#lost.set(kind, (this.#lost.get(kind) ?? 0) + count);
  }

  /** False when there is a gap that could not be written. */
  note(): Promise<boolean> {
    if (this.#lost.size === 0 && this.#noting === undefined) return Promise.resolve(true);
    this.#noting ??= this.#write().finally(() => {
      this.#noting = undefined;
    });
    return this.#noting;
  }

  async #write(): Promise<boolean> {
    const { clock, randomness } = this.#options;
    const noted = this.#lost;
    const timeMs = this.#sinceMs;
    this.#lost = new Map();
    const record = { id: uuidv7(clock, randomness), timeMs, untilMs: clock.now(), lost: Object.fromEntries(noted) };
    try {
      await this.#options.write(itemText({ kind: 'gap', record }));
      return true;
    } catch {
      for (const [kind, count] of noted) this.#lost.set(kind, (this.#lost.get(kind) ?? 0) + count);
      this.#sinceMs = timeMs;
      return false;
    }
  }
}
