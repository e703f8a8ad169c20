import { describe, expect, it } from 'vitest';
import { Problem } from '../../core/problem.ts';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { IDS, shortOf, subject } from './testing.ts';

const NIGHTLY = 'deployments/etl/nightly';
const CREATE = `/api/deployments/${IDS.nightly}/create_flow_run`;
const SECRET = ['block.read_secret blocks/secret/token', 'block.read blocks/secret/token'] as const;
const TEMPLATE = '{{ prefect.blocks.secret.token }}';

/** What `prefect deployment run nightly` sends, Prefect 3.9.1. */
const STOCK_RUN: JsonObject = {
  state: {
    type: 'SCHEDULED',
    name: 'Scheduled',
    message: null,
    state_details: { scheduled_time: '2026-11-25T05:55:41.682873Z', traceparent: null },
    data: null,
  },
  name: null,
  parameters: { a: 1 },
  context: {},
  tags: [],
  idempotency_key: null,
  parent_task_run_id: null,
  job_variables: {},
  labels: {},
};
/** What both web apps send. */
const UI_RUN: JsonObject = {
  parameters: {},
  enforce_parameter_schema: true,
  state: {
    type: 'SCHEDULED',
    message: 'Run from the Prefect UI',
    state_details: { deferred: false, untrackable_result: false, pause_reschedule: false },
  },
};
/** What a flow's engine sends to begin its own run. */
const ENGINE_RUN: JsonObject = {
  state: { type: 'PENDING', name: 'Pending', message: null, state_details: { traceparent: null }, data: null },
  name: null,
  flow_id: IDS.report,
  flow_version: 'v',
  parameters: {},
  context: {},
  parent_task_run_id: null,
  empirical_policy: { retries: 0, retry_delay: 0 },
  tags: [],
};

const action = (action: JsonObject): JsonObject => ({ name: 'a', trigger: {}, actions: [action] });

type Row = readonly [what: string, method: string, path: string, base: JsonValue, changed: JsonValue, ...more: readonly string[]];

/** A body without and with one field: what the field adds to what is asked for. */
const ROWS: readonly Row[] = [
  ['job_variables', 'POST', CREATE, STOCK_RUN, { ...STOCK_RUN, job_variables: { image: 'x' } }, `deployment.override ${NIGHTLY}`],
  [
    'a state of another type',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, state: { type: 'RUNNING' } },
    `deployment.override ${NIGHTLY}`,
  ],
  [
    'a state of another name',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, state: { type: 'SCHEDULED', name: 'AwaitingRetry' } },
    `deployment.override ${NIGHTLY}`,
  ],
  [
    'a state with details',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, state: { type: 'SCHEDULED', state_details: { pause_key: 'k' } } },
    `deployment.override ${NIGHTLY}`,
  ],
  [
    'a state with data',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, state: { type: 'SCHEDULED', data: 1 } },
    `deployment.override ${NIGHTLY}`,
  ],
  [
    'infrastructure_document_id',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, infrastructure_document_id: IDS.hook },
    `deployment.override ${NIGHTLY}`,
    'block.use blocks/webhook/hook',
  ],
  [
    'work_queue_name',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, work_queue_name: 'fast' },
    `deployment.override ${NIGHTLY}`,
    'work_pool.use work-pools/p1/queues/fast',
  ],
  [
    'enforce_parameter_schema: false',
    'POST',
    CREATE,
    UI_RUN,
    { ...UI_RUN, enforce_parameter_schema: false },
    `deployment.override ${NIGHTLY}`,
  ],
  [
    'enforce_parameter_schema: "no"',
    'POST',
    CREATE,
    UI_RUN,
    { ...UI_RUN, enforce_parameter_schema: 'no' },
    `deployment.override ${NIGHTLY}`,
  ],
  [
    'a block in job_variables',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, job_variables: { env: { T: TEMPLATE } } },
    `deployment.override ${NIGHTLY}`,
    ...SECRET,
  ],
  [
    'a block in a path of keys',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, job_variables: { 'env.$ref.block_document_id': IDS.token } },
    `deployment.override ${NIGHTLY}`,
    ...SECRET,
  ],
  [
    'a block in parameters',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, parameters: { a: [{ $ref: { block_document_id: IDS.token } }] } },
    ...SECRET,
  ],
  [
    'a block by slug',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, parameters: { a: { $ref: { block_document_slug: 'secret/token' } } } },
    ...SECRET,
  ],
  [
    'a variable in parameters',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, parameters: { a: '{{prefect.variables.region}}' } },
    'variable.read variables/region',
  ],
  [
    'a variable that the server fills in',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, parameters: { a: { __prefect_kind: 'workspace_variable', variable_name: 'region' } } },
    'variable.read variables/region',
  ],
  [
    'parent_task_run_id',
    'POST',
    CREATE,
    STOCK_RUN,
    { ...STOCK_RUN, parent_task_run_id: IDS.task },
    `flow_run.report ${NIGHTLY}/runs/${IDS.running}`,
  ],
  [
    'job_variables of one of many runs',
    'POST',
    `${CREATE}/bulk`,
    [{}],
    [{ job_variables: { image: 'x' } }],
    `deployment.override ${NIGHTLY}`,
  ],

  [
    'work_pool_name on an ad-hoc run',
    'POST',
    '/api/flow_runs/',
    ENGINE_RUN,
    { ...ENGINE_RUN, work_pool_name: 'p1' },
    'deployment.override flows/report/runs',
    'work_pool.use work-pools/p1',
  ],
  [
    'job_variables on an ad-hoc run',
    'POST',
    '/api/flow_runs/',
    ENGINE_RUN,
    { ...ENGINE_RUN, job_variables: { a: 1 } },
    'deployment.override flows/report/runs',
  ],
  [
    'parent_task_run_id on a subflow',
    'POST',
    '/api/flow_runs/',
    ENGINE_RUN,
    { ...ENGINE_RUN, parent_task_run_id: IDS.task },
    `flow_run.report ${NIGHTLY}/runs/${IDS.running}`,
  ],

  [
    'job_variables on a run',
    'PATCH',
    `/api/flow_runs/${IDS.scheduled}`,
    { parameters: {} },
    { parameters: {}, job_variables: { a: TEMPLATE } },
    `deployment.override ${NIGHTLY}`,
    ...SECRET,
  ],

  ['include_secrets in a body', 'POST', '/api/block_documents/filter', {}, { include_secrets: true }, 'block.read_secret blocks'],
  [
    'include_secrets: "yes"',
    'POST',
    '/api/block_documents/filter',
    { include_secrets: 'no' },
    { include_secrets: 'yes' },
    'block.read_secret blocks',
  ],
  [
    'a block within a block',
    'POST',
    '/api/block_documents/',
    { name: 'n', block_type_id: IDS.secretType, data: {} },
    { name: 'n', block_type_id: IDS.secretType, data: { a: { $ref: { block_document_id: IDS.hook } } } },
    'block.read_secret blocks/webhook/hook',
    'block.read blocks/webhook/hook',
  ],

  [
    'work_pool_name of a new deployment',
    'POST',
    '/api/deployments/',
    { flow_id: IDS.etl, name: 'weekly' },
    { flow_id: IDS.etl, name: 'weekly', work_pool_name: 'p1' },
    'work_pool.use work-pools/p1',
  ],
  [
    'pull_steps with a block',
    'POST',
    '/api/deployments/',
    { flow_id: IDS.etl, name: 'weekly' },
    { flow_id: IDS.etl, name: 'weekly', pull_steps: [{ git_clone: { access_token: TEMPLATE } }] },
    ...SECRET,
  ],
  [
    'a schedule with parameters',
    'POST',
    '/api/deployments/',
    { flow_id: IDS.etl, name: 'weekly' },
    { flow_id: IDS.etl, name: 'weekly', schedules: [{ parameters: { a: TEMPLATE } }] },
    ...SECRET,
  ],
  [
    'storage_document_id',
    'POST',
    '/api/deployments/',
    { flow_id: IDS.etl, name: 'weekly' },
    { flow_id: IDS.etl, name: 'weekly', storage_document_id: IDS.hook },
    'block.use blocks/webhook/hook',
  ],
  [
    'global_concurrency_limit_id',
    'PATCH',
    `/api/deployments/${IDS.nightly}`,
    {},
    { global_concurrency_limit_id: IDS.limit },
    'concurrency_limit.acquire concurrency-limits/slots',
  ],
  [
    'a template with a block',
    'PATCH',
    '/api/work_pools/p1',
    {},
    { base_job_template: { job_configuration: { a: TEMPLATE } } },
    ...SECRET,
  ],

  [
    'a filter on a queue',
    'POST',
    '/api/work_queues/',
    { name: 'q' },
    { name: 'q', filter: { tags: ['prod'] } },
    'work_pool.poll work-pools',
  ],
  [
    'run-deployment',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'run-deployment', source: 'selected', deployment_id: IDS.nightly }),
    `deployment.run ${NIGHTLY}`,
  ],
  [
    'run-deployment with job_variables',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'run-deployment', deployment_id: IDS.nightly, job_variables: { a: TEMPLATE } }),
    `deployment.run ${NIGHTLY}`,
    `deployment.override ${NIGHTLY}`,
    ...SECRET,
  ],
  [
    'run-deployment, inferred',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'run-deployment', source: 'inferred' }),
    'deployment.run deployments',
  ],
  [
    'run-deployment of nothing',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'run-deployment', deployment_id: IDS.nowhere }),
    'deployment.run deployments',
  ],
  [
    'pause-deployment',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'pause-deployment', deployment_id: IDS.nightly }),
    `deployment.update ${NIGHTLY}`,
  ],
  [
    'resume-deployment',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'resume-deployment', source: 'inferred' }),
    'deployment.update deployments',
  ],
  [
    'pause-work-pool',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'pause-work-pool', work_pool_id: IDS.pool }),
    'work_pool.update work-pools/p1',
  ],
  [
    'resume-work-pool',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'resume-work-pool', source: 'inferred' }),
    'work_pool.update work-pools',
  ],
  [
    'pause-work-queue',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'pause-work-queue', work_queue_id: IDS.queue }),
    'work_queue.update work-pools/p1/queues/default',
  ],
  [
    'resume-work-queue',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'resume-work-queue', source: 'inferred' }),
    'work_queue.update work-pools',
  ],
  [
    'pause-automation',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'pause-automation', automation_id: IDS.automation }),
    `automation.update automations/${IDS.automation}`,
  ],
  [
    'resume-automation',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'resume-automation', source: 'inferred' }),
    'automation.update automations',
  ],
  [
    'cancel-flow-run',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'cancel-flow-run' }),
    'flow_run.cancel flow-runs',
  ],
  [
    'suspend-flow-run',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'suspend-flow-run' }),
    'flow_run.suspend flow-runs',
  ],
  [
    'resume-flow-run',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'resume-flow-run' }),
    'flow_run.resume flow-runs',
  ],
  [
    'delete-flow-run',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'delete-flow-run' }),
    'flow_run.delete flow-runs',
  ],
  [
    'change-flow-run-state',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'change-flow-run-state', state: 'COMPLETED' }),
    'flow_run.report flow-runs',
    'flow_run.cancel flow-runs',
    'flow_run.retry flow-runs',
    'flow_run.resume flow-runs',
    'flow_run.suspend flow-runs',
  ],
  [
    'send-notification',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'send-notification', block_document_id: IDS.hook }),
    'block.use blocks/webhook/hook',
  ],
  [
    'call-webhook',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    action({ type: 'call-webhook', block_document_id: IDS.nowhere }),
    'block.use blocks',
  ],
  [
    'actions_on_resolve',
    'POST',
    '/api/automations/',
    action({ type: 'do-nothing' }),
    { ...action({ type: 'do-nothing' }), actions_on_resolve: [{ type: 'cancel-flow-run' }] },
    'flow_run.cancel flow-runs',
  ],
  [
    'switching on',
    'PATCH',
    `/api/automations/${IDS.automation}`,
    { enabled: false },
    { enabled: true },
    `deployment.run ${NIGHTLY}`,
  ],
];

describe('a field of a body', () => {
  it.each(ROWS.map((row) => [row[0], row] as const))('%s adds what it does', async (_, row) => {
    const [, method, path, base, changed, ...more] = row;
    const { asks } = subject();
    const without = await asks(method, path, base);
    const withField = await asks(method, path, changed);
    const added = withField.filter((ask) => !without.includes(ask));
    expect(without.filter((ask) => !withField.includes(ask))).toEqual([]);
    expect([...added].sort()).toEqual([...more].sort());
  });

  it('that says nothing adds nothing: what stock clients send asks for the plain right', async () => {
    const { asks } = subject();
    expect(await asks('POST', CREATE, STOCK_RUN)).toEqual([`deployment.run ${NIGHTLY}`]);
    expect(await asks('POST', CREATE, UI_RUN)).toEqual([`deployment.run ${NIGHTLY}`]);
    expect(await asks('POST', CREATE, { ...UI_RUN, work_queue_name: 'default' })).toEqual([`deployment.run ${NIGHTLY}`]);
    expect(await asks('POST', CREATE, { ...STOCK_RUN, job_variables: null })).toEqual([`deployment.run ${NIGHTLY}`]);
    expect(await asks('POST', '/api/flow_runs/', ENGINE_RUN)).toEqual(['flow_run.create flows/report/runs']);
  });

  it('deployment_id makes a direct run a run of that deployment', async () => {
    const body = { ...ENGINE_RUN, flow_id: IDS.etl, deployment_id: IDS.nightly, state: STOCK_RUN['state'] ?? null };
    expect(await subject().asks('POST', '/api/flow_runs/', body)).toEqual([
      `flow_run.create ${NIGHTLY}/runs`,
      `deployment.run ${NIGHTLY}`,
    ]);
    // The flow named beside it is another one: runs of both are asked for.
    expect(await subject().asks('POST', '/api/flow_runs/', { ...body, flow_id: IDS.report })).toContain(
      'flow_run.create flows/report/runs',
    );
  });

  it('include_secrets in a query asks for the secrets as well as the block, which the former implies', async () => {
    const { requests } = subject();
    const path = '/api/block_types/slug/secret/block_documents/name/token?include_secrets';
    expect((await requests('GET', `${path}=0`)).map(shortOf)).toEqual(['block.read blocks/secret/token']);
    for (const value of ['true', '1', 'yes', 'On', 'T', 'y']) {
      const asked = await requests('GET', `${path}=${value}`);
      expect(asked.map(shortOf)).toEqual(SECRET);
      expect(asked[1]?.impliedBy).toBe('prefect.block.read_secret');
    }
    expect((await requests('GET', `${path}=false&include_secrets=true`)).map(shortOf)).toEqual(SECRET);
  });

  it('tags, pool and queue ask for a deployment as it was and as it will be', async () => {
    const { requests } = subject();
    const asked = await requests('PATCH', `/api/deployments/${IDS.nightly}`, { tags: ['dev'], work_pool_name: 'p2' });
    expect(asked.map(shortOf)).toEqual([
      `before deployment.update ${NIGHTLY}`,
      `after deployment.update ${NIGHTLY}`,
      'work_pool.use work-pools/p2',
    ]);
    expect(asked[0]?.resource.attributes).toMatchObject({ tags: ['prod'], work_pool: 'p1' });
    expect(asked[1]?.resource.attributes).toMatchObject({ tags: ['dev'], work_pool: 'p2', work_queue: 'default' });
  });

  it('naming a deployment that exists replaces it', async () => {
    const body = { flow_id: IDS.etl, name: 'nightly', tags: [], work_pool_name: 'p1' };
    expect(await subject().asks('POST', '/api/deployments/', body)).toEqual([
      `before deployment.update ${NIGHTLY}`,
      `after deployment.update ${NIGHTLY}`,
    ]);
  });

  it('a name that no flow has yet creates one', async () => {
    expect(await subject().asks('POST', '/api/flows/', { name: 'new/flow' })).toEqual(['flow.create flows']);
  });

  it('of more runs than the server makes at once is refused', async () => {
    const many = Array.from({ length: 101 }, () => ({}));
    await expect(subject().asks('POST', `${CREATE}/bulk`, many)).rejects.toMatchObject({ code: 'BODY_INVALID' });
  });

  it('of a type of action that nobody knows is refused', async () => {
    await expect(subject().asks('POST', '/api/automations/', action({ type: 'future' }))).rejects.toMatchObject({
      code: 'BODY_INVALID',
    });
  });
});

describe('a proposed state', () => {
  const at = (id: string) => `/api/flow_runs/${id}/set_state`;
  it.each([
    ['COMPLETED', IDS.running, 'report'],
    ['PAUSED', IDS.running, 'report'],
    ['RUNNING', IDS.scheduled, 'report'],
    ['SCHEDULED', IDS.running, 'report'],
    ['CANCELLING', IDS.running, 'cancel'],
    ['CANCELLED', IDS.running, 'cancel'],
    ['CANCELLED', IDS.cancelling, 'report'],
    ['SCHEDULED', IDS.failed, 'retry'],
    ['RUNNING', IDS.failed, 'retry'],
    ['SCHEDULED', IDS.scheduled, 'retry'],
    ['PAUSED', IDS.scheduled, 'suspend'],
    ['RUNNING', IDS.paused, 'resume'],
    ['SCHEDULED', IDS.paused, 'resume'],
    ['PENDING', IDS.paused, 'resume'],
    ['FAILED', IDS.paused, 'report'],
  ])('%s of %s is %s', async (type, id, move) => {
    const [asked] = await subject().asks('POST', at(id), { state: { type } });
    expect(asked).toBe(`flow_run.${move} ${NIGHTLY}/runs/${id}`);
  });

  it('in bulk is told run by run when each is named, else for every run and every meaning', async () => {
    const { asks } = subject();
    const state = { type: 'SCHEDULED' };
    const named = { state, flow_runs: { id: { any_: [IDS.failed, IDS.paused] } } };
    expect(await asks('POST', '/api/flow_runs/bulk_set_state', named)).toEqual([
      `flow_run.resume ${NIGHTLY}/runs/${IDS.paused}`,
      `flow_run.retry ${NIGHTLY}/runs/${IDS.failed}`,
    ]);
    expect((await asks('POST', '/api/flow_runs/bulk_set_state', { state })).toSorted()).toEqual([
      'flow_run.report flow-runs',
      'flow_run.resume flow-runs',
      'flow_run.retry flow-runs',
    ]);
  });

  it('has a rival in the input that a pause waits for', async () => {
    const { asks } = subject();
    const path = `/api/flow_runs/${IDS.paused}/input`;
    expect(await asks('POST', path, { key: 'paused-1-response', value: '{}' })).toEqual([
      `flow_run.resume ${NIGHTLY}/runs/${IDS.paused}`,
    ]);
    expect(await asks('POST', path, { key: 'other', value: '{}' })).toEqual([
      `flow_run.write_input ${NIGHTLY}/runs/${IDS.paused}`,
    ]);
  });
});

describe('a list', () => {
  const runs = `${NIGHTLY}/runs`;
  it.each<readonly [string, JsonValue, readonly string[]]>([
    ['/flow_runs/filter', { flow_runs: { id: { any_: [IDS.running] } } }, [`flow_run.read ${runs}/${IDS.running}`]],
    [
      '/flow_runs/filter',
      { flow_runs: { operator: 'and_', parent_task_run_id: { any_: [IDS.task] } }, flows: null },
      [`flow_run.read ${runs}/${IDS.running}`],
    ],
    ['/flow_runs/filter', { deployments: { id: { any_: [IDS.nightly] } } }, [`flow_run.list ${runs}`]],
    ['/flow_runs/filter', { flow_runs: { deployment_id: { any_: [IDS.nightly] } } }, [`flow_run.list ${runs}`]],
    ['/flow_runs/filter', { flow_runs: { operator: 'or_', id: { any_: [IDS.running] } } }, ['flow_run.list flow-runs']],
    [
      '/flow_runs/filter',
      { flow_runs: { deployment_id: { operator: 'or_', any_: [IDS.nightly], is_null_: false } } },
      ['flow_run.list flow-runs'],
    ],
    ['/flow_runs/filter', { flow_runs: { id: { any_: [] } } }, ['flow_run.list flow-runs']],
    ['/flow_runs/filter', { flow_runs: { id: { any_: [IDS.nowhere] } } }, ['flow_run.list flow-runs']],
    ['/flow_runs/filter', { flow_runs: { id: { not_any_: [IDS.running] } } }, ['flow_run.list flow-runs']],
    [
      '/logs/filter',
      { logs: { operator: 'and_', level: null, flow_run_id: { any_: [IDS.running] } } },
      [`log.read ${runs}/${IDS.running}`],
    ],
    ['/logs/filter', { logs: { operator: 'or_', flow_run_id: { any_: [IDS.running] } } }, ['log.list logs']],
    [
      '/logs/filter',
      { logs: { task_run_id: { any_: [IDS.otherTask] } } },
      [`log.read deployments/etl/hourly/runs/${IDS.otherRun}`],
    ],
    ['/task_runs/filter', { flow_runs: { id: { any_: [IDS.running] } } }, [`task_run.read ${runs}/${IDS.running}`]],
    ['/artifacts/filter', { flow_runs: { id: { any_: [IDS.running] } } }, [`artifact.read ${runs}/${IDS.running}`]],
    ['/deployments/filter', { deployments: { id: { any_: [IDS.nightly] } } }, [`deployment.read ${NIGHTLY}`]],
    ['/deployments/filter', { flows: { name: { any_: ['etl'] } } }, ['deployment.list deployments/etl']],
    [
      '/flows/filter',
      { flows: { operator: 'and_', id: { any_: [IDS.etl, IDS.etl] }, name: null, tags: null } },
      ['flow.read flows/etl'],
    ],
    ['/work_pools/filter', { work_pools: { name: { any_: ['p1'] } } }, ['work_pool.read work-pools/p1']],
    ['/variables/filter', { variables: { name: { any_: ['region'] } } }, ['variable.read variables/region']],
    ['/block_documents/filter', { block_documents: { id: { any_: [IDS.token] } }, include_secrets: true }, [...SECRET]],
    [
      '/events/filter',
      { filter: { any_resource: { id: [`prefect.flow-run.${IDS.running}`] } } },
      [`flow_run.read ${runs}/${IDS.running}`],
    ],
    ['/events/filter', { filter: { any_resource: { id: [] } } }, ['event.list events']],
    ['/deployments/bulk_delete', { deployments: { id: { any_: [IDS.nightly] } } }, [`deployment.delete ${NIGHTLY}`]],
    ['/flow_runs/bulk_delete', { flow_runs: { operator: 'or_', id: { any_: [IDS.running] } } }, ['flow_run.delete flow-runs']],
    ['/flows/bulk_delete', { flows: { id: { any_: [IDS.report] } } }, ['flow.delete flows/report']],
  ])('%s of %j is a read of what it names, or of the whole type', async (path, body, asks) => {
    expect(await subject().asks('POST', `/api${path}`, body)).toEqual(asks);
  });

  it('of too many names is the whole type', async () => {
    const ids = Array.from({ length: 26 }, (_, number) => `019b0000-0000-7000-8000-${String(number).padStart(12, '0')}`);
    expect(await subject().asks('POST', '/api/flow_runs/filter', { flow_runs: { id: { any_: [...ids, IDS.running] } } })).toEqual(
      ['flow_run.list flow-runs'],
    );
  });
});

describe('writing about runs', () => {
  const runs = `${NIGHTLY}/runs`;
  it('asks for each run that is named', async () => {
    const { asks } = subject();
    expect(await asks('POST', '/api/logs/', [{ flow_run_id: IDS.running }, { flow_run_id: IDS.otherRun }, {}])).toEqual([
      `log.write ${runs}/${IDS.running}`,
      `log.write deployments/etl/hourly/runs/${IDS.otherRun}`,
      'log.write logs',
    ]);
    // A line that names a task of another run writes there as well.
    expect(await asks('POST', '/api/logs/', [{ flow_run_id: IDS.running, task_run_id: IDS.otherTask }])).toHaveLength(2);
    expect(await asks('POST', '/api/artifacts/', { flow_run_id: IDS.running, task_run_id: IDS.otherTask })).toHaveLength(2);
    expect(await asks('POST', '/api/task_runs/', { flow_run_id: IDS.running, id: IDS.otherTask })).toEqual([
      `task_run.create ${runs}/${IDS.running}`,
      `task_run.report deployments/etl/hourly/runs/${IDS.otherRun}`,
    ]);
  });

  it('in one batch of events asks for what each of them has the server record', async () => {
    const event = (taskRun: Record<string, string>) => ({
      id: '019b0000-0000-7000-8000-00000000ffff',
      event: 'prefect.task-run.Completed',
      resource: { 'prefect.resource.id': `prefect.task-run.${IDS.task}` },
      related: [],
      payload: { task_run: taskRun, validated_state: {} },
    });
    expect(await subject().asks('POST', '/api/events', [event({ flow_run_id: IDS.otherRun }), event({})])).toEqual([
      `task_run.report deployments/etl/hourly/runs/${IDS.otherRun}`,
      `task_run.report ${runs}/${IDS.running}`,
    ]);
  });

  it('of a deployment that is gone asks below its name, and below its id once the name is forgotten', async () => {
    const gone = { status: 404, body: { detail: 'Deployment not found' } };
    const known = subject();
    await known.asks('GET', `/api/deployments/${IDS.nightly}`);
    known.server.answers.set(`GET /api/deployments/${IDS.nightly}`, gone);
    await expect(known.asks('DELETE', `/api/deployments/${IDS.nightly}`)).rejects.toThrow(Problem);
    expect(await known.asks('GET', `/api/flow_runs/${IDS.running}`)).toEqual([`flow_run.read ${runs}/${IDS.running}`]);

    const fresh = subject();
    fresh.server.answers.set(`GET /api/deployments/${IDS.nightly}`, gone);
    const [report] = await fresh.requests('POST', `/api/flow_runs/${IDS.running}/set_state`, { state: { type: 'COMPLETED' } });
    expect(report?.resource.path.slice(1)).toEqual(['deployments', 'etl', IDS.nightly, 'runs', IDS.running]);
    expect(report?.continues).toEqual([`flow-run:${IDS.running}`]);
    expect(await fresh.asks('POST', '/api/logs/', [{ flow_run_id: IDS.running }])).toEqual([
      `log.write deployments/etl/${IDS.nightly}/runs/${IDS.running}`,
    ]);
  });

  it('goes on beyond the run itself only when policy changed since', async () => {
    const { requests } = subject();
    const child = { flow_id: IDS.report, parent_task_run_id: IDS.task };
    const [create, report] = await requests('POST', '/api/flow_runs/', child);
    expect(create?.continues).toEqual([`earlier:flow-run:${IDS.running}`]);
    expect(report?.continues).toEqual([`flow-run:${IDS.running}`]);
    const [flow] = await requests('POST', '/api/flows/', { name: 'unheard-of' });
    expect(flow?.continues).toEqual(['earlier:any-flow-run']);
    for (const holder of [
      { type: 'flow_run', id: IDS.running },
      { type: 'task_run', id: IDS.task },
    ]) {
      const [slots] = await requests('POST', '/api/v2/concurrency_limits/increment', { names: ['db'], slots: 1, holder });
      expect(slots?.continues).toEqual([`earlier:flow-run:${IDS.running}`]);
    }
    const [slots] = await requests('POST', '/api/v2/concurrency_limits/increment', { names: ['db'], slots: 1 });
    expect(slots?.continues).toEqual(['earlier:any-flow-run']);
  });

  it('may go on when policy changes: for the run, and for the runs that it is part of', async () => {
    const { requests } = subject();
    const [own] = await requests('POST', `/api/flow_runs/${IDS.subflow}/set_state`, { state: { type: 'COMPLETED' } });
    expect(own?.continues).toEqual([`flow-run:${IDS.subflow}`, `flow-run:${IDS.running}`]);
    expect(own?.admits).toEqual([`flow-run:${IDS.subflow}`]);
    const [flow] = await requests('GET', `/api/flows/${IDS.report}`);
    expect(flow?.continues).toContain(`flow-run:${IDS.subflow}`);
    const [version] = await requests('GET', '/api/admin/version');
    expect(version?.continues).toEqual(['any-flow-run']);
  });

  it('continues nothing but reports and what runs belong to', async () => {
    const { requests } = subject();
    await requests('GET', `/api/flow_runs/${IDS.running}`);
    for (const [method, path, body] of [
      ['POST', CREATE, { ...STOCK_RUN, parent_task_run_id: IDS.task }],
      ['POST', `/api/flow_runs/${IDS.running}/set_state`, { state: { type: 'CANCELLED' } }],
      ['POST', `/api/flow_runs/${IDS.paused}/resume`, {}],
      ['DELETE', `/api/flow_runs/${IDS.running}`, undefined],
      ['PATCH', `/api/deployments/${IDS.nightly}`, {}],
    ] as const) {
      const [first] = await requests(method, path, body);
      expect([path, first?.continues]).toEqual([path, undefined]);
    }
  });
});
