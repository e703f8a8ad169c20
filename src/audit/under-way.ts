import type { DecisionRecord, OutcomeRecord } from '../core/record.ts';

export interface ReadsUnderWayOptions {
  /** Decisions kept back at once; more are handed on as they come. */
  readonly maxItems: number;
  /** Without an end when the call took longer. */
  onReady(record: DecisionRecord, end: OutcomeRecord | undefined): void;
}

/**
 * Reads are kept back for a moment, since most end within it: decision and outcome are then one entry. What has not ended by the
 * second turn is handed on without its outcome, which then has an entry of its own.
 */
export class ReadsUnderWay {
  readonly #options: ReadsUnderWayOptions;
  #recent = new Map<string, DecisionRecord>();
  #older = new Map<string, DecisionRecord>();

  constructor(options: ReadsUnderWayOptions) {
    this.#options = options;
  }

  add(record: DecisionRecord): void {
    const { maxItems, onReady } = this.#options;
    if (this.#recent.size + this.#older.size < maxItems) this.#recent.set(record.id, record);
    else onReady(record, undefined);
  }

  /** False when no read of this id is kept back. */
  end(outcome: OutcomeRecord): boolean {
    const { id } = outcome;
    const record = this.#recent.get(id) ?? this.#older.get(id);
    if (record === undefined) return false;
    if (!this.#recent.delete(id)) this.#older.delete(id);
    this.#options.onReady(record, outcome);
    return true;
  }

  turn(): void {
    const due = this.#older;
    this.#older = this.#recent;
    this.#recent = new Map();
    for (const record of due.values()) this.#options.onReady(record, undefined);
  }

  /** Hands on all there is. */
  close(): void {
    this.turn();
    this.turn();
  }
}
