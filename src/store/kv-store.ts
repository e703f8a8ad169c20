import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock, Store, StoredValue } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import type { KvChange } from './kv-writer.ts';
import type { BatchDone } from './message.ts';

export interface KvWriter {
  submit(room: string, items: readonly unknown[]): Promise<BatchDone>;
}

export interface KvStoreOptions {
  /** A connection of its own that only reads. */
  readonly database: DatabaseSync;
  readonly writer: KvWriter;
  readonly clock: Clock;
}

const MAX_KIND = 64;
const MAX_KEY = 1_024;
const MAX_VALUE = 16 * 1024 * 1024;
const MAX_PENDING = 2_000;

/**
 * The small state on SQLite. Reads come from an own connection and see every write whose promise has resolved; a failed or
 * blocked writer does not touch them. A write rejects with a Problem STORE_UNAVAILABLE when it cannot be promised to be on disk.
 */
export class KvStore implements Store {
  readonly #options: KvStoreOptions;
  readonly #get: StatementSync;
  readonly #list: StatementSync;
  #pending = 0;

  constructor(options: KvStoreOptions) {
    this.#options = options;
    const live = '(expires_at_ms IS NULL OR expires_at_ms > ?)';
    this.#get = options.database.prepare(`SELECT value FROM kv WHERE kind = ? AND key = ? AND ${live}`);
    this.#list = options.database.prepare(
      `SELECT key, value, expires_at_ms FROM kv WHERE kind = ? AND key >= ? AND key < ? AND ${live} ORDER BY key`,
    );
  }

  async get(kind: string, key: string): Promise<unknown> {
    const row = this.#read(() => this.#get.get(kind, key, this.#options.clock.now()));
    return row === undefined ? undefined : JSON.parse(String(row['value']));
  }

  async list(kind: string, keyPrefix = ''): Promise<readonly StoredValue[]> {
    // U+10FFFF is the greatest code point, and SQLite compares UTF-8 bytes, which sort as code points do.
    const rows = this.#read(() => this.#list.all(kind, keyPrefix, `${keyPrefix}\u{10ffff}`, this.#options.clock.now()));
    return rows.map((row) => ({
      key: String(row['key']),
      value: JSON.parse(String(row['value'])),
      ...(typeof row['expires_at_ms'] === 'number' ? { expiresAtMs: row['expires_at_ms'] } : {}),
    }));
  }

  async put(kind: string, key: string, value: unknown, options?: { readonly expiresAtMs?: number }): Promise<void> {
    await this.#change({ op: 'put', kind, key, value: jsonText(value), ...options });
  }

  async add(kind: string, key: string, value: unknown, options?: { readonly expiresAtMs?: number }): Promise<boolean> {
    return (await this.#change({ op: 'add', kind, key, value: jsonText(value), ...options })) === true;
  }

  async delete(kind: string, key: string): Promise<void> {
    await this.#change({ op: 'delete', kind, key });
  }

  async take(kind: string, key: string): Promise<unknown> {
    const text = await this.#change({ op: 'take', kind, key });
    return typeof text === 'string' ? JSON.parse(text) : undefined;
  }

  async #change(change: Omit<KvChange, 'nowMs'>): Promise<unknown> {
    if (change.kind === '' || change.kind.length > MAX_KIND || change.key.length > MAX_KEY) throw tooLarge();
    if (this.#pending >= MAX_PENDING) throw unavailable(undefined);
    this.#pending += 1;
    try {
      const done = await this.#options.writer.submit('kv', [{ ...change, nowMs: this.#options.clock.now() }]);
      if (done.refused !== undefined) throw new Error(done.refused[0]?.reason);
      return done.values?.[0];
    } catch (thrown) {
      throw unavailable(thrown);
    } finally {
      this.#pending -= 1;
    }
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (thrown) {
      throw unavailable(thrown);
    }
  }
}

function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError('a stored value must be JSON');
  if (text.length > MAX_VALUE) throw tooLarge();
  return text;
}

function tooLarge(): Problem {
  return new Problem({ code: 'STORE_VALUE_TOO_LARGE', kind: 'fault', message: 'the gateway cannot keep a value of this size' });
}

function unavailable(cause: unknown): Problem {
  return new Problem({
    code: 'STORE_UNAVAILABLE',
    kind: 'fault',
    message: 'the gateway cannot reach its own store now',
    hint: 'try again shortly; `/readyz` on the admin port says why',
    cause,
  });
}
