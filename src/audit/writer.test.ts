import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decisionRecord, freshDatabase, handClock, temporaryFolder } from '../../test/support/records.ts';
import { type AuditItem, itemText } from './item.ts';
import { OpenParcel } from './parcel.ts';
import { createSealer } from './seal.ts';
import { AuditWriter } from './writer.ts';

const clock = handClock();
const sealer = createSealer(randomBytes(32));

function database(): DatabaseSync {
  const { database } = freshDatabase(temporaryFolder(onTestFinished));
  onTestFinished(() => database.close());
  return database;
}

const started = (on: DatabaseSync): AuditWriter => new AuditWriter({ database: on, clock, sealer });
const open = (): AuditItem => ({ kind: 'decision', record: decisionRecord(), isOpen: true });
const outcomeOf = (item: AuditItem): AuditItem => ({
  kind: 'outcome',
  record: { id: item.record.id, timeMs: clock.now(), durationMs: 3, outcome: { kind: 'answered', status: 200 } },
});

function outcomes(of: DatabaseSync): Record<string, string> {
  const rows = of.prepare("SELECT entry FROM audit_body WHERE json_extract(entry, '$.type') = 'outcome.v1'").all();
  return Object.fromEntries(
    rows.map((row) => {
      const { id, outcome } = JSON.parse(String(row['entry']));
      return [id, outcome.kind];
    }),
  );
}

function inTransaction(on: DatabaseSync, writer: AuditWriter, items: readonly AuditItem[], end: 'COMMIT' | 'ROLLBACK'): void {
  on.exec('BEGIN IMMEDIATE');
  for (const item of items) writer.write(itemText(item), false);
  on.exec(end);
  if (end === 'COMMIT') writer.committed();
  else writer.rolledBack();
}

describe('the writer of the record', () => {
  it('states as unknown, once, each durable decision that an earlier process left open', () => {
    const on = database();
    const items = [open(), open(), open()] as const;
    const read: AuditItem = { kind: 'decision', record: decisionRecord({ class: 'read' }), isOpen: false };
    inTransaction(on, started(on), [...items, read, outcomeOf(items[1])], 'COMMIT');
    expect(started(on).closeOpen()).toBe(2);
    expect(outcomes(on)).toEqual({
      [items[0].record.id]: 'unknown',
      [items[1].record.id]: 'answered',
      [items[2].record.id]: 'unknown',
    });
    expect(started(on).closeOpen()).toBe(0);
  });

  it('finds them again from its mark, however much was written since', () => {
    const on = database();
    const writer = started(on);
    const left = open();
    const others = Array.from({ length: 1_200 }, open);
    inTransaction(on, writer, [left, ...others.flatMap((item) => [item, outcomeOf(item)])], 'COMMIT');
    expect(started(on).closeOpen()).toBe(1);
    expect(outcomes(on)[left.record.id]).toBe('unknown');
    const mark = on.prepare("SELECT value FROM audit_state WHERE name = 'closed_below'").get();
    expect(Number(mark?.['value'])).toBeGreaterThan(2_400);
  });

  it('forgets with a transaction what was done in it', () => {
    const on = database();
    const writer = started(on);
    const kept = open();
    inTransaction(on, writer, [kept], 'COMMIT');
    inTransaction(on, writer, [open(), outcomeOf(kept)], 'ROLLBACK');
    inTransaction(on, writer, [open()], 'COMMIT');
    expect(
      on
        .prepare('SELECT seq FROM audit_entry ORDER BY seq')
        .all()
        .map((row) => row['seq']),
    ).toEqual([1, 2]);
    expect(writer.closeOpen()).toBe(2);
    expect(outcomes(on)[kept.record.id]).toBe('unknown');
  });

  it('writes once what is handed over twice', () => {
    const on = database();
    const writer = started(on);
    const item = open();
    writer.write(itemText(item), false);
    writer.write(itemText(item), true);
    writer.write(itemText(open()), true);
    expect(on.prepare('SELECT count(*) AS n FROM audit_entry').get()?.['n']).toBe(2);
  });

  it('refuses what is no item before it has written anything', () => {
    const on = database();
    const writer = started(on);
    for (const text of [
      '',
      '{',
      '{}',
      '{"kind":"other","record":{}}',
      '{"kind":"decision","record":{"id":"x"}}',
      'null',
      itemText(open()).slice(9),
      '\u001f'.repeat(12),
    ]) {
      expect(() => writer.write(text, false)).toThrow();
    }
    expect(on.prepare('SELECT count(*) AS n FROM audit_entry').get()?.['n']).toBe(0);
    expect(on.prepare('SELECT count(*) AS n FROM audit_body').get()?.['n']).toBe(0);
  });

  it('writes a parcel but for what is no item, and counts that', () => {
    const on = database();
    const writer = started(on);
    const items = [open(), open()] as const;
    const parcel = new OpenParcel(65_536);
    for (const text of [itemText(items[0]), 'none', itemText(items[1]), '']) expect(parcel.add(text)).toBe(true);
    expect(writer.writeParcel(parcel, false)).toBe(2);
    // As after a writer that died between its commit and its answer.
    expect(writer.writeParcel(parcel, true)).toBe(2);
    expect(on.prepare('SELECT count(*) AS n FROM audit_entry').get()?.['n']).toBe(2);
  });

  it('keeps what it sealed apart from the entry, which names its digest', () => {
    const on = database();
    started(on).write(
      itemText({ kind: 'decision', record: decisionRecord({ attributes: { 'request.x': 'canary' } }), isOpen: true }),
      false,
    );
    const row = on.prepare('SELECT entry, sealed FROM audit_body').get();
    expect(String(row?.['entry'])).not.toContain('canary');
    expect(JSON.parse(String(row?.['entry'])).sealed).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(new TextDecoder('latin1').decode(row?.['sealed'] as Uint8Array)).not.toContain('canary');
  });
});
