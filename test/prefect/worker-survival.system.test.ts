import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFairlead, type TestGateway } from '../support/fairlead.ts';
import {
  deployDirectly,
  type OwnPrefectServer,
  type Running,
  startServer,
  startWorker,
  until,
  untilState,
} from '../support/prefect.ts';
import { createRun, enduringFlow, expectWhole, POLICIES } from '../support/running-flows.ts';
import { describeWithPrefect, theEnvironment } from '../support/with-prefect.ts';

/** Longer than three polls of a stock worker that asks every two seconds. */
const THREE_POLLS_MS = 7_000;

describeWithPrefect('a stock worker outlives', () => {
  let server: OwnPrefectServer;
  let gateway: TestGateway;
  let deploymentId: string;
  let worker: Running;

  beforeAll(async () => {
    server = await startServer(theEnvironment());
    gateway = await startFairlead({ prefect: server, rules: POLICIES.full });
    const place = { flow: 'enduring', name: 'nightly', pool: 'enduring', folder: enduringFlow(), entrypoint: 'flow.py:enduring' };
    ({ deploymentId } = await deployDirectly(server, place));
    worker = await startOne('survivor', await gateway.workload('team/worker'));
  });
  afterAll(async () => {
    await worker?.stop();
    await gateway?.close();
    await server?.close();
  });

  const startOne = (name: string, token: string) =>
    startWorker({ environment: theEnvironment(), url: gateway.url, token }, 'enduring', name);

  /** It lives when it takes a run and ends it. */
  async function expectAlive(): Promise<void> {
    await expectWhole(server, await createRun(gateway, deploymentId, 1), 1);
  }

  it('a policy that refuses its poll: it is told that there is nothing for it', async () => {
    await gateway.apply(POLICIES.nothing);
    const run = await createRun(gateway, deploymentId, 1);
    await sleep(THREE_POLLS_MS);
    expect((await server.api('GET', `/flow_runs/${run}`)).body.state_type).toBe('SCHEDULED');
    const { entries } = await gateway.admin.searchDecisions({ action: 'prefect.work_pool.poll', verdict: 'deny' });
    expect(entries[0]).toMatchObject({ caller: 'workload:team/worker' });
    // The same question again and again is one entry with a count.
    expect(entries.length).toBeLessThan(3);
    await gateway.apply(POLICIES.full);
    expect(await untilState(server, run)).toBe('COMPLETED');
  });

  it('the end of its token: its calls are held, loudly, and it waits', async () => {
    // The clock's tolerance is 30 s, so this one is taken for some ten seconds more.
    const token = await gateway.workload('team/worker', { seconds: -17 });
    const expiring = await startOne('expiring', token);
    await until(
      async () => ((await gateway.api(token, 'GET', '/work_pools/enduring')).status === 503 ? true : undefined),
      30_000,
      'the token has ended',
    );
    const held = await gateway.api(token, 'POST', '/work_pools/enduring/get_scheduled_flow_runs', {});
    expect(held.status).toBe(503);
    expect(held.headers.get('prefect-maintenance')).toBe('true');
    expect(Number(held.headers.get('retry-after'))).toBeGreaterThan(0);
    await sleep(THREE_POLLS_MS);
    expect(readFileSync(join(gateway.folder, 'gateway.log'), 'utf8')).toContain('workload_token_expired');
    expect(expiring.lines.join('\n')).not.toContain('Traceback');
    // It answers the signal that ends it, so it has been alive until now.
    const ended = await Promise.race([expiring.exited, sleep(10).then(() => 'alive')]);
    expect(ended).toBe('alive');
    await expiring.stop();
  });

  it('a restart of the gateway, also in the middle of a run', async () => {
    const run = await createRun(gateway, deploymentId, 8);
    await untilState(server, run, ['RUNNING'], 30_000);
    await gateway.restart();
    await expectWhole(server, run, 8);
    await expectAlive();
  });

  it('a restart of the Prefect server behind the gateway', async () => {
    await server.stop();
    const token = await gateway.workload('team/worker');
    const held = await gateway.api(token, 'POST', '/work_pools/enduring/get_scheduled_flow_runs', {});
    expect(held.status).toBe(503);
    expect(held.headers.get('prefect-maintenance')).toBe('true');
    expect(held.headers.get('x-fairlead-decision')).not.toBeNull();
    await sleep(THREE_POLLS_MS);
    await server.start();
    await expectAlive();
  });
});
