import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFairlead, type TestGateway } from '../support/fairlead.ts';
import {
  deployDirectly,
  flowFolder,
  idOf,
  type PrefectServer,
  prefect,
  type Running,
  type Stock,
  startStock,
  startWorker,
  until,
  untilState,
} from '../support/prefect.ts';
import { describeWithPrefect, sharedServer, theEnvironment } from '../support/with-prefect.ts';

const FLOW = `
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact


@task
def double(n: int) -> int:
    return n * 2


@flow
def roles_child(n: int = 1) -> int:
    return double(n)


@flow
def roles(n: int = 2) -> int:
    get_run_logger().info("at work with %d", n)
    create_markdown_artifact("# done", key="roles-report")
    return roles_child(n) + double(n)
`;

/** Each role where its stock client needs it, and nowhere else. */
const RULES = `
- name: deployers
  who: [group:deployers]
  can: [prefect.role.deployer]
  on: [prefect/server, prefect/events, prefect/flows, "prefect/flows/roles/**", "prefect/deployments/roles/**", "prefect/work-pools/roles/**"]
- name: runners
  who: [group:runners]
  can: [prefect.role.runner]
  on: [prefect/server, prefect/events, "prefect/flows/roles/**", "prefect/deployments/roles/**"]
- name: workers
  who: [workload:team/worker]
  can: [prefect.role.worker, prefect.role.flow_run]
  on: [prefect/server, prefect/events, "prefect/events/**", "prefect/work-pools/roles/**", prefect/flows, "prefect/flows/roles/**", "prefect/flows/roles-child/**", "prefect/deployments/roles/**"]
- name: viewers
  who: [group:viewers]
  can: [prefect.role.viewer]
  on: ["prefect/**"]
- name: approvers
  who: [group:approvers]
  can: [prefect.role.approver]
  on: [prefect/server, prefect/events, "prefect/flows/roles/**", "prefect/deployments/roles/**"]
`;

describeWithPrefect('roles, each proven by the stock client it is for', () => {
  const folder = flowFolder({ 'flow.py': FLOW });
  let server: PrefectServer;
  let gateway: TestGateway;
  let worker: Running | undefined;

  const as = async (name: string, ...groups: string[]): Promise<Stock> => ({
    environment: theEnvironment(),
    url: gateway.url,
    token: await gateway.person(name, groups),
    cwd: folder,
  });

  beforeAll(async () => {
    server = await sharedServer();
    gateway = await startFairlead({ prefect: server, rules: RULES });
    await deployDirectly(server, { flow: 'roles', name: 'first', pool: 'roles', folder, entrypoint: 'flow.py:roles' });
  });

  afterAll(async () => {
    await worker?.stop();
    await gateway?.close();
  });

  it('a deployer deploys, and deploys again, with `prefect deploy`', async () => {
    const dora = await as('dora', 'deployers');
    const deploy = () => prefect(dora, '--no-prompt', 'deploy', 'flow.py:roles', '-n', 'nightly', '-p', 'roles');
    const first = await deploy();
    expect(first.output).toContain("Deployment 'roles/nightly' successfully created");
    expect(first.code).toBe(0);
    const again = await deploy();
    expect(again.code, again.output).toBe(0);
    const made = await server.api('GET', '/deployments/name/roles/nightly');
    expect(made.body.entrypoint).toBe('flow.py:roles');
  });

  it('a runner runs the deployment, and a worker works it off with its child', async () => {
    const token = await gateway.workload('team/worker');
    const [started, ran] = await Promise.all([
      startWorker({ environment: theEnvironment(), url: gateway.url, token }, 'roles'),
      prefect(await as('rita', 'runners'), 'deployment', 'run', 'roles/nightly'),
    ]);
    worker = started;
    expect(ran.code, ran.output).toBe(0);
    const runId = /UUID: ([0-9a-f-]{36})/.exec(ran.output)?.[1] ?? '';
    const created = await server.api('GET', `/flow_runs/${runId}`);
    expect(created.body.created_by.display_value).toBe('user:rita@acme.example');

    expect(await untilState(server, runId), worker.lines.join('\n')).toBe('COMPLETED');
    const children = await server.api('POST', '/flow_runs/filter', { flow_runs: { parent_flow_run_id: { any_: [runId] } } });
    expect(children.body.map((run: { state_type: string }) => run.state_type)).toEqual(['COMPLETED']);
    const logs = await until(
      async () => {
        const found = await server.api('POST', '/logs/filter', { logs: { flow_run_id: { any_: [runId] } } });
        return found.body.some((line: { message: string }) => line.message === 'at work with 2') ? found.body : undefined;
      },
      10_000,
      "the run's own log line",
    );
    expect(logs.length).toBeGreaterThan(1);
    const tasks = await until(
      async () => {
        const found = await server.api('POST', '/task_runs/filter', { flow_runs: { id: { any_: [runId] } } });
        return found.body.some((task: { state_type: string }) => task.state_type === 'COMPLETED') ? found.body : undefined;
      },
      10_000,
      'task runs, which travel as events',
    );
    expect(tasks.length).toBeGreaterThan(0);
  });

  it('a viewer lists and inspects', async () => {
    const vic = await as('vic', 'viewers');
    const [list, one] = await Promise.all([
      prefect(vic, 'deployment', 'ls'),
      prefect(vic, 'deployment', 'inspect', 'roles/nightly', '--output', 'json'),
    ]);
    expect(list.output).toContain('roles/nightly');
    expect(list.code).toBe(0);
    expect(one.code, one.output).toBe(0);
    expect(one.output).toContain('"entrypoint": "flow.py:roles"');
  });

  it('an approver resumes a paused run, which the worker then ends; a viewer may not', async () => {
    const runId = await pausedRun();
    const resume = (stock: Stock) => startStock(stock, ['-c', RESUME, runId]).exited;
    const refused = await resume(await as('vic', 'viewers'));
    expect(refused.code).toBe(1);
    await expectDenied(refused.output, 'user:vic@acme.example', 'prefect.flow_run.resume');
    expect((await server.api('GET', `/flow_runs/${runId}`)).body.state_type).toBe('PAUSED');

    const resumed = await resume(await as('abby', 'approvers'));
    expect(resumed.code, resumed.output).toBe(0);
    expect(await untilState(server, runId), worker?.lines.join('\n')).toBe('COMPLETED');
  });

  /** A run of the deployment that waits for somebody to resume it. */
  async function pausedRun(): Promise<string> {
    const deployment = await server.api('GET', '/deployments/name/roles/nightly');
    // Far off, so that the worker does not take it before it is paused.
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const state = { type: 'SCHEDULED', state_details: { scheduled_time: later } };
    const run = idOf(await server.api('POST', `/deployments/${idOf(deployment)}/create_flow_run`, { state }));
    const details = { pause_timeout: later, pause_key: 'approval', pause_reschedule: true };
    const paused = { type: 'PAUSED', name: 'Suspended', state_details: details };
    for (const next of [{ type: 'RUNNING' }, paused]) {
      await server.api('POST', `/flow_runs/${run}/set_state`, { state: next, force: true });
    }
    return run;
  }

  /** The output carries a decision's id, and the record says that this caller was denied; yields the id. */
  async function expectDenied(output: string, caller: string, action?: string): Promise<string> {
    const id = /\(decision ([0-9a-f-]{36})\)/.exec(output.replace(/\s*\n\s*/g, ' '))?.[1];
    expect(id, output).toBeDefined();
    const explained = await gateway.admin.explain(id ?? '');
    expect(explained).toMatchObject({ form: 'full', entry: { caller, decision: { verdict: 'deny' } } });
    if (action !== undefined) {
      expect(explained).toMatchObject({
        entry: { decision: { requests: expect.arrayContaining([expect.objectContaining({ action })]) } },
      });
    }
    return id ?? '';
  }
});

const RESUME = `
import sys
from prefect.flow_runs import resume_flow_run

resume_flow_run(sys.argv[1])
`;
