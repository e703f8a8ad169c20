import type { DatabaseSync } from 'node:sqlite';
import type { ItemHandler } from './commit-loop.ts';

/** A change of the small state. `value` is JSON text; times are milliseconds since the epoch. */
export interface KvChange {
  readonly op: 'put' | 'add' | 'delete' | 'take';
  readonly kind: string;
  readonly key: string;
  readonly value?: string;
  readonly expiresAtMs?: number;
  readonly nowMs: number;
}

/** Yields for `add` whether it wrote, for `take` the JSON text or undefined; nothing for the others. */
export function kvHandler(database: DatabaseSync): ItemHandler {
  const put = database.prepare(
    'INSERT INTO kv VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, expires_at_ms = excluded.expires_at_ms',
  );
  const get = database.prepare('SELECT value, expires_at_ms FROM kv WHERE kind = ? AND key = ?');
  const remove = database.prepare('DELETE FROM kv WHERE kind = ? AND key = ?');

  function live(change: KvChange): string | undefined {
    const row = get.get(change.kind, change.key);
    if (row === undefined) return undefined;
    const expiresAtMs = row['expires_at_ms'];
    return typeof expiresAtMs === 'number' && expiresAtMs <= change.nowMs ? undefined : String(row['value']);
  }

  function write(change: KvChange): void {
    put.run(change.kind, change.key, change.value ?? 'null', change.expiresAtMs ?? null);
  }

  return (item) => {
    // The items of this room are made by `kv-store.ts` alone.
    const change = item as KvChange;
    switch (change.op) {
      case 'put':
        write(change);
        return undefined;
      case 'add': {
        if (live(change) !== undefined) return false;
        write(change);
        return true;
      }
      case 'delete':
        remove.run(change.kind, change.key);
        return undefined;
      case 'take': {
        const value = live(change);
        remove.run(change.kind, change.key);
        return value;
      }
      default:
        throw new Error(`unknown change ${change.op satisfies never}`);
    }
  };
}

/** Deletes at most `limit` expired values; true when there may be more. */
export function sweepExpired(database: DatabaseSync, nowMs: number, limit = 500): boolean {
  const result = database
    .prepare(
      'DELETE FROM kv WHERE (kind, key) IN (SELECT kind, key FROM kv WHERE expires_at_ms IS NOT NULL AND expires_at_ms <= ? LIMIT ?)',
    )
    .run(nowMs, limit);
  return Number(result.changes) >= limit;
}
