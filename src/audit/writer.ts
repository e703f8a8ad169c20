import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../core/ports.ts';
import { canonicalText, safeText } from './canonical.ts';
import { draftEntry, entryText } from './entry.ts';
import type { AuditItem } from './item.ts';
import { Names } from './names.ts';
import { OpenDecisions } from './open-decisions.ts';
import { actionSet, idBytes, resourceLines, TYPE_NUMBER, VERDICT_NUMBER } from './row.ts';
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

  /** Writes one item, JSON text of an `AuditItem`. Throws before its first statement when it is not one. */
  write(text: string, isRetry: boolean): void {
    // Items are made by `recorder.ts` alone.
    const item = JSON.parse(text) as AuditItem;
    const draft = draftEntry(item);
    const id = idBytes(item.record.id);
    const type = TYPE_NUMBER[draft.type];
    const sealed =
      draft.secret === undefined
        ? undefined
        : this.#options.sealer.seal(canonicalText(draft.secret), safeText(item.record.id, 64));
    const entry = entryText(draft, sealed === undefined ? undefined : sealDigest(sealed));
    if (isRetry && this.#has.get(id, type) !== undefined) return;

    const seq = this.#nextSeq++;
    this.#writtenMs = Math.max(this.#writtenMs, this.#options.clock.now());
    const isOpen = item.kind === 'decision' && item.isOpen;
    this.#insertEntry.run(
      seq,
      this.#writtenMs,
      Math.round(item.record.timeMs),
      type,
      id,
      isOpen ? 1 : 0,
      ...this.#searched(item),
    );
    this.#insertBody.run(seq, entry, sealed ?? null);
    if ('fold' in item) for (const folded of item.fold?.ids ?? []) this.#insertFolded.run(idBytes(folded), seq);
    if (isOpen) this.#open.add(item.record.id, seq);
    if (item.kind === 'outcome') this.#open.close(item.record.id);
    this.#sinceNote += 1;
    if (this.#sinceNote >= NOTE_EVERY) this.noteOpen();
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
      const item: AuditItem = { kind: 'outcome', record: { id, timeMs, durationMs: 0, outcome: { kind: 'unknown' } } };
      this.write(JSON.stringify(item), false);
    }
    this.noteOpen();
    return ids.length;
  }

  /** caller, target, actions, verdict, resources */
  #searched(item: AuditItem): [number | null, number | null, number | null, number | null, string | null] {
    switch (item.kind) {
      case 'decision': {
        const { caller, target, decision } = item.record;
        const actions = actionSet(decision.requests.map((request) => safeText(request.action, 256)));
        const resources = resourceLines(decision.requests.map((request) => safeText(request.resource, 1_024)));
        const verdict = VERDICT_NUMBER[decision.verdict];
        return [this.#name(caller, 512), this.#name(target, 128), this.#name(actions, 16_384), verdict, resources];
      }
      case 'refusal':
        return [null, this.#name(item.record.target, 128), null, null, null];
      case 'event':
        return [this.#name(item.record.caller, 512), null, null, null, null];
      case 'outcome':
      case 'gap':
        return [null, null, null, null, null];
      default:
        throw new TypeError(`unknown item ${item satisfies never}`);
    }
  }

  #name(text: string, max: number): number | null {
    return text === '' ? null : this.#names.number(safeText(text, max));
  }
}
