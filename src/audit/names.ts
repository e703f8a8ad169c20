import type { DatabaseSync, StatementSync } from 'node:sqlite';

const MAX_CACHED = 20_000;

/** Texts that come again and again (callers, targets, sets of actions) as small numbers. */
export class Names {
  readonly #numbers = new Map<string, number>();
  readonly #find: StatementSync;
  readonly #add: StatementSync;

  constructor(database: DatabaseSync) {
    this.#find = database.prepare('SELECT id FROM audit_name WHERE text = ?');
    this.#add = database.prepare('INSERT INTO audit_name (text) VALUES (?)');
  }

  number(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const row = this.#find.get(text);
    const number = Number(row === undefined ? this.#add.run(text).lastInsertRowid : row['id']);
    if (this.#numbers.size >= MAX_CACHED) this.#numbers.clear();
    this.#numbers.set(text, number);
    return number;
  }

  /** After a transaction was undone, numbers that it gave may be given again. */
  forget(): void {
    this.#numbers.clear();
  }
}
