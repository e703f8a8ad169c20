import { expect, it } from 'vitest';
import { deployDirectly, until, untilState } from '../support/prefect.ts';
import { randomFrom } from '../support/random.ts';
import { changePolicies, createRun, enduringStage, expectWhole, POLICIES } from '../support/running-flows.ts';
import { describeWithPrefect } from '../support/with-prefect.ts';

const STEPS = 5;

describeWithPrefect('flow runs under way', () => {
  const seed = Date.now() % 1_000_000;
  const stage = enduringStage();

  it('from the moment that a poll hands it out a run may be taken on, whatever the policy comes to say', async () => {
    const { server, gateway } = stage();
    const byHand = await deployDirectly(server, { flow: 'enduring', name: 'by-hand', pool: 'enduring-by-hand' });
    const token = await gateway.workload('team/worker');
    const call = (method: string, path: string, body?: unknown) => gateway.api(token, method, path, body);
    for (const policy of ['nothing', 'refused'] as const) {
      await gateway.apply(POLICIES.full);
      const run = await createRun(gateway, byHand.deploymentId, 1);
      await until(
        async () => {
          const { body } = await call('POST', '/work_pools/enduring-by-hand/get_scheduled_flow_runs', {});
          return body.some((one: { flow_run: { id: string } }) => one.flow_run.id === run) ? true : undefined;
        },
        20_000,
        'the run in a poll',
      );
      await gateway.apply(POLICIES[policy]);
      // What a process worker asks for one run, in its order.
      const asked: readonly (readonly [string, string, unknown?])[] = [
        ['GET', `/deployments/${byHand.deploymentId}`],
        ['POST', `/flow_runs/${run}/set_state`, { state: { type: 'PENDING' } }],
        ['GET', `/deployments/${byHand.deploymentId}`],
        ['GET', `/flows/${byHand.flowId}`],
        ['GET', '/work_pools/enduring-by-hand'],
        ['PATCH', `/flow_runs/${run}/labels`, { 'prefect.worker.name': 'by-hand' }],
        ['POST', `/flow_runs/${run}/set_state`, { state: { type: 'RUNNING' } }],
        ['POST', `/flow_runs/${run}/set_state`, { state: { type: 'COMPLETED' } }],
      ];
      for (const [method, path, body] of asked) {
        const answer = await call(method, path, body);
        expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300);
      }
      expect((await server.api('GET', `/flow_runs/${run}`)).body.state_type).toBe('COMPLETED');
      const other = await createRun(gateway, byHand.deploymentId, 1);
      expect((await call('POST', `/flow_runs/${other}/set_state`, { state: { type: 'PENDING' } })).status).toBe(403);
      await server.api('DELETE', `/flow_runs/${other}`);
    }
  });

  it('a change of policy as soon as it has begun breaks no run', async () => {
    const { server, gateway, deploymentId, worker } = stage();
    for (const policy of ['nothing', 'refused'] as const) {
      await gateway.apply(POLICIES.full);
      const run = await createRun(gateway, deploymentId, STEPS);
      await untilState(server, run, ['PENDING', 'RUNNING'], 30_000);
      await gateway.apply(POLICIES[policy]);
      await expectWhole(server, run, STEPS);
    }
    expect(worker.lines.join('\n')).not.toContain('Traceback');
  });

  it('three runs outlive changes of policy that come by chance', async () => {
    const { server, gateway, deploymentId } = stage();
    const changes = changePolicies(gateway, randomFrom(seed));
    const runs = [];
    for (let n = 0; n < 3; n += 1) runs.push(await createRun(gateway, deploymentId, STEPS));
    for (const run of runs) await expectWhole(server, run, STEPS);
    await changes.stop();
    expect(changes.count(), `seed ${seed}`).toBeGreaterThan(2);
  });

  it('a revocation stops a run, and its worker with it', async () => {
    const { server, gateway, deploymentId, worker } = stage();
    await gateway.apply(POLICIES.full);
    const run = await createRun(gateway, deploymentId, 60);
    await untilState(server, run, ['RUNNING'], 30_000);
    await gateway.admin.revoke({ subject: 'workload:team/worker' });
    const ended = await worker.exited;
    expect(ended.code).not.toBe(0);
    const { entries } = await until(
      async () => {
        const found = await gateway.admin.searchDecisions({ limit: 200 });
        return found.entries.some((one) => one.type === 'refusal.v1' && one.code === 'CREDENTIAL_REVOKED') ? found : undefined;
      },
      10_000,
      'refusals in the record',
    );
    expect(entries.length).toBeGreaterThan(0);
    expect((await server.api('GET', `/flow_runs/${run}`)).body.state_type).not.toBe('COMPLETED');
  });
});
