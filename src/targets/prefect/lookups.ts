import type { JsonValue } from '../../wire/call.ts';
import { formatPath } from '../../wire/path.ts';
import * as facts from './facts.ts';

/** How one kind of object is asked for. `key` is an id or a name; a `list` look-up takes the first of what it finds. */
export interface Lookup<T> {
  readonly read: facts.Reader<T>;
  request(key: string): { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: JsonValue };
  /** True when the answer is a list of objects, of which at most one is meant. */
  readonly isList?: boolean;
}

function byPath<T>(read: facts.Reader<T>, ...folder: readonly string[]): Lookup<T> {
  return { read, request: (key) => ({ method: 'GET', path: formatPath(['api', ...folder, key]) }) };
}

function byFilter<T>(read: facts.Reader<T>, collection: string, filter: (key: string) => JsonValue): Lookup<T> {
  const path = `/api/${collection}/filter`;
  return { read, isList: true, request: (key) => ({ method: 'POST', path, body: filter(key) }) };
}

const anyOf = (value: string): JsonValue => ({ any_: [value] });

/** Two names as one key of a cache. */
export function namesKey(flow: string, deployment: string): string {
  return JSON.stringify([flow, deployment]);
}

/** All look-ups. Names go into filters rather than paths: not every name can stand in a path. */
export const LOOKUPS = {
  flow: byPath(facts.readFlow, 'flows'),
  flowByName: byFilter(facts.readFlow, 'flows', (name) => ({ flows: { name: anyOf(name) }, limit: 1 })),
  deployment: byPath(facts.readDeployment, 'deployments'),
  deploymentByNames: byFilter(facts.readDeployment, 'deployments', (key) => {
    const [flow = '', name = ''] = JSON.parse(key) as readonly string[];
    return { flows: { name: anyOf(flow) }, deployments: { name: anyOf(name) }, limit: 1 };
  }),
  flowRun: byPath(facts.readFlowRun, 'flow_runs'),
  taskRun: byPath(facts.readTaskRun, 'task_runs'),
  flowRunState: byPath(facts.readState, 'flow_run_states'),
  taskRunState: byPath(facts.readState, 'task_run_states'),
  workPool: byFilter(facts.readWorkPool, 'work_pools', (id) => ({ work_pools: { id: anyOf(id) }, limit: 1 })),
  workPoolByName: byFilter(facts.readWorkPool, 'work_pools', (name) => ({ work_pools: { name: anyOf(name) }, limit: 1 })),
  workQueue: byPath(facts.readWorkQueue, 'work_queues'),
  workQueueByName: byPath(facts.readWorkQueue, 'work_queues', 'name'),
  block: byPath(facts.readBlock, 'block_documents'),
  blockType: byPath(facts.readBlockType, 'block_types'),
  blockSchema: byPath(facts.readBlockSchema, 'block_schemas'),
  blockSchemaByChecksum: byPath(facts.readBlockSchema, 'block_schemas', 'checksum'),
  variable: byPath(facts.readVariable, 'variables'),
  variableByName: byFilter(facts.readVariable, 'variables', (name) => ({ variables: { name: anyOf(name) }, limit: 1 })),
  automation: byPath(facts.readAutomation, 'automations'),
  artifact: byPath(facts.readArtifact, 'artifacts'),
  latestArtifact: {
    read: facts.readArtifact,
    request: (key: string) => ({ method: 'GET', path: formatPath(['api', 'artifacts', key, 'latest']) }),
  },
  limit: byPath(facts.readLimit, 'v2', 'concurrency_limits'),
  tagLimit: byPath(facts.readTagLimit, 'concurrency_limits'),
} as const satisfies Record<string, Lookup<unknown>>;

export type Kind = keyof typeof LOOKUPS;
export type FactsOf<K extends Kind> = NonNullable<ReturnType<(typeof LOOKUPS)[K]['read']>>;

/** What is learned from an answer that passes by: the operation, and of which kind the objects in its answer are. */
export const LEARNED: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['GET /flows/{id}', 'flow'],
  ['GET /flows/name/{name}', 'flow'],
  ['POST /flows/', 'flow'],
  ['POST /flows/filter', 'flow'],
  ['POST /flows/paginate', 'flow'],
  ['GET /deployments/{id}', 'deployment'],
  ['GET /deployments/name/{flow_name}/{deployment_name}', 'deployment'],
  ['POST /deployments/', 'deployment'],
  ['POST /deployments/filter', 'deployment'],
  ['POST /deployments/paginate', 'deployment'],
  ['GET /flow_runs/{id}', 'flowRun'],
  ['POST /flow_runs/', 'flowRun'],
  ['POST /flow_runs/filter', 'flowRun'],
  ['POST /flow_runs/paginate', 'flowRun'],
  ['POST /deployments/{id}/create_flow_run', 'flowRun'],
  ['GET /task_runs/{id}', 'taskRun'],
  ['GET /ui/task_runs/{id}', 'taskRun'],
  ['POST /task_runs/', 'taskRun'],
  ['POST /task_runs/filter', 'taskRun'],
  ['POST /task_runs/paginate', 'taskRun'],
  ['GET /work_queues/{id}', 'workQueue'],
  ['GET /work_pools/{work_pool_name}/queues/{name}', 'workQueue'],
  ['GET /work_pools/{name}', 'workPool'],
  ['GET /block_documents/{id}', 'block'],
  ['GET /variables/{id}', 'variable'],
]);
