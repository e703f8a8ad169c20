import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFairlead, type TestGateway } from '../support/fairlead.ts';
import { deployDirectly, type PrefectServer, type Running, startWorker } from '../support/prefect.ts';
import { changePolicies, createRun, enduringFlow, expectWhole, POLICIES, randomFrom } from '../support/running-flows.ts';
import { describeWithPrefect, sharedServer, theEnvironment } from '../support/with-prefect.ts';

const RUNS = 20;
const STEPS = 5;
/** Each run is a process that imports Prefect: more at once would only wait for one another. */
const AT_ONCE = 3;

describeWithPrefect('twenty flow runs', () => {
  const seed = Number(process.env['FAIRLEAD_TEST_SEED'] ?? Date.now() % 1_000_000);
  let server: PrefectServer;
  let gateway: TestGateway;
  let deploymentId: string;
  let worker: Running;

  beforeAll(async () => {
    server = await sharedServer();
    gateway = await startFairlead({ prefect: server, rules: POLICIES.full });
    const place = { flow: 'enduring', name: 'nightly', pool: 'enduring', folder: enduringFlow(), entrypoint: 'flow.py:enduring' };
    ({ deploymentId } = await deployDirectly(server, place));
    const token = await gateway.workload('team/worker');
    worker = await startWorker({ environment: theEnvironment(), url: gateway.url, token }, 'enduring');
  });
  afterAll(async () => {
    await worker?.stop();
    await gateway?.close();
  });

  it(`outlive changes of policy that come by chance (seed ${seed})`, async () => {
    const changes = changePolicies(gateway, randomFrom(seed));
    let started = 0;
    const lane = async (): Promise<void> => {
      while (started < RUNS) {
        started += 1;
        await expectWhole(server, await createRun(gateway, deploymentId, STEPS), STEPS);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    await changes.stop();
    expect(changes.count()).toBeGreaterThan(RUNS);
    expect(worker.lines.join('\n')).not.toMatch(/Traceback|Crashed/);
  });
});
