/** One step of the schema. A released step never changes; a later one corrects it. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * The one set of migrations, of the small state and of the record alike, in order.
 *
 * The record's rows stand in order of writing (`seq`), so that time needs no index: `written_ms` never falls as `seq` grows, and a
 * time is found by halving. What search compares is in narrow rows apart from the entries themselves, so that a look through many
 * is cheap. Callers and action sets are numbers of `audit_name`.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'small state and record',
    sql: `
      CREATE TABLE kv (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        expires_at_ms INTEGER,
        PRIMARY KEY (kind, key)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX kv_expiry ON kv (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

      CREATE TABLE audit_name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
      CREATE TABLE audit_entry (
        seq INTEGER PRIMARY KEY,
        written_ms INTEGER NOT NULL,
        time_ms INTEGER NOT NULL,
        type INTEGER NOT NULL,
        id BLOB NOT NULL,
        is_durable INTEGER NOT NULL,
        caller INTEGER,
        target INTEGER,
        actions INTEGER,
        verdict INTEGER,
        resources TEXT
      ) STRICT;
      CREATE INDEX audit_entry_id ON audit_entry (id, type);
      CREATE INDEX audit_entry_caller ON audit_entry (caller) WHERE caller IS NOT NULL;
      CREATE TABLE audit_body (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL, sealed BLOB) STRICT;
      CREATE TABLE audit_folded (id BLOB PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE INDEX audit_folded_seq ON audit_folded (seq);
      CREATE TABLE audit_state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    `,
  },
];
