import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFairlead, type TestGateway } from '../support/fairlead.ts';
import { deployDirectly, type OwnPrefectServer, type Running, startServer, startWorker, untilState } from '../support/prefect.ts';
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
