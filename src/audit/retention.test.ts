import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decisionRecord, freshDatabase, handClock, temporaryFolder } from '../../test/support/records.ts';
import { itemText } from './item.ts';
import { type Deletion, Retention } from './retention.ts';
import { createSealer } from './seal.ts';
import { AuditWriter } from './writer.ts';

const DAY = 86_400_000;

function setUp(limits: { maxAgeMs?: number; maxBytes?: number }) {
  const { database } = freshDatabase(temporaryFolder(onTestFinished));
  onTestFinished(() => database.close());
  const clock = handClock();
  const writer = new AuditWriter({ database, clock, sealer: createSealer(randomBytes(32)) });
  const retention = new Retention({ database, clock, limits: { maxAgeMs: 400 * DAY, maxBytes: 2 ** 40, ...limits } });
  const count = (table: string): number => Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']);
  return {
    clock,
    count,
    database,
    write(entries: number) {
      database.exec('BEGIN');
      for (let index = 0; index < entries; index++) {
        const fold = { count: 2, lastTimeMs: 1, ids: [decisionRecord().id], outcomes: {} };
        writer.write(itemText({ kind: 'decision', record: decisionRecord(), isOpen: false, fold }), false);
      }
      database.exec('COMMIT');
    },
    /** Until there is nothing more to do. */
    run(): { steps: number; finished: Deletion[] } {
      const finished: Deletion[] = [];
      for (let steps = 1; ; steps++) {
        const step = retention.step();
        if (step.finished !== undefined) finished.push(step.finished);
        if (!step.more) return { steps, finished };
      }
    },
    usedBytes(): number {
      const row = database
        .prepare(
          'SELECT (page_count - freelist_count) * page_size AS used FROM pragma_page_count, pragma_freelist_count, pragma_page_size',
        )
        .get();
      return Number(row?.['used']);
    },
  };
}

describe('retention', () => {
  it('deletes entries past their age in small steps, and says how many', () => {
    const { write, clock, run, count } = setUp({ maxAgeMs: 10 * DAY });
    write(1_200);
    clock.move(5 * DAY);
    write(300);
    expect(run().finished).toEqual([]);
    clock.move(6 * DAY);
    const { steps, finished } = run();
    expect(finished).toEqual([{ reason: 'age', entries: 1_200, oldest: 1_201 }]);
    expect(steps).toBeGreaterThanOrEqual(3);
    expect([count('audit_entry'), count('audit_body'), count('audit_folded')]).toEqual([300, 300, 300]);
  });

  it('keeps the newest entry however old it is, so that no place is given twice', () => {
    const { write, clock, run, count, database } = setUp({ maxAgeMs: DAY });
    write(10);
    clock.move(9 * DAY);
    run();
    expect(count('audit_entry')).toBe(1);
    write(1);
    expect(database.prepare('SELECT max(seq) AS seq FROM audit_entry').get()?.['seq']).toBe(11);
  });

  it('deletes the oldest when the database is larger than it may be, until it is not', () => {
    const { write, run, count, usedBytes, database } = setUp({ maxBytes: 2_000_000 });
    write(3_000);
    expect(usedBytes()).toBeGreaterThan(2_000_000);
    const { finished } = run();
    expect(finished).toMatchObject([{ reason: 'bytes' }]);
    expect(usedBytes()).toBeLessThanOrEqual(2_000_000);
    expect(count('audit_entry')).toBeGreaterThan(500);
    const oldest = Number(database.prepare('SELECT min(seq) AS seq FROM audit_entry').get()?.['seq']);
    expect(finished[0]?.oldest).toBe(oldest);
  });

  it('gives the space back to the file system', () => {
    const { write, run, database, clock } = setUp({ maxAgeMs: DAY, maxBytes: 16_000_000 });
    write(8_000);
    clock.move(2 * DAY);
    const before = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
    run();
    expect(Number(database.prepare('PRAGMA page_count').get()?.['page_count'])).toBeLessThan(before);
  });

  it('does nothing on an empty record', () => {
    const { run } = setUp({ maxAgeMs: 1, maxBytes: 1 });
    expect(run()).toEqual({ steps: 1, finished: [] });
  });
});
