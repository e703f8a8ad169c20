import { describe, expect, it } from 'vitest';
import { Problem } from '../../core/problem.ts';
import { createLiveRuns } from './live-runs.ts';
import { namesKey } from './lookups.ts';
import { createNames } from './resolve.ts';
import { fakeServer, IDS, WORLD } from './testing.ts';

function names(start = 1_000_000) {
  const server = fakeServer();
  const clock = { now: start };
  return { server, clock, names: createNames({ upstream: server, now: () => clock.now }) };
}

describe('names of objects', () => {
  it('are asked for once and kept for half a minute', async () => {
    const { server, clock, names: known } = names();
    await known.get('flow', IDS.etl, 'recent');
    clock.now += 29_000;
    expect(await known.get('flow', IDS.etl, 'recent')).toMatchObject({ name: 'etl', tags: ['team-a'] });
    expect(server.calls).toEqual([`GET /api/flows/${IDS.etl}`]);
    clock.now += 2_000;
    await known.get('flow', IDS.etl, 'recent');
    expect(server.calls).toHaveLength(2);
  });

  it('that never change are kept for ever, and read anew when the moment counts', async () => {
    const { server, clock, names: known } = names();
    await known.get('flow', IDS.etl, 'ever');
    clock.now += 1e9;
    await known.get('flow', IDS.etl, 'ever');
    expect(server.calls).toHaveLength(1);
    await known.get('flow', IDS.etl, 'now');
    expect(server.calls).toHaveLength(2);
  });

  it('are asked for once by callers that come at the same time', async () => {
    const { server, names: known } = names();
    await Promise.all([1, 2, 3].map(() => known.get('flow', IDS.etl, 'recent')));
    expect(server.calls).toHaveLength(1);
  });

  it('are absent when the server says so; what never changes of them is still told, for what they leave behind', async () => {
    const { server, names: known } = names();
    expect(await known.get('flowRun', IDS.nowhere, 'recent')).toBeUndefined();
    await known.get('flow', IDS.etl, 'ever');
    server.answers.set(`GET /api/flows/${IDS.etl}`, { status: 404, body: undefined });
    expect(await known.get('flow', IDS.etl, 'now')).toBeUndefined();
    expect(await known.get('flow', IDS.etl, 'recent')).toBeUndefined();
    expect(await known.get('flow', IDS.etl, 'ever')).toMatchObject({ name: 'etl' });
  });

  it.each([
    [500, undefined],
    [401, undefined],
    [200, { id: 'no' }],
    [200, [] as const],
    [307, undefined],
  ])('are a fault when the answer is %s %j', async (status, body) => {
    const { server, names: known } = names();
    server.answers.set(`GET /api/flows/${IDS.etl}`, { status, body });
    await expect(known.get('flow', IDS.etl, 'recent')).rejects.toMatchObject({ kind: 'fault', code: 'LOOKUP_UNAVAILABLE' });
  });

  it('by name go into filters, whatever characters they hold', async () => {
    const { server, names: known } = names();
    expect(await known.get('flowByName', 'a/b?c', 'now')).toBeUndefined();
    expect(await known.get('deploymentByNames', namesKey('etl', 'nightly'), 'now')).toMatchObject({ id: IDS.nightly });
    expect(server.calls).toEqual(['POST /api/flows/filter', 'POST /api/deployments/filter']);
  });

  it('that no path can hold are a problem, not a look-up of something else', async () => {
    const { server, names: known } = names();
    await expect(known.get('workQueueByName', '../flows', 'now')).rejects.toThrowError(Problem);
    expect(server.calls).toEqual([]);
  });

  it('are asked for many at a time, and only those that are not known', async () => {
    const { server, names: known } = names();
    await known.get('flowRun', IDS.running, 'recent');
    const found = await known.many('flowRun', [IDS.running, IDS.adHoc, IDS.adHoc, IDS.nowhere], 'recent');
    expect(found.map((run) => run.id).sort()).toEqual([IDS.running, IDS.adHoc].sort());
    expect(server.calls).toEqual([`GET /api/flow_runs/${IDS.running}`, 'POST /api/flow_runs/filter']);
  });

  it('are learned from answers that pass, and from nothing else', async () => {
    const { server, names: known } = names();
    known.learn('POST /flow_runs/filter', WORLD['flow_runs']);
    known.learn('POST /flows/paginate', { results: WORLD['flows'] ?? [] });
    expect(await known.get('flowRun', IDS.paused, 'recent')).toMatchObject({ responseKey: 'paused-1-response' });
    expect(await known.get('flow', IDS.report, 'recent')).toMatchObject({ name: 'report' });
    expect(server.calls).toEqual([]);
    for (const body of [undefined, null, 7, [null, { id: 3 }], { results: 1 }]) known.learn('POST /flow_runs/filter', body);
    known.learn('POST /logs/filter', WORLD['flow_runs']);
  });
});

describe('runs at work', () => {
  it('are known by what they belong to, up to a bound', () => {
    const live = createLiveRuns();
    const run = (id: string, stateType: string) => ({
      id,
      name: '',
      flowId: 'f',
      deploymentId: 'd',
      parentTaskRunId: undefined,
      tags: [],
      workPool: 'p',
      workQueue: 'q',
      stateType,
      createdBy: '',
      responseKey: undefined,
    });
    live.note(run('waits', 'SCHEDULED'));
    expect(live.of('deployment', 'd')).toEqual([]);
    for (let number = 0; number < 300; number++) live.note(run(`r${number}`, 'RUNNING'));
    expect(live.of('deployment', 'd')).toHaveLength(256);
    expect(live.of('work_queue', JSON.stringify(['p', 'q']))).toContain('flow-run:r299');
    expect(live.of('flow', 'other')).toEqual([]);
  });
});
