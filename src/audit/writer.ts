import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../core/ports.ts';
import type { OutcomeRecord } from '../core/record.ts';
import { entryText } from './draft.ts';
import { type ItemRow, itemText, readItem } from './item.ts';
import { Names } from './names.ts';
import { OpenDecisions } from './open-decisions.ts';
import { type Parcel, textsOf } from './parcel.ts';
import { idBytes, TYPE_NUMBER } from './row.ts';
import { type Sealer, sealDigest } from './seal.ts';

export interface AuditWriterOptions {
  readonly database: DatabaseSync;
  readonly sealer: Sealer;
  readonly clock: Clock;
}

/** Entries between two notes of where the oldest open decision stands. */
const NOTE_EVERY = 1_000;

/** The writer's side of the record: turns items into entries and rows, inside the transaction of whoever calls. */
export class AuditWriter {
  readonly #options: AuditWriterOptions;
  readonly #names: Names;
  readonly #open: OpenDecisions;
  readonly #insertEntry: StatementSync;
  readonly #insertBody: StatementSync;
  readonly #insertFolded: StatementSync;
  readonly #has: StatementSync;
  #nextSeq = 1;
  #writtenMs = 0;
  #sinceNote = 0;

  constructor(options: AuditWriterOptions) {
    const { database } = options;
    this.#options = options;
    this.#names = new Names(database);
    this.#open = new OpenDecisions(database);
    this.#insertEntry = database.prepare('INSERT INTO audit_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#insertBody = database.prepare('INSERT INTO audit_body VALUES (?, ?, ?)');
    this.#insertFolded = database.prepare('INSERT OR IGNORE INTO audit_folded VALUES (?, ?)');
    this.#has = database.prepare('SELECT 1 FROM audit_entry WHERE id = ? AND type = ? LIMIT 1');
    this.#open.reload();
    this.#readLast();
  }

  /** The transaction that `write` was called in is on disk. */
  committed(): void {
    this.#open.committed();
  }

  /** It was undone: what memory holds beside the rows follows. */
  rolledBack(): void {
    this.#names.forget();
    this.#open.rolledBack();
    this.#readLast();
  }

  #readLast(): void {
    const last = this.#options.database.prepare('SELECT seq, written_ms FROM audit_entry ORDER BY seq DESC LIMIT 1').get();
    this.#nextSeq = Number(last?.['seq'] ?? 0) + 1;
    this.#writtenMs = Number(last?.['written_ms'] ?? 0);
  }

  /** Writes one item, the text of `itemText`. Throws before its first statement when it is not one. */
  write(text: string, isRetry: boolean): void {
    this.#write(readItem(text), isRetry);
  }

  #write(item: ItemRow, isRetry: boolean): void {
    const id = idBytes(item.id);
    if (isRetry && this.#has.get(id, item.type) !== undefined) return;
    const sealed = item.secret === undefined ? undefined : this.#options.sealer.seal(item.secret, item.id);
    const seq = this.#nextSeq++;
    this.#writtenMs = Math.max(this.#writtenMs, this.#options.clock.now());
    this.#insertEntry.run(
      seq,
      this.#writtenMs,
      item.timeMs,
      item.type,
      id,
      item.isOpen ? 1 : 0,
      this.#name(item.caller),
      this.#name(item.target),
      this.#name(item.actions),
      item.verdict ?? null,
      item.resources ?? null,
    );
    this.#insertBody.run(seq, entryText(item, sealed && sealDigest(sealed)), sealed ?? null);
    for (const folded of item.folded) this.#insertFolded.run(idBytes(folded), seq);
    if (item.isOpen) this.#open.add(item.id, seq);
    if (item.type === TYPE_NUMBER['outcome.v1']) this.#open.close(item.id);
    this.#sinceNote += 1;
    if (this.#sinceNote >= NOTE_EVERY) this.noteOpen();
  }

  /** Writes the items of a parcel, but for those that are none; returns how many those were. Throws what SQLite throws. */
  writeParcel(parcel: Parcel, isRetry: boolean): number {
    let refused = 0;
    for (const text of textsOf(parcel)) {
      const item = itemOrNone(text);
      if (item === undefined) refused += 1;
      else this.#write(item, isRetry);
    }
    return refused;
  }

  /** Notes where the oldest open decision stands, so that a start need not look further back. */
  noteOpen(): void {
    this.#sinceNote = 0;
    this.#open.note(this.#nextSeq);
  }

  /**
   * Closes with outcome `unknown` each durable decision that an earlier process left open. Only for the start of a process: a
   * writer that is started again in a living one must leave them, their outcomes are still to come. Returns how many.
   */
  closeOpen(): number {
    const ids = this.#open.ids();
    const timeMs = this.#options.clock.now();
    for (const id of ids) {
      const record: OutcomeRecord = { id, timeMs, durationMs: 0, outcome: { kind: 'unknown' } };
      this.write(itemText({ kind: 'outcome', record }), false);
    }
    this.noteOpen();
    return ids.length;
  }

  #name(text: string | undefined): number | null {
    return text === undefined ? null : this.#names.number(text);
  }
}

function itemOrNone(text: string): ItemRow | undefined {
  try {
    return readItem(text);
  } catch {
    return undefined;
  }
}
