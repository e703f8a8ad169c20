import type { DatabaseSync } from 'node:sqlite';

/**
 * The first place whose entry was written at or after `timeMs`; one past the newest when none was. Halves the record, which
 * needs no index of time because `written_ms` never falls as `seq` grows.
 */
export function seqWrittenFrom(database: DatabaseSync, timeMs: number): number {
  const range = database.prepare('SELECT min(seq) AS low, max(seq) AS high FROM audit_entry').get();
  let low = Number(range?.['low'] ?? 1);
  let high = Number(range?.['high'] ?? 0) + 1;
  const at = database.prepare('SELECT seq, written_ms FROM audit_entry WHERE seq >= ? ORDER BY seq LIMIT 1');
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = at.get(middle);
    if (row === undefined || Number(row['written_ms']) >= timeMs) high = middle;
    else low = Number(row['seq']) + 1;
  }
  return low;
}
