import type { AccessRequest } from '../../core/access.ts';
import { resourceText } from '../../core/access.ts';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import type { Call, TargetAdapter, UpstreamReader } from '../target.ts';
import { ADA, contextOf, DECISION_ID, headOf } from '../testing.ts';
import { prefectAdapter } from './adapter.ts';

/** For tests: a small Prefect server behind the port that look-ups use, with the shapes of 3.9.1's own answers. */

const uuid = (kind: number, number: number): string =>
  `019b0000-0000-7000-8000-${String(kind).padStart(4, '0')}${String(number).padStart(8, '0')}`;

export const IDS = {
  etl: uuid(1, 1),
  report: uuid(1, 2),
  nightly: uuid(2, 1),
  hourly: uuid(2, 2),
  /** A run of `etl/nightly` at work, with a task run and a subflow. */
  running: uuid(3, 1),
  scheduled: uuid(3, 2),
  paused: uuid(3, 3),
  failed: uuid(3, 4),
  cancelling: uuid(3, 5),
  /** An ad-hoc run of `report`. */
  adHoc: uuid(3, 6),
  subflow: uuid(3, 7),
  otherRun: uuid(3, 8),
  task: uuid(4, 1),
  background: uuid(4, 2),
  otherTask: uuid(4, 3),
  pool: uuid(5, 1),
  queue: uuid(6, 1),
  token: uuid(7, 1),
  hook: uuid(7, 2),
  secretType: uuid(8, 1),
  schema: uuid(8, 2),
  variable: uuid(9, 1),
  automation: uuid(10, 1),
  artifact: uuid(11, 1),
  limit: uuid(12, 1),
  tagLimit: uuid(12, 2),
  state: uuid(13, 1),
  nowhere: uuid(99, 1),
} as const;

const run = (id: string, flow: string, deployment: string | null, state: string, more: JsonObject = {}): JsonObject => ({
  id,
  name: `run-${id.slice(-2)}`,
  flow_id: flow,
  deployment_id: deployment,
  parent_task_run_id: null,
  tags: deployment === null ? [] : ['prod'],
  work_pool_name: deployment === null ? null : 'p1',
  work_queue_name: deployment === null ? null : 'default',
  state_type: state,
  state: { type: state, name: state, state_details: {} },
  created_by: null,
  ...more,
});

const deployment = (id: string, name: string, tags: readonly string[]): JsonObject => ({
  id,
  name,
  flow_id: IDS.etl,
  tags,
  work_pool_name: 'p1',
  work_queue_name: 'default',
});

/** Objects by collection, as `GET /api/COLLECTION/ID` answers them. */
export const WORLD: Readonly<Record<string, readonly JsonObject[]>> = {
  flows: [
    { id: IDS.etl, name: 'etl', tags: ['team-a'] },
    { id: IDS.report, name: 'report', tags: [] },
  ],
  deployments: [deployment(IDS.nightly, 'nightly', ['prod']), deployment(IDS.hourly, 'hourly', [])],
  flow_runs: [
    run(IDS.running, IDS.etl, IDS.nightly, 'RUNNING'),
    run(IDS.scheduled, IDS.etl, IDS.nightly, 'SCHEDULED'),
    run(IDS.paused, IDS.etl, IDS.nightly, 'PAUSED', {
      state: { type: 'PAUSED', name: 'Paused', state_details: { run_input_keyset: { response: 'paused-1-response' } } },
    }),
    run(IDS.failed, IDS.etl, IDS.nightly, 'FAILED'),
    run(IDS.cancelling, IDS.etl, IDS.nightly, 'CANCELLING'),
    run(IDS.adHoc, IDS.report, null, 'RUNNING'),
    run(IDS.subflow, IDS.report, null, 'RUNNING', { parent_task_run_id: IDS.task }),
    run(IDS.otherRun, IDS.etl, IDS.hourly, 'RUNNING'),
  ],
  task_runs: [
    { id: IDS.task, flow_run_id: IDS.running },
    { id: IDS.background, flow_run_id: null },
    { id: IDS.otherTask, flow_run_id: IDS.otherRun },
  ],
  work_pools: [{ id: IDS.pool, name: 'p1', type: 'process' }],
  work_queues: [{ id: IDS.queue, name: 'default', work_pool_name: 'p1' }],
  block_documents: [
    { id: IDS.token, name: 'token', block_type: { slug: 'secret' } },
    { id: IDS.hook, name: 'hook', block_type: { slug: 'webhook' } },
  ],
  block_types: [{ id: IDS.secretType, slug: 'secret' }],
  block_schemas: [{ id: IDS.schema, block_type: { slug: 'secret' } }],
  variables: [{ id: IDS.variable, name: 'region', tags: ['eu'] }],
  automations: [
    {
      id: IDS.automation,
      name: 'a1',
      tags: [],
      actions: [{ type: 'run-deployment', source: 'selected', deployment_id: IDS.nightly }],
    },
  ],
  artifacts: [{ id: IDS.artifact, key: 'table', flow_run_id: IDS.running, task_run_id: null }],
  concurrency_limits: [{ id: IDS.tagLimit, tag: 'db' }],
  'v2/concurrency_limits': [{ id: IDS.limit, name: 'slots' }],
  flow_run_states: [{ id: IDS.state, state_details: { flow_run_id: IDS.running } }],
  task_run_states: [{ id: IDS.state, state_details: { task_run_id: IDS.task, flow_run_id: IDS.running } }],
};

export interface FakeServer extends UpstreamReader {
  /** `GET /api/flows/…` of each look-up so far. */
  readonly calls: string[];
  /** Answers in place of the world's, by `METHOD PATH`. */
  readonly answers: Map<string, { readonly status: number; readonly body: JsonValue | undefined }>;
}

export function fakeServer(): FakeServer {
  const calls: string[] = [];
  const answers: FakeServer['answers'] = new Map();
  return {
    calls,
    answers,
    async json(method, path, body) {
      calls.push(`${method} ${path}`);
      const prepared = answers.get(`${method} ${path}`);
      if (prepared !== undefined) return prepared;
      const found = method === 'GET' ? get(path) : filter(path, body);
      return found === undefined ? { status: 404, body: { detail: 'Not found' } } : { status: 200, body: found };
    },
  };
}

function get(path: string): JsonValue | undefined {
  const parts = path.replace('/api/', '').split('/').map(decodeURIComponent);
  const collection = parts[0] === 'v2' ? 'v2/concurrency_limits' : (parts[0] ?? '');
  const items = WORLD[collection] ?? [];
  if (parts[1] === 'name') return items.find((item) => item['name'] === parts[2]);
  if (parts[1] === 'checksum') return items[0];
  if (parts[2] === 'latest') return items.find((item) => item['key'] === parts[1]);
  return items.find((item) => item['id'] === parts.at(-1));
}

/** `any_` of ids and names, as far as look-ups use them. */
function filter(path: string, body: JsonValue | undefined): JsonValue | undefined {
  const collection = path.replace('/api/', '').replace('/filter', '');
  const items = WORLD[collection];
  if (items === undefined) return undefined;
  const wanted = (kind: string, field: string): readonly JsonValue[] | undefined => {
    const part = ((body as JsonObject)[kind] as JsonObject | undefined)?.[field] as JsonObject | undefined;
    return part?.['any_'] as readonly JsonValue[] | undefined;
  };
  const flows = wanted('flows', 'name');
  const flowIds = WORLD['flows']?.filter((flow) => flows?.includes(flow['name'] ?? '')).map((flow) => flow['id']);
  return items.filter(
    (item) =>
      (wanted(collection, 'id')?.includes(item['id'] ?? '') ?? true) &&
      (wanted(collection, 'name')?.includes(item['name'] ?? '') ?? true) &&
      (collection !== 'deployments' || flows === undefined || flowIds?.includes(item['flow_id'])),
  );
}

export interface Subject {
  readonly adapter: TargetAdapter;
  readonly server: FakeServer;
  /** `POST /api/…` with a body, as far as what it asks for. */
  requests(method: string, path: string, body?: JsonValue): Promise<readonly AccessRequest[]>;
  /** The same, each as `ACTION RESOURCE`, without `prefect.` and `prefect/`. */
  asks(method: string, path: string, body?: JsonValue): Promise<readonly string[]>;
}

export function subject(now: () => number = () => 1_800_000_000_000): Subject {
  const server = fakeServer();
  const adapter = prefectAdapter({ ...contextOf({ upstream: server, now }), origin: 'http://prefect.test:8080' });
  const callOf = (method: string, path: string, body: JsonValue | undefined): Call => {
    const head = method === 'WS' ? headOf('GET', path, { upgrade: true }) : headOf(method, path);
    return { operation: adapter.match(head), head, caller: ADA, body, decisionId: DECISION_ID };
  };
  const requests: Subject['requests'] = async (method, path, body) =>
    (await adapter.classify(callOf(method, path, body))).requests;
  return { adapter, server, requests, asks: async (method, path, body) => (await requests(method, path, body)).map(shortOf) };
}

export function shortOf(request: AccessRequest): string {
  const moment = request.moment === undefined ? '' : `${request.moment} `;
  const [, ...path] = request.resource.path;
  return `${moment}${request.action.replace('prefect.', '')} ${resourceText(path)}`;
}
