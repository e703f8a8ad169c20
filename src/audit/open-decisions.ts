import type { DatabaseSync } from 'node:sqlite';
import { CLOSED_BELOW, idText, TYPE_NUMBER } from './row.ts';

/** Beyond this many calls under way at once, the oldest counts as closed without an outcome. */
const MAX_OPEN = 200_000;

/**
 * Durable decisions whose outcome is still owed. They cost no write of their own: memory holds them, and a mark on disk says below
 * which place in the record none is open, so that a start reads from there.
 */
export class OpenDecisions {
  readonly #database: DatabaseSync;
  /** Id -> place of its decision, oldest first. */
  #places = new Map<string, number>();
  /** What the transaction under way did, to be undone with it. */
  #added: string[] = [];
  #closed: [id: string, seq: number][] = [];

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  add(id: string, seq: number): void {
    this.#places.set(id, seq);
    this.#added.push(id);
    if (this.#places.size <= MAX_OPEN) return;
    const oldest = this.#places.keys().next().value;
    if (oldest !== undefined) this.#places.delete(oldest);
  }

  close(id: string): void {
    const seq = this.#places.get(id);
    if (seq === undefined) return;
    this.#places.delete(id);
    this.#closed.push([id, seq]);
  }

  committed(): void {
    this.#added = [];
    this.#closed = [];
  }

  rolledBack(): void {
    const added = new Set(this.#added);
    const before = [...this.#places, ...this.#closed].filter(([id]) => !added.has(id));
    this.#places = new Map(before.sort((a, b) => a[1] - b[1]));
    this.committed();
  }

  ids(): readonly string[] {
    return [...this.#places.keys()];
  }

  /** Writes the mark; `nextSeq` is where it stands when nothing is open. */
  note(nextSeq: number): void {
    const oldest = this.#places.values().next().value ?? nextSeq;
    this.#database
      .prepare('INSERT INTO audit_state VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
      .run(CLOSED_BELOW, oldest);
  }

  /** Reads the record from the mark on. */
  reload(): void {
    this.#places.clear();
    const mark = this.#database.prepare('SELECT value FROM audit_state WHERE name = ?').get(CLOSED_BELOW);
    const rows = this.#database
      .prepare(
        `SELECT seq, type, id FROM audit_entry
         WHERE seq >= ? AND ((type = ${TYPE_NUMBER['decision.v1']} AND is_durable = 1) OR type = ${TYPE_NUMBER['outcome.v1']})
         ORDER BY seq`,
      )
      .iterate(Number(mark?.['value'] ?? 0));
    for (const row of rows) {
      const id = idText(row['id']);
      if (Number(row['type']) === TYPE_NUMBER['decision.v1']) this.add(id, Number(row['seq']));
      else this.close(id);
    }
    this.committed();
  }
}
