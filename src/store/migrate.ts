import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import type { Migration } from './migrations.ts';

/**
 * Brings the schema forward to the newest migration, each in a transaction of its own; never back. Returns the versions applied.
 * Throws a Problem STORE_NEWER when a newer Fairlead wrote here, STORE_FOREIGN when the tables are somebody else's.
 */
export function migrate(database: DatabaseSync, migrations: readonly Migration[], clock: Clock): readonly number[] {
  const current = schemaVersion(database);
  const newest = migrations.at(-1)?.version ?? 0;
  if (current > newest) {
    throw new Problem({
      code: 'STORE_NEWER',
      kind: 'fault',
      message: `the database has schema version ${current}, and this Fairlead knows versions up to ${newest}`,
      hint: 'run the newer Fairlead, or restore a backup from before its upgrade',
    });
  }
  const pending = migrations.filter((migration) => migration.version > current);
  for (const migration of pending) apply(database, migration, clock);
  return pending.map((migration) => migration.version);
}

/** 0 for an empty database. */
function schemaVersion(database: DatabaseSync): number {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (tables.length === 0) return 0;
  if (!tables.some((table) => table['name'] === 'migration')) {
    throw new Problem({
      code: 'STORE_FOREIGN',
      kind: 'fault',
      message: 'the database has tables that are not Fairlead’s',
      hint: 'name a folder of its own as `store: sqlite:FOLDER`',
    });
  }
  return Number(database.prepare('SELECT max(version) AS version FROM migration').get()?.['version'] ?? 0);
}

function apply(database: DatabaseSync, migration: Migration, clock: Clock): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec(
      'CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at_ms INTEGER NOT NULL) STRICT',
    );
    database.exec(migration.sql);
    database.prepare('INSERT INTO migration VALUES (?, ?, ?)').run(migration.version, migration.name, clock.now());
    database.exec('COMMIT');
  } catch (thrown) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw thrown;
  }
}
