import { expect, it } from 'vitest';
import { randomFrom } from '../support/random.ts';
import { changePolicies, createRun, enduringStage, expectWhole } from '../support/running-flows.ts';
import { describeWithPrefect } from '../support/with-prefect.ts';

const RUNS = 20;
const STEPS = 5;
/** Each run is a process that imports Prefect: more at once would only wait for one another. */
const AT_ONCE = 3;

describeWithPrefect('twenty flow runs', () => {
  const seed = Number(process.env['FAIRLEAD_TEST_SEED'] ?? Date.now() % 1_000_000);
  const stage = enduringStage();

  it(`outlive changes of policy that come by chance (seed ${seed})`, async () => {
    const { server, gateway, deploymentId, worker } = stage();
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
