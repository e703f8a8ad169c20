import type { AccessRequest } from '../../../core/access.ts';
import type { JsonObject, JsonValue } from '../../../wire/call.ts';
import { type Asked, ask, earlier, existing, notFound, param } from '../ask.ts';
import {
  invalid,
  isGiven,
  isObject,
  listBody,
  mayBeFalse,
  objectBody,
  objectField,
  requiredUuid,
  textField,
  uuidField,
} from '../bodies.ts';
import type { Place } from '../places.ts';
import { poolUse } from '../pool-use.ts';
import { blockUse, referenceRequests } from '../references.ts';
import { attributesOf } from '../request-attributes.ts';
import { nestedKeys, referencesIn } from '../templates.ts';

/** `POST /deployments/{id}/create_flow_run`. */
export async function runDeployment(asked: Asked): Promise<readonly AccessRequest[]> {
  const deployment = await existing(asked.places.deployment(param(asked, 'id'), 'now'));
  return await runOf(asked, objectBody(asked.body), deployment);
}

/** The server makes at most this many at once. */
const MAX_RUNS = 100;

export async function runDeploymentManyTimes(asked: Asked): Promise<readonly AccessRequest[]> {
  const deployment = await existing(asked.places.deployment(param(asked, 'id'), 'now'));
  const requests: AccessRequest[] = [];
  const bodies = listBody(asked.body);
  if (bodies.length > MAX_RUNS) throw invalid('the body', `a list of at most ${MAX_RUNS} runs`);
  for (const body of bodies) requests.push(...(await runOf(asked, body, deployment)));
  // An empty list makes nothing.
  if (requests.length === 0) return [ask(asked, 'deployment.run', deployment, { attributes: attributesOf(asked.method, {}) })];
  return distinct(requests);
}

/** `POST /flow_runs/`: an engine's own run, a subflow, or a run of a deployment by the back door. */
export async function createRun(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const flow = await existing(asked.places.flow(requiredUuid(body, 'flow_id'), 'recent'));
  const deploymentId = uuidField(body, 'deployment_id');
  const attributes = attributesOf(asked.method, body);
  const parent = await parentOf(asked, body);
  const runs = below(flow, 'runs');
  // A subflow is work of the run that it is part of, which may go on when policy changes.
  const continues = parent?.continues ?? [];
  const requests: AccessRequest[] = [];
  if (deploymentId === undefined) {
    requests.push(ask(asked, 'flow_run.create', runs, { attributes, continues: earlier(continues) }));
    if (overrides(body, undefined)) requests.push(ask(asked, 'deployment.override', runs, { attributes }));
    requests.push(...poolUse(asked, body, undefined));
  } else {
    const deployment = await existing(asked.places.deployment(deploymentId, 'now'));
    requests.push(ask(asked, 'flow_run.create', below(deployment, 'runs'), { attributes }));
    if (flow.resource.path.at(-1) !== deployment.resource.path.at(-2))
      requests.push(ask(asked, 'flow_run.create', runs, { attributes }));
    requests.push(ask(asked, 'deployment.run', deployment, { attributes }));
    if (overrides(body, deployment)) requests.push(ask(asked, 'deployment.override', deployment, { attributes }));
    requests.push(...poolUse(asked, body, deployment));
  }
  if (parent !== undefined) requests.push(ask(asked, 'flow_run.report', parent, { attributes, continues }));
  return [...requests, ...(await partRequests(asked, body))];
}

async function runOf(asked: Asked, body: JsonObject, deployment: Place): Promise<readonly AccessRequest[]> {
  const attributes = attributesOf(asked.method, body);
  const parent = await parentOf(asked, body);
  return [
    ask(asked, 'deployment.run', deployment, { attributes }),
    ...(overrides(body, deployment) ? [ask(asked, 'deployment.override', deployment, { attributes })] : []),
    ...poolUse(asked, body, deployment),
    ...(parent === undefined ? [] : [ask(asked, 'flow_run.report', parent, { attributes, continues: parent.continues })]),
    ...(await partRequests(asked, body)),
  ];
}

async function partRequests(asked: Asked, body: JsonObject): Promise<readonly AccessRequest[]> {
  const values = [body['parameters'], nestedKeys(objectField(body, 'job_variables')), body['context']];
  return [
    ...(await blockUse(asked, uuidField(body, 'infrastructure_document_id'))),
    ...(await referenceRequests(asked, referencesIn(...values))),
  ];
}

/** The run that this one says it is part of: making it so adds to that run's history. */
async function parentOf(asked: Asked, body: JsonObject): Promise<Place | undefined> {
  const id = uuidField(body, 'parent_task_run_id');
  if (id === undefined) return undefined;
  const parent = await asked.places.taskRun(id, 'recent');
  if (parent === undefined) throw notFound();
  return parent;
}

/**
 * Does the body change what the deployment's owner has settled: where and as what the run works, what state it begins in, whether
 * its parameters are checked? What stock clients send without being asked to does not count.
 */
export function overrides(body: JsonObject, deployment: Place | undefined): boolean {
  const queue = textField(body, 'work_queue_name') ?? '';
  return (
    Object.keys(objectField(body, 'job_variables')).length > 0 ||
    isGiven(body, 'infrastructure_document_id') ||
    mayBeFalse(body['enforce_parameter_schema']) ||
    (queue !== '' && queue !== deployment?.resource.attributes['work_queue']) ||
    ('work_pool_name' in body && poolDiffers(body, deployment)) ||
    !isDefaultState(body['state'], deployment === undefined ? 'PENDING' : 'SCHEDULED')
  );
}

function poolDiffers(body: JsonObject, deployment: Place | undefined): boolean {
  const pool = textField(body, 'work_pool_name') ?? '';
  return pool !== '' && pool !== deployment?.resource.attributes['work_pool'];
}

/** When it starts, and the trace that it belongs to: neither changes what runs. */
const FREE_DETAILS: ReadonlySet<string> = new Set(['scheduled_time', 'traceparent']);
const DEFAULT_NAMES: Readonly<Record<string, string>> = { SCHEDULED: 'Scheduled', PENDING: 'Pending' };

/**
 * The state with which clients create runs: `SCHEDULED` for a deployment's (the time and a message may be said), `PENDING` for an
 * engine's own, which is also what an engine says of a deployment's subflow.
 */
function isDefaultState(state: JsonValue | undefined, wanted: 'SCHEDULED' | 'PENDING'): boolean {
  if (state === undefined || state === null) return true;
  if (!isObject(state)) return false;
  const { type, name, data, state_details: details, message } = state;
  if (type !== wanted) return false;
  if (name !== undefined && name !== null && name !== DEFAULT_NAMES[wanted]) return false;
  if (data !== undefined && data !== null) return false;
  if (message !== undefined && message !== null && typeof message !== 'string') return false;
  if (details === undefined || details === null) return true;
  return isObject(details) && Object.entries(details).every(([field, value]) => FREE_DETAILS.has(field) || isNothing(value));
}

function isNothing(value: JsonValue): boolean {
  return value === null || value === false || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
}

function below(place: Place, collection: string): Place {
  const { path, attributes } = place.resource;
  return { resource: { path: [...path, collection], attributes }, continues: [] };
}

/** The same question twice is one question. */
function distinct(requests: readonly AccessRequest[]): readonly AccessRequest[] {
  const seen = new Map<string, AccessRequest>();
  for (const request of requests) {
    const key = JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
    if (!seen.has(key)) seen.set(key, request);
  }
  return [...seen.values()];
}
