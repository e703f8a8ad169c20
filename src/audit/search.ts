import { Buffer } from 'node:buffer';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Problem } from '../core/problem.ts';
import { seqWrittenFrom } from './place.ts';
import type { AuditEntry, AuditPage, AuditQuery } from './port.ts';
import { type EntryRow, readEntry } from './read-entry.ts';
import { idBytes, TYPE_NUMBER, VERDICT_NUMBER } from './row.ts';
import type { Opener } from './seal.ts';

export interface RecordReaderOptions {
  /** A connection of its own that only reads. */
  readonly database: DatabaseSync;
  readonly opener: Opener;
  /** Milliseconds of a steady clock. */
  elapsed(): number;
  /** How long one page may look, in milliseconds; 500 when absent. */
  readonly budgetMs?: number;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
/** Entries looked at between two looks at the clock. */
const WINDOW = 20_000;
/** An entry may be written this long after its time: folding, and a writer that was away. */
const MAX_DELAY_MS = 3_600_000;

/** Reads the record; the code behind `AuditSearch`, on whichever thread it is put. */
export class RecordReader {
  readonly #options: RecordReaderOptions;
  readonly #body: StatementSync;
  readonly #outcome: StatementSync;
  readonly #byId: StatementSync;

  constructor(options: RecordReaderOptions) {
    const { database } = options;
    this.#options = options;
    this.#body = database.prepare('SELECT entry, sealed FROM audit_body WHERE seq = ?');
    this.#outcome = database.prepare(
      `SELECT b.entry FROM audit_entry e JOIN audit_body b ON b.seq = e.seq WHERE e.id = ? AND e.type = ${TYPE_NUMBER['outcome.v1']} ORDER BY e.seq LIMIT 1`,
    );
    this.#byId = database.prepare(
      'SELECT seq, type, id FROM audit_entry WHERE id = ?1 OR seq IN (SELECT seq FROM audit_folded WHERE id = ?1) ORDER BY type, seq LIMIT 1',
    );
  }

  get(decisionId: string, reveal = false): AuditEntry | undefined {
    const row = this.#byId.get(idBytes(decisionId));
    return row === undefined ? undefined : this.#read(Number(row['seq']), row['id'], reveal);
  }

  /** Throws a Problem AUDIT_QUERY_INVALID or AUDIT_CURSOR_INVALID. */
  search(query: AuditQuery): AuditPage {
    const limit = query.limit ?? DEFAULT_LIMIT;
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) throw invalid(`\`limit\` is a number from 1 to ${MAX_LIMIT}`);
    const filter = this.#filter(query);
    const { low, high } = this.#range(query);
    if (filter === undefined) return { entries: [] };
    // A caller's own index leads past everybody else's entries, so that such a look may reach far at once.
    const isIndexed = query.caller !== undefined || query.decisionId !== undefined;
    const index = query.caller !== undefined && query.decisionId === undefined ? 'INDEXED BY audit_entry_caller' : '';
    const find = this.#options.database.prepare(
      `SELECT seq, id FROM audit_entry ${index} WHERE seq >= ? AND seq <= ? AND ${filter.sql} ORDER BY seq DESC LIMIT ?`,
    );
    const entries: AuditEntry[] = [];
    const until = this.#options.elapsed() + (this.#options.budgetMs ?? 500);
    let top = high;
    while (top >= low && entries.length < limit) {
      const bottom = Math.max(low, top - (isIndexed ? WINDOW * 100 : WINDOW) + 1);
      const rows = find.all(bottom, top, ...filter.values, limit - entries.length);
      for (const row of rows) {
        const entry = this.#read(Number(row['seq']), row['id'], query.reveal === true);
        if (entry !== undefined) entries.push(entry);
      }
      top = entries.length >= limit ? Number(rows.at(-1)?.['seq']) - 1 : bottom - 1;
      if (this.#options.elapsed() > until) break;
    }
    return top >= low ? { entries, cursor: cursorText(top) } : { entries };
  }

  #read(seq: number, id: unknown, reveal: boolean): AuditEntry | undefined {
    const body = this.#body.get(seq);
    // Deleted by retention between two statements.
    if (body === undefined) return undefined;
    const outcome = id instanceof Uint8Array ? this.#outcome.get(id)?.['entry'] : undefined;
    const row: EntryRow = {
      seq,
      entry: String(body['entry']),
      sealed: body['sealed'] instanceof Uint8Array ? body['sealed'] : undefined,
      outcome: outcome === undefined ? undefined : String(outcome),
    };
    return readEntry(row, reveal ? this.#options.opener : undefined);
  }

  /** The places to look at, by time and cursor. */
  #range(query: AuditQuery): { readonly low: number; readonly high: number } {
    const { database } = this.#options;
    const range = database
      .prepare('SELECT (SELECT min(seq) FROM audit_entry) AS low, (SELECT max(seq) FROM audit_entry) AS high')
      .get();
    const low = query.sinceMs === undefined ? 1 : seqWrittenFrom(database, query.sinceMs);
    const high = query.untilMs === undefined ? Number.MAX_SAFE_INTEGER : seqWrittenFrom(database, query.untilMs + MAX_DELAY_MS);
    const cursor = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : cursorPlace(query.cursor);
    return { low: Math.max(low, Number(range?.['low'] ?? 1)), high: Math.min(high, cursor, Number(range?.['high'] ?? 0)) };
  }

  /** Undefined when nothing can match: a name that the record never held. */
  #filter(query: AuditQuery): Filter | undefined {
    const parts: Filter[] = [{ sql: `type <> ${TYPE_NUMBER['outcome.v1']}`, values: [] }];
    for (const column of ['caller', 'target'] as const) {
      const text = query[column];
      if (text === undefined) continue;
      const number = this.#names('text = ?', [text])[0];
      if (number === undefined) return undefined;
      parts.push({ sql: `${column} = ?`, values: [number] });
    }
    if (query.action !== undefined) {
      // A set of actions is one name; those that hold this one are few.
      const sets = this.#names("instr(' ' || text || ' ', ' ' || ? || ' ') > 0", [query.action]);
      if (sets.length === 0) return undefined;
      parts.push({ sql: `actions IN (${sets.map(() => '?').join(', ')})`, values: sets });
    }
    if (query.resource !== undefined) parts.push(resourceFilter(query.resource));
    if (query.verdict !== undefined) parts.push({ sql: 'verdict = ?', values: [VERDICT_NUMBER[query.verdict]] });
    if (query.sinceMs !== undefined) parts.push({ sql: 'time_ms >= ?', values: [query.sinceMs] });
    if (query.untilMs !== undefined) parts.push({ sql: 'time_ms < ?', values: [query.untilMs] });
    if (query.decisionId !== undefined) {
      const places = this.#places(idBytes(query.decisionId));
      if (places.length === 0) return undefined;
      parts.push({ sql: `seq IN (${places.map(() => '?').join(', ')})`, values: places });
    }
    return { sql: parts.map((part) => part.sql).join(' AND '), values: parts.flatMap((part) => part.values) };
  }

  #places(id: Uint8Array): number[] {
    const rows = this.#options.database
      .prepare('SELECT seq FROM audit_entry WHERE id = ?1 UNION SELECT seq FROM audit_folded WHERE id = ?1 LIMIT 1000')
      .all(id);
    return rows.map((row) => Number(row['seq']));
  }

  #names(condition: string, values: readonly string[]): number[] {
    const rows = this.#options.database.prepare(`SELECT id FROM audit_name WHERE ${condition} LIMIT 10000`).all(...values);
    return rows.map((row) => Number(row['id']));
  }
}

interface Filter {
  readonly sql: string;
  readonly values: readonly (string | number | Uint8Array)[];
}

/** Whole segments only: `prefect/deployments/etl` is not a prefix of `prefect/deployments/etl-nightly`. */
function resourceFilter(resource: string): Filter {
  const prefix = resource.replace(/\/(\*\*?)?$/, '');
  if (prefix === '' || prefix.length > 1_024) throw invalid('`resource` is a path such as `prefect/deployments/etl`');
  return { sql: '(instr(resources, ?) > 0 OR instr(resources, ?) > 0)', values: [`\n${prefix}/`, `\n${prefix}\n`] };
}

function cursorText(place: number): string {
  return Buffer.from(`p${place}`).toString('base64url');
}

function cursorPlace(cursor: string): number {
  const place = cursor.length <= 32 ? /^p(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1] : undefined;
  if (place === undefined || cursorText(Number(place)) !== cursor) {
    throw new Problem({ code: 'AUDIT_CURSOR_INVALID', kind: 'invalid', message: 'the cursor is not one of this record' });
  }
  return Number(place);
}

function invalid(message: string): Problem {
  return new Problem({ code: 'AUDIT_QUERY_INVALID', kind: 'invalid', message });
}
