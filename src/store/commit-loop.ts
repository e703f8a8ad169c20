import type { DatabaseSync } from 'node:sqlite';
import { isPassing, sqliteCode, sqliteReason } from './database.ts';
import type { Batch, BatchDone, FromWriter } from './message.ts';

/**
 * Applies one item inside the open transaction and yields its value. What it throws that is not SQLite's own refuses this item
 * alone, so it checks before its first statement.
 */
export type ItemHandler = (item: unknown, batch: Batch) => unknown;

export interface CommitLoopOptions {
  readonly database: DatabaseSync;
  readonly handlers: Readonly<Record<string, ItemHandler>>;
  /** The next batch that waits already, or undefined. */
  next(): Batch | undefined;
  reply(message: FromWriter): void;
  /** What handlers keep in memory beside the rows stands. */
  onCommit(): void;
  /** What handlers keep in memory beside the rows is to be undone too. */
  onRollback(): void;
  /** The connection cannot be trusted any more; the thread is to end. */
  onFatal(thrown: unknown): void;
}

/** Bounds how long the first of a transaction waits for the last. */
const MAX_ITEMS = 2_000;

/**
 * Commits whenever it is idle: one transaction takes all that waits, and what comes meanwhile waits for the next. No timer, so a
 * lone write is not delayed, and under load batches form by themselves behind the running fsync.
 */
export class CommitLoop {
  readonly #options: CommitLoopOptions;

  constructor(options: CommitLoopOptions) {
    this.#options = options;
  }

  /** Writes `first` and whatever waits behind it. */
  run(first: Batch): void {
    const batches: Batch[] = [first];
    let items = first.items.length;
    while (items < MAX_ITEMS) {
      const batch = this.#options.next();
      if (batch === undefined) break;
      batches.push(batch);
      items += batch.items.length;
    }
    this.#commit(batches);
  }

  #commit(batches: readonly Batch[]): void {
    const { database, reply } = this.#options;
    try {
      database.exec('BEGIN IMMEDIATE');
      const done = batches.map((batch) => this.#apply(batch));
      database.exec('COMMIT');
      this.#options.onCommit();
      reply({ kind: 'done', batches: done });
    } catch (thrown) {
      const ids = batches.map((batch) => batch.id);
      reply({ kind: 'failed', ids, reason: sqliteReason(thrown) });
      if (!isPassing(thrown) || !this.#rollback()) this.#options.onFatal(thrown);
      else this.#options.onRollback();
    }
  }

  #apply(batch: Batch): BatchDone {
    const handle = this.#options.handlers[batch.room];
    const values: unknown[] = [];
    const refused: { index: number; reason: string }[] = [];
    batch.items.forEach((item, index) => {
      try {
        if (handle === undefined) throw new Error(`no handler for ${batch.room}`);
        values.push(handle(item, batch));
      } catch (thrown) {
        if (sqliteCode(thrown) !== undefined) throw thrown;
        values.push(undefined);
        refused.push({ index, reason: thrown instanceof Error ? thrown.name : 'unknown reason' });
      }
    });
    return {
      id: batch.id,
      ...(values.some((value) => value !== undefined) ? { values } : {}),
      ...(refused.length > 0 ? { refused } : {}),
    };
  }

  #rollback(): boolean {
    try {
      if (this.#options.database.isTransaction) this.#options.database.exec('ROLLBACK');
      return true;
    } catch {
      return false;
    }
  }
}
