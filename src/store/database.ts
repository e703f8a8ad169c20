import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Problem } from '../core/problem.ts';

/**
 * Opens the database. `write`: WAL with synchronous=FULL, so that COMMIT returns after fsync; the file is made with mode 0600,
 * which SQLite copies to its WAL. `read`: no way to change anything. Throws a Problem STORE_UNUSABLE.
 */
export function openDatabase(file: string, use: 'read' | 'write', busyTimeoutMs: number): DatabaseSync {
  try {
    if (use === 'write') makePrivate(file);
    const database = new DatabaseSync(file, { readOnly: use === 'read', timeout: busyTimeoutMs });
    try {
      database.exec(use === 'write' ? WRITE_PRAGMAS : READ_PRAGMAS);
      // A commit that was written but whose fsync failed is copied from the WAL and synced here, before anything builds on it.
      if (use === 'write') database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      return database;
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  } catch (thrown) {
    throw new Problem({
      code: 'STORE_UNUSABLE',
      kind: 'fault',
      message: `the database \`${file}\` cannot be opened: ${sqliteReason(thrown)}`,
      hint: 'check that the disk is not full and that this user owns the folder',
      cause: thrown,
    });
  }
}

/** What SQLite says about a failed statement, without any value in it. */
export function sqliteReason(thrown: unknown): string {
  const code = sqliteCode(thrown);
  if (code === undefined) return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown reason';
  return REASONS[code & 0xff] ?? `sqlite error ${code}`;
}

/** SQLite's extended result code; undefined when something else failed. */
export function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown)) return undefined;
  return typeof thrown.errcode === 'number' ? thrown.errcode : undefined;
}

/** A full disk passes; after any other failure of the disk only a new connection knows what is really there. */
export function isPassing(thrown: unknown): boolean {
  const code = (sqliteCode(thrown) ?? 0) & 0xff;
  return code === 5 || code === 6 || code === 13;
}

/** auto_vacuum counts only before the first table is made; later it changes nothing. */
const WRITE_PRAGMAS = `
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA trusted_schema = OFF;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA wal_autocheckpoint = 4000;
  PRAGMA cache_size = -8000;
`;

const READ_PRAGMAS = `
  PRAGMA query_only = ON;
  PRAGMA trusted_schema = OFF;
  PRAGMA cache_size = -4000;
`;

/** Primary result codes of sqlite3.h. */
const REASONS: Readonly<Record<number, string>> = {
  5: 'database is locked',
  6: 'table is locked',
  8: 'read-only file system or file',
  10: 'disk I/O error',
  11: 'the file is damaged',
  13: 'the disk is full',
  14: 'cannot open the file',
  26: 'the file is not a database',
};

/**
 * Makes the file when it is absent, for this user alone; SQLite itself would go by the umask. An existing one is never opened:
 * closing any descriptor of a file ends all of the process's locks on it (fcntl(2)), SQLite's too.
 */
export function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'ax', 0o600));
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
    if (process.platform !== 'win32') chmodSync(file, 0o600);
  }
}
