import type { AccessRequest } from '../../../core/access.ts';
import type { JsonObject } from '../../../wire/call.ts';
import {
  type Asked,
  ask,
  beforeAndAfter,
  type Classifier,
  type Classifiers,
  continuing,
  existing,
  param,
  relabelled,
} from '../ask.ts';
import { isGiven, objectBody, objectField, requiredText, textField, textListField, uuidField } from '../bodies.ts';
import { exactly } from '../filters.ts';
import type { Place } from '../places.ts';
import { blockUse, referenceRequests } from '../references.ts';
import { attributesOf } from '../request-attributes.ts';
import { referencesIn } from '../templates.ts';
import { listPools } from './lists.ts';

const onPool =
  (action: string): Classifier =>
  (asked) => [ask(asked, action, asked.places.pool(param(asked, 'name')))];

function readPool(asked: Asked): readonly AccessRequest[] {
  return [continuing(asked, 'work_pool.read', asked.places.pool(param(asked, 'name')))];
}

/** A pool's template is filled in by its workers, blocks and all, for every run. */
async function templateRequests(asked: Asked, body: JsonObject): Promise<readonly AccessRequest[]> {
  const storage = objectField(body, 'storage_configuration');
  const references = referencesIn(body['base_job_template'], storage['bundle_upload_step'], storage['bundle_execution_step']);
  return [
    ...(await blockUse(asked, uuidField(storage, 'default_result_storage_block_id'))),
    ...(await referenceRequests(asked, references)),
  ];
}

async function createPool(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const attributes = attributesOf(asked.method, body);
  return [
    ask(asked, 'work_pool.create', asked.places.at(['work-pools']), { attributes }),
    ...(await templateRequests(asked, body)),
  ];
}

async function updatePool(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const attributes = attributesOf(asked.method, body);
  const pool = asked.places.pool(param(asked, 'name'));
  return [ask(asked, 'work_pool.update', pool, { attributes }), ...(await templateRequests(asked, body))];
}

/** Its answer names runs of every deployment that uses the pool. */
function poolStatus(asked: Asked): readonly AccessRequest[] {
  return [...readPool(asked), ask(asked, 'flow_run.list', asked.places.at(['flow-runs']))];
}

/** A worker that names queues asks for those; otherwise for all queues of its pool. */
function poll(asked: Asked): readonly AccessRequest[] {
  const pool = param(asked, 'name');
  const queues = [...new Set(textListField(objectBody(asked.body), 'work_queue_names') ?? [])];
  if (queues.length === 0 || queues.length > MAX_QUEUES) return [ask(asked, 'work_pool.poll', asked.places.pool(pool))];
  return queues.map((queue) => ask(asked, 'work_pool.poll', asked.places.queue(pool, queue)));
}

const MAX_QUEUES = 100;

function below(asked: Asked, collection: 'queues' | 'workers', ...name: readonly string[]): Place {
  const pool = param(asked, 'work_pool_name');
  return asked.places.at(['work-pools', pool, collection, ...name], { work_pool: pool });
}

function createQueue(asked: Asked): readonly AccessRequest[] {
  const body = objectBody(asked.body);
  requiredText(body, 'name');
  const attributes = attributesOf(asked.method, body);
  return [ask(asked, 'work_queue.create', below(asked, 'queues'), { attributes }), ...filterRequests(asked, body)];
}

/** An agent's queue with a filter takes due runs of every deployment that fits it, whatever pool they are in. */
function filterRequests(asked: Asked, body: JsonObject): readonly AccessRequest[] {
  return isGiven(body, 'filter') ? [ask(asked, 'work_pool.poll', asked.places.at(['work-pools']))] : [];
}

function namedQueue(asked: Asked): Place {
  return asked.places.queue(param(asked, 'work_pool_name'), param(asked, 'name'));
}

function listQueues(asked: Asked): readonly AccessRequest[] {
  const names = exactly(objectBody(asked.body), 'work_queues', 'name');
  if (names === undefined) return [ask(asked, 'work_queue.list', below(asked, 'queues'))];
  return names.map((name) => ask(asked, 'work_queue.read', asked.places.queue(param(asked, 'work_pool_name'), name)));
}

function updateQueue(asked: Asked, queue: Place): readonly AccessRequest[] {
  const body = objectBody(asked.body);
  const name = textField(body, 'name');
  const path = name === undefined ? undefined : [...queue.resource.path.slice(0, -1), name.normalize('NFC')];
  const after = path === undefined ? queue : relabelled(queue, { work_queue: name ?? '' }, path);
  const attributes = attributesOf(asked.method, body);
  return [...beforeAndAfter(asked, 'work_queue.update', queue, after, { attributes }), ...filterRequests(asked, body)];
}

/** Queues without a pool belong to the one that the server keeps for agents. */
const AGENT_POOL = 'default-agent-pool';

/** By id, as agents and the command line name queues. */
async function queueById(asked: Asked): Promise<Place> {
  const facts = await existing(asked.places.names.get('workQueue', param(asked, 'id'), asked.freshness));
  return asked.places.queue(facts.workPool || AGENT_POOL, facts.name);
}

async function queueByName(asked: Asked): Promise<Place> {
  const facts = await existing(asked.places.names.get('workQueueByName', param(asked, 'name'), asked.freshness));
  return asked.places.queue(facts.workPool || AGENT_POOL, facts.name);
}

const onQueue =
  (action: string): Classifier =>
  async (asked) => [continuing(asked, action, await queueById(asked))];

async function queueStatus(asked: Asked): Promise<readonly AccessRequest[]> {
  return [
    continuing(asked, 'work_queue.read', await queueById(asked)),
    ask(asked, 'flow_run.list', asked.places.at(['flow-runs'])),
  ];
}

function createAgentQueue(asked: Asked): readonly AccessRequest[] {
  const body = objectBody(asked.body);
  const attributes = attributesOf(asked.method, body);
  const queues = asked.places.at(['work-pools', AGENT_POOL, 'queues'], { work_pool: AGENT_POOL });
  return [ask(asked, 'work_queue.create', queues, { attributes }), ...filterRequests(asked, body)];
}

/** A worker speaks for itself: the name that it gives is what a rule may hold it to. */
function heartbeat(asked: Asked): readonly AccessRequest[] {
  const attributes = attributesOf(asked.method, objectBody(asked.body));
  return [ask(asked, 'worker.connect', asked.places.pool(param(asked, 'work_pool_name')), { attributes })];
}

export const WORK_POOLS: Classifiers = {
  'POST /work_pools/': createPool,
  'GET /work_pools/{name}': readPool,
  'POST /work_pools/filter': listPools,
  'POST /work_pools/count': listPools,
  'PATCH /work_pools/{name}': updatePool,
  'DELETE /work_pools/{name}': onPool('work_pool.delete'),
  'POST /work_pools/{name}/concurrency_status': poolStatus,
  'POST /work_pools/{name}/get_scheduled_flow_runs': poll,
  'POST /work_pools/{work_pool_name}/queues': createQueue,
  'GET /work_pools/{work_pool_name}/queues/{name}': (asked) => [continuing(asked, 'work_queue.read', namedQueue(asked))],
  'POST /work_pools/{work_pool_name}/queues/filter': listQueues,
  'PATCH /work_pools/{work_pool_name}/queues/{name}': (asked) => updateQueue(asked, namedQueue(asked)),
  'DELETE /work_pools/{work_pool_name}/queues/{name}': (asked) => [ask(asked, 'work_queue.delete', namedQueue(asked))],
  'POST /work_pools/{work_pool_name}/workers/heartbeat': heartbeat,
  'POST /work_pools/{work_pool_name}/workers/filter': (asked) => [ask(asked, 'worker.list', below(asked, 'workers'))],
  'DELETE /work_pools/{work_pool_name}/workers/{name}': (asked) => [
    ask(asked, 'worker.delete', below(asked, 'workers', param(asked, 'name'))),
  ],
  'POST /work_queues/': createAgentQueue,
  'GET /work_queues/{id}': onQueue('work_queue.read'),
  'GET /work_queues/name/{name}': async (asked) => [continuing(asked, 'work_queue.read', await queueByName(asked))],
  'PATCH /work_queues/{id}': async (asked) => updateQueue(asked, await queueById(asked)),
  'DELETE /work_queues/{id}': async (asked) => [ask(asked, 'work_queue.delete', await queueById(asked))],
  'POST /work_queues/filter': (asked) => [ask(asked, 'work_queue.list', asked.places.at(['work-pools']))],
  'POST /work_queues/{id}/get_runs': async (asked) => [ask(asked, 'work_pool.poll', await queueById(asked))],
  'POST /work_queues/{id}/concurrency_status': queueStatus,
  'GET /work_queues/{id}/status': onQueue('work_queue.read'),
  'WS /work_pools/{work_pool_name}/workers/connect': (asked) => [
    ask(asked, 'worker.connect', asked.places.pool(param(asked, 'work_pool_name')), {
      attributes: attributesOf(asked.method, {}),
    }),
  ],
};
