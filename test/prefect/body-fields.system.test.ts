import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFairlead, type TestGateway } from '../support/fairlead.ts';
import { deployDirectly, idOf, type PrefectServer } from '../support/prefect.ts';
import { describeWithPrefect, sharedServer } from '../support/with-prefect.ts';

/** Rita holds all that the calls below need but what their one field asks for; Lee holds that too. */
const RULES = `
- name: rita-runs
  who: [user:rita@acme.example]
  can: [prefect.role.runner, prefect.flow_run.create, prefect.flow_run.cancel, prefect.deployment.update]
  on: [prefect/server, "prefect/flows/fields/**", "prefect/deployments/fields/**"]
- name: rita-looks-at-blocks
  who: [user:rita@acme.example]
  can: [prefect.block.read, prefect.block.list, prefect.block.use, prefect.block_type.read]
  on: [prefect/blocks, "prefect/blocks/**"]
- name: rita-automates
  who: [user:rita@acme.example]
  can: [prefect.automation.create]
  on: [prefect/automations, "prefect/deployments/fields/**"]
- name: rita-uses-the-pool
  who: [user:rita@acme.example]
  can: [prefect.work_pool.use]
  on: ["prefect/work-pools/fields/**"]
- name: leads-do-everything
  who: [group:leads]
  can: [prefect.*, prefect.block.read_secret]
  on: ["prefect/**"]
`;

interface Case {
  /** What stands in the body or the query. */
  readonly field: string;
  /** What it asks for beside the call itself. */
  readonly action: string;
  readonly method?: string;
  readonly path: (world: World) => string;
  /** The body with the field. */
  readonly body?: (world: World) => unknown;
  /** Path and body without it. */
  readonly without: (world: World) => { readonly path?: string; readonly body?: unknown };
}

interface World {
  readonly flow: string;
  readonly deployment: string;
  readonly hidden: string;
  readonly block: string;
  readonly run: () => string;
  readonly hiddenRun: () => string;
}

const createRun = ({ deployment }: World): string => `/deployments/${deployment}/create_flow_run`;
const trigger = { type: 'event', expect: ['fields.never'], posture: 'Reactive', threshold: 1, within: 0 };
const SECRET = '{{ prefect.blocks.secret.fields-secret }}';
const VARIABLE = '{{ prefect.variables.fields_region }}';

const CASES: readonly Case[] = [
  {
    field: 'job_variables of a run',
    action: 'prefect.deployment.override',
    path: createRun,
    body: () => ({ parameters: {}, job_variables: { env: { A: '1' } } }),
    without: () => ({ body: { parameters: {} } }),
  },
  {
    field: 'state of a run',
    action: 'prefect.deployment.override',
    path: createRun,
    body: () => ({ state: { type: 'RUNNING' } }),
    without: () => ({ body: {} }),
  },
  {
    field: 'infrastructure_document_id of a run',
    action: 'prefect.deployment.override',
    path: createRun,
    body: ({ block }) => ({ infrastructure_document_id: block }),
    without: () => ({ body: {} }),
  },
  {
    field: 'work_queue_name of a run',
    action: 'prefect.deployment.override',
    path: createRun,
    body: () => ({ work_queue_name: 'fast' }),
    without: () => ({ body: {} }),
  },
  {
    field: 'enforce_parameter_schema: false of a run',
    action: 'prefect.deployment.override',
    path: createRun,
    body: () => ({ parameters: {}, enforce_parameter_schema: false }),
    without: () => ({ body: { parameters: {} } }),
  },
  {
    field: 'deployment_id of a run that is created directly',
    action: 'prefect.deployment.run',
    path: () => '/flow_runs/',
    body: ({ flow, hidden }) => ({ flow_id: flow, state: { type: 'PENDING' }, deployment_id: hidden }),
    without: ({ flow }) => ({ body: { flow_id: flow, state: { type: 'PENDING' } } }),
  },
  {
    field: 'include_secrets in the query',
    action: 'prefect.block.read_secret',
    method: 'GET',
    path: ({ block }) => `/block_documents/${block}?include_secrets=true`,
    without: ({ block }) => ({ path: `/block_documents/${block}` }),
  },
  {
    field: 'include_secrets in the body',
    action: 'prefect.block.read_secret',
    path: () => '/block_documents/filter',
    body: () => ({ include_secrets: true }),
    without: () => ({ body: {} }),
  },
  {
    field: 'the action of an automation',
    action: 'prefect.deployment.run',
    path: () => '/automations/',
    body: ({ hidden }) => ({
      name: 'fields',
      trigger,
      actions: [{ type: 'run-deployment', source: 'selected', deployment_id: hidden }],
    }),
    without: () => ({ body: { name: 'fields', trigger, actions: [{ type: 'do-nothing' }] } }),
  },
  {
    field: 'a block template in parameters',
    action: 'prefect.block.read_secret',
    path: createRun,
    body: () => ({ parameters: { a: SECRET } }),
    without: () => ({ body: { parameters: { a: 'plain' } } }),
  },
  {
    field: 'a variable template in parameters',
    action: 'prefect.variable.read',
    path: createRun,
    body: () => ({ parameters: { a: [{ deep: VARIABLE }] } }),
    without: () => ({ body: { parameters: { a: [{ deep: 'plain' }] } } }),
  },
  {
    field: 'a block template in the pull steps of a deployment',
    action: 'prefect.block.read_secret',
    method: 'PATCH',
    path: ({ deployment }) => `/deployments/${deployment}`,
    body: () => ({
      pull_steps: [{ 'prefect.deployments.steps.git_clone': { repository: 'https://git.example/x', access_token: SECRET } }],
    }),
    without: () => ({ body: { pull_steps: [{ 'prefect.deployments.steps.set_working_directory': { directory: '/tmp' } }] } }),
  },
  {
    field: "somebody else's run in a bulk filter",
    action: 'prefect.flow_run.cancel',
    path: () => '/flow_runs/bulk_set_state',
    body: ({ run, hiddenRun }) => ({ flow_runs: { id: { any_: [run(), hiddenRun()] } }, state: { type: 'CANCELLED' } }),
    without: ({ run }) => ({ body: { flow_runs: { id: { any_: [run()] } }, state: { type: 'CANCELLED' } } }),
  },
  {
    field: 'a bulk filter that names no run',
    action: 'prefect.flow_run.cancel',
    path: () => '/flow_runs/bulk_set_state',
    body: () => ({ flow_runs: { name: { any_: ['fields-none'] } }, state: { type: 'CANCELLED' } }),
    without: ({ run }) => ({ body: { flow_runs: { id: { any_: [run()] } }, state: { type: 'CANCELLED' } } }),
  },
];

describeWithPrefect('a field of a body that decides', () => {
  let server: PrefectServer;
  let gateway: TestGateway;
  let world: World;

  beforeAll(async () => {
    server = await sharedServer();
    gateway = await startFairlead({ prefect: server, rules: RULES });
    world = await makeWorld(server);
  });
  afterAll(() => gateway?.close());

  describe.each(CASES)('$field', (one) => {
    it('is refused with it, allowed without it, and allowed with it to who holds the right', async () => {
      const { method = 'POST', action } = one;
      const rita = await gateway.person('rita');
      const path = one.path(world);

      const refused = await gateway.api(rita, method, path, one.body?.(world));
      expect(refused.status, refused.text).toBe(403);
      const id = /\(decision ([0-9a-f-]{36})\)$/.exec(refused.body.detail)?.[1] ?? '';
      const explained = await gateway.admin.explain(id);
      expect(deniedOf(explained)).toEqual(expect.arrayContaining([action]));

      const plain = one.without(world);
      const allowed = await gateway.api(rita, method, plain.path ?? path, plain.body);
      expect(allowed.status, allowed.text).toBeLessThan(300);

      const lead = await gateway.api(await gateway.person('lee', ['leads']), method, path, one.body?.(world));
      expect(lead.status, lead.text).toBeLessThan(300);
    });
  });

  it('what a refused call would have made is not there', async () => {
    const rita = await gateway.person('rita');
    const name = 'fields-refused';
    const refused = await gateway.api(rita, 'POST', createRun(world), { name, job_variables: { env: {}, command: 'id' } });
    expect(refused.status).toBe(403);
    const found = await server.api('POST', '/flow_runs/filter', { flow_runs: { name: { any_: [name] } } });
    expect(found.body).toEqual([]);
  });
});

function deniedOf(explained: unknown): readonly string[] {
  const { entry } = explained as { entry: { decision: { requests: readonly { action: string; verdict: string }[] } } };
  return entry.decision.requests.filter(({ verdict }) => verdict === 'deny').map(({ action }) => action);
}

async function makeWorld(server: PrefectServer): Promise<World> {
  const { flowId, deploymentId } = await deployDirectly(server, {
    flow: 'fields',
    name: 'nightly',
    pool: 'fields',
    schema: { type: 'object', properties: { a: {} } },
  });
  const hidden = await deployDirectly(server, { flow: 'fields-hidden', name: 'other', pool: 'fields' });
  await server.api('POST', '/work_pools/fields/queues', { name: 'fast' });
  const type = await server.api('GET', '/block_types/slug/secret');
  const schemas = await server.api('POST', '/block_schemas/filter', { block_schemas: { block_type_id: { any_: [idOf(type)] } } });
  const block = await server.api('POST', '/block_documents/', {
    name: 'fields-secret',
    block_type_id: idOf(type),
    block_schema_id: schemas.body[0].id,
    data: { value: 'hidden-value' },
  });
  await server.api('POST', '/variables/', { name: 'fields_region', value: 'eu' });
  const makeRuns = async (deployment: string): Promise<() => string> => {
    const state = { type: 'SCHEDULED', state_details: { scheduled_time: new Date(Date.now() + 3_600_000).toISOString() } };
    const made = await server.api('POST', `/deployments/${deployment}/create_flow_run/bulk`, Array(6).fill({ state }));
    const ids = (made.body.results as { flow_run_id: string }[]).map((one) => one.flow_run_id);
    let next = 0;
    return () => ids[next++ % ids.length] ?? '';
  };
  return {
    flow: flowId,
    deployment: deploymentId,
    hidden: hidden.deploymentId,
    block: idOf(block),
    run: await makeRuns(deploymentId),
    hiddenRun: await makeRuns(hidden.deploymentId),
  };
}
