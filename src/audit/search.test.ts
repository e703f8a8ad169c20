import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  decision,
  decisionRecord,
  freshDatabase,
  handClock,
  refusalRecord,
  requestDecision,
  temporaryFolder,
} from '../../test/support/records.ts';
import type { DecisionRecord } from '../core/record.ts';
import { openDatabase } from '../store/database.ts';
import { type AuditItem, itemText } from './item.ts';
import type { AuditEntry, AuditQuery } from './port.ts';
import { createOpener, createSealer } from './seal.ts';
import { RecordReader } from './search.ts';
import { AuditWriter } from './writer.ts';

const ENGINEER = 'user:ada@acme.com';
const VIEWER = 'user:bob@acme.com';

function setUp(budget?: { readonly budgetMs: number; elapsed(): number }) {
  const { file, database } = freshDatabase(temporaryFolder(onTestFinished));
  const reads = openDatabase(file, 'read', 100);
  onTestFinished(() => {
    reads.close();
    database.close();
  });
  const clock = handClock();
  const key = randomBytes(32);
  const writer = new AuditWriter({ database, clock, sealer: createSealer(key) });
  const reader = new RecordReader({ database: reads, opener: createOpener(key), elapsed: () => 0, ...budget });
  return {
    reader,
    clock,
    database,
    write(...items: AuditItem[]) {
      database.exec('BEGIN');
      for (const item of items) writer.write(itemText(item), false);
      database.exec('COMMIT');
    },
    all(query: AuditQuery): AuditEntry[] {
      const entries: AuditEntry[] = [];
      let cursor: string | undefined;
      do {
        const page = reader.search({ ...query, ...(cursor === undefined ? {} : { cursor }) });
        entries.push(...page.entries);
        cursor = page.cursor;
      } while (cursor !== undefined);
      return entries;
    },
  };
}

const item = (change: Partial<DecisionRecord>): AuditItem => ({ kind: 'decision', record: decisionRecord(change), isOpen: true });
const on = (action: string, resource: string, verdict: 'allow' | 'deny' = 'allow') =>
  decision({ verdict, requests: [requestDecision({ action, resource, verdict })] });
const ids = (entries: readonly AuditEntry[]): string[] => entries.map((entry) => entry.id);

describe('the search of the record', () => {
  it('shows a decision with its outcome, and what it read to those who may see it', () => {
    const { reader, write } = setUp();
    const record = decisionRecord({ timeMs: 1_700_000_000_000 });
    write({ kind: 'decision', record, isOpen: true });
    expect(reader.get(record.id)).not.toHaveProperty('outcome');
    write({
      kind: 'outcome',
      record: { id: record.id, timeMs: 1_700_000_000_009, durationMs: 9, outcome: { kind: 'answered', status: 201 } },
    });
    const hidden = reader.get(record.id);
    expect(hidden).toMatchObject({
      type: 'decision.v1',
      timeMs: 1_700_000_000_000,
      caller: ENGINEER,
      truncated: [],
      outcome: { outcome: { kind: 'answered', status: 201 }, durationMs: 9, timeMs: 1_700_000_000_009 },
    });
    expect(JSON.stringify(hidden)).not.toContain('["prod"]');
    expect(hidden).toMatchObject({ attributes: undefined });
    expect(hidden).not.toHaveProperty('sealed');
    const shown = reader.get(record.id, true);
    expect(shown).toMatchObject({ attributes: { 'resource.tags': ['prod'] }, decision: record.decision });
  });

  it('shows the outcome of a decision that was written with it', () => {
    const { reader, write, all } = setUp();
    const record = decisionRecord({ class: 'read' });
    const end = { id: record.id, timeMs: 1_700_000_000_009, durationMs: 9, outcome: { kind: 'answered', status: 200 } } as const;
    write({ kind: 'decision', record, isOpen: false, end });
    const { id: _, ...outcome } = end;
    const entry = reader.get(record.id);
    expect(entry).toMatchObject({ type: 'decision.v1', outcome });
    expect(entry).not.toHaveProperty('ended');
    expect(all({})).toEqual([entry]);
  });

  it('says undefined for an id that it does not hold, whatever its form', () => {
    const { reader, write } = setUp();
    write(item({}));
    for (const id of ['', 'x', '0190a0a0-0000-7000-8000-000000000000', "' OR 1=1 --", 'é'.repeat(300)]) {
      expect(reader.get(id)).toBeUndefined();
      expect(reader.search({ decisionId: id }).entries).toEqual([]);
    }
  });

  it('narrows by each part of the query and by all together', () => {
    const { write, all } = setUp();
    const runs = item({ caller: ENGINEER, decision: on('prefect.deployment.run', 'prefect/deployments/etl/nightly') });
    const denied = item({ caller: VIEWER, decision: on('prefect.deployment.run', 'prefect/deployments/etl/nightly', 'deny') });
    const other = item({ caller: VIEWER, target: 'wiki', decision: on('http.get', 'wiki/page') });
    write(runs, denied, other);
    const idOf = (of: AuditItem): string => of.record.id;
    expect(ids(all({}))).toEqual([other, denied, runs].map(idOf));
    expect(ids(all({ caller: VIEWER }))).toEqual([other, denied].map(idOf));
    expect(ids(all({ action: 'prefect.deployment.run' }))).toEqual([denied, runs].map(idOf));
    expect(ids(all({ verdict: 'deny' }))).toEqual([denied].map(idOf));
    expect(ids(all({ target: 'wiki' }))).toEqual([other].map(idOf));
    expect(ids(all({ decisionId: idOf(denied) }))).toEqual([denied].map(idOf));
    expect(ids(all({ caller: VIEWER, action: 'prefect.deployment.run', verdict: 'deny', target: 'prefect' }))).toEqual(
      [denied].map(idOf),
    );
    expect(all({ caller: 'user:nobody@acme.com' })).toEqual([]);
    expect(all({ action: 'prefect.deployment' })).toEqual([]);
  });

  it('finds each action of a call that asks for several', () => {
    const { write, all } = setUp();
    const requests = ['b.read', 'a.run', 'b.read'].map((action, index) =>
      requestDecision({ action, resource: `prefect/x/${index}` }),
    );
    write(item({ decision: decision({ requests }) }));
    expect(all({ action: 'a.run' })).toHaveLength(1);
    expect(all({ action: 'b.read' })).toHaveLength(1);
    expect(all({ resource: 'prefect/x/2' })).toHaveLength(1);
  });

  it('takes a resource as a prefix of whole segments', () => {
    const { write, all } = setUp();
    write(
      item({ decision: on('a', 'prefect/deployments/etl/nightly') }),
      item({ decision: on('a', 'prefect/deployments/etl-test/x') }),
    );
    for (const resource of [
      'prefect/deployments/etl',
      'prefect/deployments/etl/',
      'prefect/deployments/etl/**',
      'prefect/deployments/etl/nightly',
    ]) {
      expect(all({ resource })).toHaveLength(1);
    }
    expect(all({ resource: 'prefect/deployments' })).toHaveLength(2);
    expect(all({ resource: 'deployments' })).toEqual([]);
    expect(all({ resource: 'prefect/%' })).toEqual([]);
  });

  it('pages without repeating or missing one while entries are added', () => {
    const { reader, write } = setUp();
    const written = Array.from({ length: 23 }, () => item({}));
    write(...written);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = reader.search({ limit: 5, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...ids(page.entries));
      cursor = page.cursor;
      write(item({}));
    } while (cursor !== undefined);
    expect(seen).toEqual(written.map((each) => each.record.id).reverse());
  });

  it('looks at a bounded part of the record at a time, and goes on from there', () => {
    let timeMs = 0;
    const { reader, write, all, database } = setUp({ budgetMs: 1, elapsed: () => timeMs++ });
    const rare = item({ caller: VIEWER, target: 'wiki' });
    write(rare, item({}));
    // Many entries between, without the time it takes to write them.
    database.exec('UPDATE audit_entry SET seq = 100000 WHERE seq = 2; UPDATE audit_body SET seq = 100000 WHERE seq = 2');
    const first = reader.search({ target: 'wiki' });
    expect(first.entries).toEqual([]);
    expect(first.cursor).toBeDefined();
    expect(ids(all({ target: 'wiki' }))).toEqual([rare.record.id]);
  });

  it('finds by time, also what was written late', () => {
    const { write, all, clock } = setUp();
    const hour = 3_600_000;
    const items: AuditItem[] = [];
    for (let index = 0; index < 40; index++) {
      items.push(item({ timeMs: clock.now() - (index % 5 === 0 ? 60_000 : 0) }));
      write(items.at(-1) ?? expect.unreachable());
      clock.move(hour);
    }
    const start = handClock().now();
    expect(ids(all({ sinceMs: start + 10 * hour, untilMs: start + 12 * hour }))).toEqual(
      [items[11], items[15]].flatMap((each) =>
        each === undefined || each.record.timeMs >= start + 12 * hour ? [] : [each.record.id],
      ),
    );
    expect(all({ sinceMs: start + 10 * hour - 60_000, untilMs: start + 12 * hour })).toHaveLength(2);
    expect(all({ untilMs: start - 60_000 })).toEqual([]);
    expect(all({ untilMs: start - 59_999 })).toHaveLength(1);
  });

  it('finds a folded entry by each of its ids, and refusals and events too', () => {
    const { reader, write, all } = setUp();
    const record = decisionRecord({ class: 'poll' });
    const others = [decisionRecord().id, decisionRecord().id];
    const fold = { count: 3, lastTimeMs: record.timeMs + 5, ids: others, outcomes: { 200: 3 }, isMixed: true };
    const refused = refusalRecord({ peer: '*' });
    write(
      { kind: 'decision', record, isOpen: false, fold },
      { kind: 'refusal', record: refused },
      { kind: 'event', record: { id: 'e-1', timeMs: 5, type: 'policy.applied', caller: ENGINEER, detail: { rules: 3 } } },
      { kind: 'gap', record: { id: 'g-1', timeMs: 5, untilMs: 7, lost: { read: 2 } } },
    );
    for (const id of [record.id, ...others]) expect(reader.get(id)).toMatchObject({ id: record.id, fold });
    expect(ids(all({ decisionId: others[1] ?? '' }))).toEqual([record.id]);
    expect(reader.get(refused.id)).toMatchObject({ type: 'refusal.v1', code: 'TOKEN_INVALID', peer: '*', path: '/api/health' });
    expect(all({}).map((entry) => entry.type)).toEqual(['gap.v1', 'event.v1', 'refusal.v1', 'decision.v1']);
    expect(all({ caller: ENGINEER }).map((entry) => entry.type)).toEqual(['event.v1', 'decision.v1']);
    expect(reader.get('g-1')).toMatchObject({ type: 'gap.v1', lost: { read: 2 }, untilMs: 7 });
  });

  it('keeps attributes closed when the key is another one', () => {
    const { write, database } = setUp();
    const record = decisionRecord();
    write({ kind: 'decision', record, isOpen: true });
    const reader = new RecordReader({ database, opener: createOpener(randomBytes(32)), elapsed: () => 0 });
    expect(reader.get(record.id, true)).toMatchObject({ attributes: undefined, caller: ENGINEER });
  });

  it('refuses a cursor or a limit that is none, with a known code', () => {
    const { reader, write } = setUp();
    write(item({}));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (cursor) => {
        try {
          reader.search({ cursor });
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'AUDIT_CURSOR_INVALID', kind: 'invalid' });
        }
      }),
    );
    for (const limit of [0, -1, 1.5, 501, Number.NaN]) {
      expect(() => reader.search({ limit })).toThrowError(expect.objectContaining({ code: 'AUDIT_QUERY_INVALID' }));
    }
    expect(() => reader.search({ resource: '/' })).toThrowError(expect.objectContaining({ code: 'AUDIT_QUERY_INVALID' }));
  });
});
