import { describe, expect, it } from 'vitest';
import { memoryStore, testClock, testLog } from '../identity/fixture.ts';
import { openAdmissions } from './admissions.ts';

const HOUR_MS = 3_600_000;

async function table() {
  const clock = testClock();
  const store = memoryStore(clock);
  const log = testLog();
  let changed = (): void => undefined;
  const policy = {
    onChange(listener: () => void) {
      changed = listener;
      return () => undefined;
    },
  };
  const open = () => openAdmissions({ store, clock, log, policy });
  return { clock, store, log, open, admissions: await open(), changePolicy: () => changed() };
}

describe('admissions', () => {
  it('are held by the caller and the target that they were made for, and by nobody else', async () => {
    const { admissions } = await table();
    admissions.admit('prefect', 'user:ada', ['flow-run:1']);
    expect(admissions.held('prefect', 'user:ada', ['flow-run:1', 'flow-run:2'])).toEqual(new Set(['flow-run:1']));
    expect(admissions.held('prefect', 'user:bea', ['flow-run:1'])).toEqual(new Set());
    expect(admissions.held('other', 'user:ada', ['flow-run:1'])).toEqual(new Set());
  });

  it('`any-flow-run` is held with any, and cannot be admitted', async () => {
    const { admissions, clock } = await table();
    admissions.admit('prefect', 'user:ada', ['any-flow-run']);
    expect(admissions.held('prefect', 'user:ada', ['any-flow-run'])).toEqual(new Set());
    admissions.admit('prefect', 'user:ada', ['flow-run:1']);
    expect(admissions.held('prefect', 'user:ada', ['any-flow-run'])).toEqual(new Set(['any-flow-run']));
    admissions.end('prefect', ['flow-run:1']);
    clock.nowMs += HOUR_MS;
    expect(admissions.held('prefect', 'user:ada', ['any-flow-run'])).toEqual(new Set());
  });

  it('reach beyond their own run only after a change of policy', async () => {
    const { admissions, changePolicy } = await table();
    const keys = ['earlier:flow-run:1', 'earlier:any-flow-run', 'earlier:flow-run:2'];
    admissions.admit('prefect', 'user:ada', ['flow-run:1']);
    expect(admissions.held('prefect', 'user:ada', keys)).toEqual(new Set());
    changePolicy();
    expect(admissions.held('prefect', 'user:ada', keys)).toEqual(new Set(keys.slice(0, 2)));
    admissions.admit('prefect', 'user:ada', ['flow-run:2']);
    expect(admissions.held('prefect', 'user:ada', ['earlier:flow-run:2'])).toEqual(new Set());
    admissions.end('prefect', ['flow-run:1']);
    expect(admissions.held('prefect', 'user:ada', ['earlier:flow-run:1']).size).toBe(1);
    admissions.admit('prefect', 'user:bea', ['earlier:flow-run:1']);
    expect(admissions.held('prefect', 'user:bea', ['flow-run:1', 'earlier:flow-run:1'])).toEqual(new Set());
  });

  it('end a while after their work, so that its last logs arrive', async () => {
    const { admissions, clock } = await table();
    admissions.admit('prefect', 'user:ada', ['flow-run:1']);
    admissions.end('prefect', ['flow-run:1']);
    clock.nowMs += 5 * 60_000;
    expect(admissions.held('prefect', 'user:ada', ['flow-run:1']).size).toBe(1);
    clock.nowMs += 6 * 60_000;
    expect(admissions.held('prefect', 'user:ada', ['flow-run:1']).size).toBe(0);
  });

  it('begin anew with a run that begins anew, during the while and after it', async () => {
    for (const pauseMs of [60_000, HOUR_MS]) {
      const { admissions, clock } = await table();
      admissions.admit('prefect', 'user:ada', ['flow-run:1']);
      admissions.end('prefect', ['flow-run:1']);
      clock.nowMs += pauseMs;
      admissions.admit('prefect', 'user:ada', ['flow-run:1']);
      clock.nowMs += HOUR_MS;
      expect(admissions.held('prefect', 'user:ada', ['flow-run:1']).size).toBe(1);
    }
  });

  it('outlive a restart', async () => {
    const { admissions, open } = await table();
    admissions.admit('prefect', 'user:ada', ['flow-run:1']);
    const again = await open();
    expect(again.held('prefect', 'user:ada', ['flow-run:1']).size).toBe(1);
    // The policy may have changed meanwhile.
    expect(again.held('prefect', 'user:ada', ['earlier:flow-run:1']).size).toBe(1);
  });

  it('go on in memory when the store fails, and say so', async () => {
    const { store, log, admissions } = await table();
    store.put = () => Promise.reject(new Error('disk full'));
    admissions.admit('prefect', 'user:ada', ['flow-run:1']);
    expect(admissions.held('prefect', 'user:ada', ['flow-run:1']).size).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.lines.map(({ event }) => event)).toEqual(['admission_not_saved']);
  });

  it('forget the oldest beyond a bound', async () => {
    const { admissions } = await table();
    for (let i = 0; i <= 10_000; i++) admissions.admit('prefect', 'user:ada', [`flow-run:${i}`]);
    expect(admissions.held('prefect', 'user:ada', ['flow-run:0', 'flow-run:10000'])).toEqual(new Set(['flow-run:10000']));
  });
});
