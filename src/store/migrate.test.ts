import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { handClock, temporaryFolder } from '../../test/support/records.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';

const clock = handClock();

const FIRST: Migration = { version: 1, name: 'first', sql: 'CREATE TABLE a (x INTEGER) STRICT' };
const SECOND: Migration = { version: 2, name: 'second', sql: 'ALTER TABLE a ADD COLUMN y INTEGER' };
const BROKEN: Migration = { version: 2, name: 'broken', sql: 'CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE b (x INTEGER)' };

function database(): DatabaseSync {
  const opened = new DatabaseSync(join(temporaryFolder(onTestFinished), 'a.db'));
  onTestFinished(() => opened.close());
  return opened;
}

describe('migrations', () => {
  it('bring an empty database to the newest schema, once', () => {
    const fresh = database();
    expect(migrate(fresh, MIGRATIONS, clock)).toEqual(MIGRATIONS.map((migration) => migration.version));
    expect(migrate(fresh, MIGRATIONS, clock)).toEqual([]);
    const tables = fresh.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    expect(tables.map((table) => table['name'])).toEqual(
      expect.arrayContaining(['kv', 'audit_entry', 'audit_body', 'migration']),
    );
  });

  it('are numbered from one without a hole', () => {
    expect(MIGRATIONS.map((migration) => migration.version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  it('go forward from where the database stands and keep what is in it', () => {
    const old = database();
    migrate(old, [FIRST], clock);
    old.exec('INSERT INTO a VALUES (7)');
    expect(migrate(old, [FIRST, SECOND], clock)).toEqual([2]);
    expect({ ...old.prepare('SELECT x, y FROM a').get() }).toEqual({ x: 7, y: null });
  });

  it('leave nothing of a step that failed', () => {
    const old = database();
    migrate(old, [FIRST], clock);
    expect(() => migrate(old, [FIRST, BROKEN], clock)).toThrow();
    expect(old.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'b'").get()?.['n']).toBe(0);
    expect(migrate(old, [FIRST, SECOND], clock)).toEqual([2]);
  });

  it('refuse a schema that a newer Fairlead wrote', () => {
    const newer = database();
    migrate(newer, [FIRST, SECOND], clock);
    expect(() => migrate(newer, [FIRST], clock)).toThrowError(expect.objectContaining({ code: 'STORE_NEWER' }));
  });

  it('refuse a database of something else', () => {
    const foreign = database();
    foreign.exec('CREATE TABLE theirs (x INTEGER)');
    expect(() => migrate(foreign, MIGRATIONS, clock)).toThrowError(expect.objectContaining({ code: 'STORE_FOREIGN' }));
  });
});
