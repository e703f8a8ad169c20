import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { startFairlead, type TestGateway } from './fairlead.ts';
import { deployDirectly, flowFolder, idOf, type PrefectServer, type Running, startWorker, until, untilState } from './prefect.ts';
import { sharedServer, theEnvironment } from './with-prefect.ts';

/** A flow that reports much on its way: log lines, tasks, an artifact, a child. It takes some three seconds beside its start. */
export function enduringFlow(): string {
  return flowFolder({
    'flow.py': `
import time

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact


@task
def step(n: int) -> int:
    time.sleep(0.5)
    return n


@flow
def enduring_child(n: int) -> int:
    return step(n)


@flow
def enduring(steps: int = 5) -> int:
    for n in range(steps):
        get_run_logger().info("step %d", n)
        step(n)
    create_markdown_artifact("# done", key="enduring-report")
    return enduring_child(steps)
`,
  });
}

const WORKER_ON = `[prefect/server, prefect/events, "prefect/events/**", prefect/flows, "prefect/flows/enduring/**", "prefect/flows/enduring-child/**", "prefect/deployments/enduring/**", "prefect/work-pools/enduring/**", "prefect/work-pools/enduring-by-hand/**"]`;
const RUNNERS = `
- name: runners
  who: [group:runners]
  can: [prefect.role.runner]
  on: [prefect/server, prefect/events, "prefect/flows/enduring/**", "prefect/deployments/enduring/**"]
`;

/** What the worker holds; all but the first would refuse a run that starts now. */
export const POLICIES = {
  full: `${RUNNERS}- {name: works, who: [workload:team/worker], can: [prefect.role.worker, prefect.role.flow_run], on: ${WORKER_ON}}`,
  withoutRuns: `${RUNNERS}- {name: polls, who: [workload:team/worker], can: [prefect.role.worker], on: ${WORKER_ON}}`,
  nothing: RUNNERS,
  refused: `${RUNNERS}- {name: works, who: [workload:team/worker], can: [prefect.role.worker, prefect.role.flow_run], on: ${WORKER_ON}}
- {name: stop, who: [workload:team/worker], cannot: ["prefect.*"], on: ["prefect/**"]}`,
} as const;

export interface Changes {
  /** How often a policy other than the full one became active. */
  readonly count: () => number;
  stop(): Promise<void>;
}

/** Applies one policy after the other, by chance, until it is stopped; the full one comes back now and then, so that runs can start. */
export function changePolicies(gateway: TestGateway, random: () => number): Changes {
  const names = ['withoutRuns', 'nothing', 'refused'] as const;
  let isOver = false;
  let count = 0;
  const changing = (async () => {
    while (!isOver) {
      await gateway.apply(POLICIES.full);
      await sleep(500 + random() * 2_000);
      for (let times = 1 + Math.floor(random() * 3); times > 0 && !isOver; times -= 1) {
        await gateway.apply(POLICIES[names[Math.floor(random() * names.length)] ?? 'nothing']);
        count += 1;
        await sleep(200 + random() * 1_500);
      }
    }
  })();
  return {
    count: () => count,
    async stop() {
      isOver = true;
      await changing;
    },
  };
}

/** Everything that a run reports has arrived: states, its child, task runs, log lines and the artifact. */
export async function expectWhole(server: PrefectServer, runId: string, steps: number): Promise<void> {
  expect(await untilState(server, runId, undefined, 240_000)).toBe('COMPLETED');
  const runs = { flow_runs: { id: { any_: [runId] } } };
  const children = await server.api('POST', '/flow_runs/filter', { flow_runs: { parent_flow_run_id: { any_: [runId] } } });
  expect(statesOf(children.body)).toEqual(['COMPLETED']);
  // Task runs travel as events, which the server writes down every few seconds.
  await until(
    async () => {
      const { body } = await server.api('POST', '/task_runs/filter', {
        ...runs,
        task_runs: { subflow_runs: { exists_: false } },
      });
      return statesOf(body).filter((state) => state === 'COMPLETED').length === steps ? true : undefined;
    },
    30_000,
    `${steps} task runs of ${runId}`,
  );
  const wanted = Array.from({ length: steps }, (_, n) => `step ${n}`);
  await until(
    async () => {
      const { body } = await server.api('POST', '/logs/filter', { logs: { flow_run_id: { any_: [runId] } }, limit: 200 });
      const messages = (body as { message: string }[]).map(({ message }) => message);
      return wanted.every((message) => messages.includes(message)) ? true : undefined;
    },
    30_000,
    `the log lines of ${runId}`,
  );
  const artifacts = await server.api('POST', '/artifacts/filter', { artifacts: { flow_run_id: { any_: [runId] } } });
  expect(artifacts.body.map(({ key }: { key: string }) => key)).toContain('enduring-report');
}

function statesOf(runs: readonly { readonly state_type: string }[]): readonly string[] {
  return runs.map((run) => run.state_type);
}

export async function createRun(gateway: TestGateway, deploymentId: string, steps: number): Promise<string> {
  const token = await gateway.person('rita', ['runners']);
  return idOf(await gateway.api(token, 'POST', `/deployments/${deploymentId}/create_flow_run`, { parameters: { steps } }));
}

export interface EnduringStage {
  readonly server: PrefectServer;
  readonly gateway: TestGateway;
  readonly deploymentId: string;
  readonly worker: Running;
}

/** A gateway, the enduring flow deployed, and a worker on it, for the tests of one `describe`; read it inside the tests. */
export function enduringStage(): () => EnduringStage {
  let stage: EnduringStage | undefined;
  beforeAll(async () => {
    const server = await sharedServer();
    const gateway = await startFairlead({ prefect: server, rules: POLICIES.full });
    const place = { flow: 'enduring', name: 'nightly', pool: 'enduring', folder: enduringFlow(), entrypoint: 'flow.py:enduring' };
    const { deploymentId } = await deployDirectly(server, place);
    const token = await gateway.workload('team/worker');
    const worker = await startWorker({ environment: theEnvironment(), url: gateway.url, token }, 'enduring');
    stage = { server, gateway, deploymentId, worker };
  });
  afterAll(async () => {
    await stage?.worker.stop();
    await stage?.gateway.close();
  });
  return () => {
    if (stage === undefined) throw new Error('the stage is not set up');
    return stage;
  };
}
