import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../core/ports.ts';
import { seqWrittenFrom } from './place.ts';

export interface RetentionLimits {
  /** Entries written longer ago are deleted. */
  readonly maxAgeMs: number;
  /** Pages in use above which the oldest entries are deleted; the small state counts too, the write-ahead log does not. */
  readonly maxBytes: number;
}

export interface RetentionOptions {
  readonly database: DatabaseSync;
  readonly limits: RetentionLimits;
  readonly clock: Clock;
}

/** What one run deleted. */
export interface Deletion {
  readonly reason: 'age' | 'bytes';
  readonly entries: number;
  /** Place of the oldest entry that is left. */
  readonly oldest: number;
}

/** A deletion under way, of entries whose place is below `below`. */
interface Run {
  readonly reason: 'age' | 'bytes';
  readonly below: number;
  entries: number;
  oldest: number;
}

/** Entries of one step; a step holds the writer for a few milliseconds. */
const STEP = 500;
/** A run over the size deletes to this share of it, so that the next does not follow at once. */
const TARGET_SHARE = 0.95;
/** Free pages given back in one step, and how many may stay for the next entries. */
const VACUUM_PAGES = 500;
const SPARE_BYTES = 64 * 1024 * 1024;

/**
 * Deletes the oldest entries by age and size in small steps, so that writes pass between them. The newest entry always stays,
 * so that places are never given twice.
 */
export class Retention {
  readonly #options: RetentionOptions;
  #run: Run | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /**
   * One step, in a transaction of its own. `more`: call again soon. `finished`: a run has ended with this step, for the record.
   * Throws what SQLite throws, with nothing deleted.
   */
  step(): { readonly more: boolean; readonly finished?: Deletion } {
    this.#run ??= this.#due();
    const run = this.#run;
    if (run === undefined) return { more: this.#giveBack() };
    const { oldest } = this.#range();
    const end = Math.min(oldest + STEP, run.below);
    this.#transaction(() => {
      const { database } = this.#options;
      for (const table of ['audit_entry', 'audit_body', 'audit_folded']) {
        database.prepare(`DELETE FROM ${table} WHERE seq < ?`).run(end);
      }
    });
    run.entries += Math.max(0, end - oldest);
    run.oldest = end;
    const isEnough = run.reason === 'bytes' && this.#usedBytes() <= this.#options.limits.maxBytes * TARGET_SHARE;
    if (end < run.below && !isEnough) return { more: true };
    this.#run = undefined;
    return { more: true, finished: { reason: run.reason, entries: run.entries, oldest: run.oldest } };
  }

  #due(): Run | undefined {
    const { database, limits, clock } = this.#options;
    const { oldest, newest } = this.#range();
    if (newest <= oldest) return undefined;
    const below = Math.min(seqWrittenFrom(database, clock.now() - limits.maxAgeMs), newest);
    if (below > oldest) return { reason: 'age', entries: 0, oldest, below };
    if (this.#usedBytes() > limits.maxBytes) return { reason: 'bytes', entries: 0, oldest, below: newest };
    return undefined;
  }

  #range(): { readonly oldest: number; readonly newest: number } {
    const row = this.#options.database
      .prepare('SELECT (SELECT min(seq) FROM audit_entry) AS oldest, (SELECT max(seq) FROM audit_entry) AS newest')
      .get();
    return { oldest: Number(row?.['oldest'] ?? 0), newest: Number(row?.['newest'] ?? 0) };
  }

  #pages(): { readonly size: number; readonly all: number; readonly free: number } {
    const row = this.#options.database
      .prepare(
        'SELECT page_size AS size, page_count AS pages, freelist_count AS free FROM pragma_page_size, pragma_page_count, pragma_freelist_count',
      )
      .get();
    return { size: Number(row?.['size']), all: Number(row?.['pages']), free: Number(row?.['free']) };
  }

  #usedBytes(): number {
    const { size, all, free } = this.#pages();
    return (all - free) * size;
  }

  /** Returns pages to the file system while more are free than a while's entries need. True when there is more to give. */
  #giveBack(): boolean {
    const { size, free } = this.#pages();
    const spare = Math.min(SPARE_BYTES, this.#options.limits.maxBytes / 4);
    if (free * size <= spare) return false;
    this.#options.database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
    return this.#pages().free < free;
  }

  #transaction(work: () => void): void {
    const { database } = this.#options;
    database.exec('BEGIN IMMEDIATE');
    try {
      work();
      database.exec('COMMIT');
    } catch (thrown) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw thrown;
    }
  }
}
