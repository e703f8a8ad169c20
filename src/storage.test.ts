import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  decision,
  decisionRecord,
  healthBoard,
  quietLog,
  refusalRecord,
  systemClock,
  temporaryFolder,
} from '../test/support/records.ts';
import { openStorage, type Storage } from './storage.ts';
import { DATABASE_FILE } from './store/folder.ts';

const retention = { retain: 400 * 86_400_000, maxBytes: 2 ** 30 };

async function open(dir: string, health = healthBoard()): Promise<Storage> {
  const storage = await openStorage({ dir, health, retention, clock: systemClock, log: quietLog });
  onTestFinished(() => storage.close());
  return storage;
}

const folder = (): string => join(temporaryFolder(onTestFinished), 'data');

describe('the storage', () => {
  it('keeps the record and the small state across a restart', async () => {
    const dir = folder();
    const first = await open(dir);
    const record = decisionRecord();
    await first.recorder.decision(record);
    first.recorder.outcome({ id: record.id, timeMs: 1, durationMs: 2, outcome: { kind: 'answered', status: 201 } });
    await first.store.put('policy', 'active', { revision: 'sha256:aa' });
    await first.close();
    const second = await open(dir);
    expect(await second.store.get('policy', 'active')).toEqual({ revision: 'sha256:aa' });
    expect(await second.search.get(record.id, { reveal: true })).toMatchObject({
      id: record.id,
      attributes: record.attributes,
      outcome: { outcome: { kind: 'answered', status: 201 } },
    });
  });

  it('finds at once what is still in memory', async () => {
    const { recorder, search } = await open(folder());
    const read = decisionRecord({ class: 'read' });
    const poll = decisionRecord({ class: 'poll' });
    const refused = refusalRecord();
    await recorder.decision(read);
    await recorder.decision(poll);
    recorder.refusal(refused);
    expect(await search.get(read.id)).toMatchObject({ class: 'read' });
    expect((await search.search({})).entries.map((entry) => entry.id).sort()).toEqual([read.id, poll.id, refused.id].sort());
  });

  it('refuses a folder that another gateway uses, and gives it free at its end', async () => {
    const dir = folder();
    const first = await open(dir);
    await expect(open(dir)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await first.close();
    await open(dir);
  });

  it('says soon that it cannot start when its writer ends each time', async () => {
    const dir = folder();
    await (await open(dir)).close();
    const database = new DatabaseSync(join(dir, DATABASE_FILE));
    database.exec('DROP TABLE audit_body');
    database.close();
    await expect(open(dir)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' });
  });

  it('leaves no file that others may read', async () => {
    const dir = folder();
    const { recorder } = await open(dir);
    await recorder.decision(decisionRecord());
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(dir)) {
      expect([name, (statSync(join(dir, name)).mode & 0o077).toString(8)]).toEqual([name, '0']);
    }
  });

  it('writes what a decision read nowhere in the clear', async () => {
    const dir = folder();
    const storage = await open(dir);
    await storage.recorder.decision(decisionRecord({ attributes: { 'request.parameters.note': 'canary-7f3a' } }));
    await storage.close();
    for (const name of readdirSync(dir)) expect(readFileSync(join(dir, name)).includes('canary-7f3a')).toBe(false);
  });

  it('passes on the problem of a wrong cursor from its thread', async () => {
    const { search } = await open(folder());
    await expect(search.search({ cursor: 'x' })).rejects.toMatchObject({ code: 'AUDIT_CURSOR_INVALID', kind: 'invalid' });
  });

  it('goes on reading, finding and taking reads while its writer is blocked, and recovers', async () => {
    const dir = folder();
    const health = healthBoard();
    const { recorder, store, search } = await open(dir, health);
    const before = decisionRecord();
    await recorder.decision(before);
    await store.put('session', 'a', 1);
    const blocker = new DatabaseSync(join(dir, 'fairlead.db'));
    onTestFinished(() => blocker.close());
    blocker.exec('BEGIN IMMEDIATE');
    const blocked = recorder.decision(decisionRecord());
    const refused = expect(blocked).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE', kind: 'fault' });
    await recorder.decision(decisionRecord({ class: 'read' }));
    expect(await store.get('session', 'a')).toBe(1);
    expect(await search.get(before.id)).toMatchObject({ id: before.id });
    await refused;
    expect(await store.get('session', 'a')).toBe(1);
    blocker.exec('ROLLBACK');
    await expect
      .poll(
        () =>
          recorder.decision(decisionRecord()).then(
            () => 'written',
            () => 'refused',
          ),
        { timeout: 10_000 },
      )
      .toBe('written');
    await expect.poll(() => health.states.get('audit'), { timeout: 5_000 }).toBe('ok');
  });

  it('records a denial of a call that observe mode lets pass as what it is', async () => {
    const { recorder, search } = await open(folder());
    const record = decisionRecord({ decision: decision({ verdict: 'deny', mode: 'observe', code: 'NO_RULE' }) });
    await recorder.decision(record);
    expect((await search.search({ verdict: 'deny' })).entries).toMatchObject([{ id: record.id, decision: { mode: 'observe' } }]);
  });
});
