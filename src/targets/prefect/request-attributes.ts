import type { AttributeEntry, AttributeSchema, Attributes, AttributeValue } from '../../core/attribute.ts';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { attributeOf, isList, isObject, mayBeFalse, mayBeTrue } from './bodies.ts';

/** How a field of the body becomes an attribute. All are present whatever the body says: empty, `""` or false when it says nothing. */
interface Field {
  readonly entry: AttributeEntry;
  readonly value: (body: JsonObject) => AttributeValue;
}

function field(kind: 'string' | 'bool', title: string, value: (body: JsonObject) => AttributeValue): Field {
  return { entry: { type: { kind }, title, clientControlled: true }, value };
}

function text(name: string, title: string): Field {
  return field('string', title, (body) => textOf(body[name]));
}

function flag(name: string, title: string): Field {
  return field('bool', title, (body) => mayBeTrue(body[name]));
}

function map(name: string, title: string): Field {
  return {
    entry: { type: { kind: 'map', of: { kind: 'dyn' } }, title, clientControlled: true },
    value: (body) => (isObject(body[name]) ? attributeOf(body[name]) : {}),
  };
}

function texts(name: string, title: string): Field {
  return {
    entry: { type: { kind: 'list', of: { kind: 'string' } }, title, clientControlled: true },
    value: (body) => (isList(body[name]) ? body[name].filter((item) => typeof item === 'string') : []),
  };
}

const state: Record<string, Field> = {
  state_type: field('string', 'Type of the state that the body proposes; empty when it proposes none', (body) =>
    isObject(body['state']) ? textOf(body['state']['type']) : '',
  ),
  state_name: field('string', 'Name of that state', (body) => (isObject(body['state']) ? textOf(body['state']['name']) : '')),
};
const force = { force: flag('force', 'True when the state is to be set against the server’s rules') };
const name = { name: text('name', 'Name that the object is to have') };
const tags = { tags: texts('tags', 'Tags that the object is to have') };
const place = {
  work_pool_name: text('work_pool_name', 'Work pool that the body names'),
  work_queue_name: text('work_queue_name', 'Work queue that the body names'),
};
const documents = {
  infrastructure_document_id: text('infrastructure_document_id', 'Block that describes the infrastructure'),
};
const run = {
  ...name,
  ...tags,
  ...state,
  ...documents,
  parameters: map('parameters', 'Parameters of the run'),
  job_variables: map('job_variables', 'What the run changes in the job that its pool starts'),
  work_queue_name: place.work_queue_name,
  parent_task_run_id: text('parent_task_run_id', 'Task run of the run that this one is part of'),
  idempotency_key: text('idempotency_key', 'Key under which a run is created only once'),
};
const deployment = {
  ...name,
  ...tags,
  ...place,
  ...documents,
  parameters: map('parameters', 'Default parameters'),
  job_variables: map('job_variables', 'What the deployment changes in the job that its pool starts'),
  entrypoint: text('entrypoint', 'Where the flow’s code starts'),
  path: text('path', 'Where the flow’s code lies'),
  version: text('version', 'Version of the deployment'),
  paused: flag('paused', 'True when its schedules are to rest'),
};
const enforcement = {
  enforce_parameter_schema: field(
    'bool',
    'False when parameters are not to be checked against the deployment’s schema',
    (body) => !mayBeFalse(body['enforce_parameter_schema']),
  ),
};
const slots = { names: texts('names', 'Limits that the body names') };
const automation = {
  ...name,
  ...tags,
  enabled: flag('enabled', 'True when the automation is to be at work'),
  owner_resource: text('owner_resource', 'Object that owns the automation'),
};

const FIELDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  'POST /flows/': { ...name, ...tags },
  'PATCH /flows/{id}': tags,
  'POST /deployments/': { ...deployment, ...enforcement },
  'PATCH /deployments/{id}': { ...deployment, ...enforcement },
  'POST /deployments/{id}/create_flow_run': { ...run, ...enforcement },
  'POST /deployments/{id}/create_flow_run/bulk': { ...run, ...enforcement },
  'POST /flow_runs/': {
    ...run,
    work_pool_name: place.work_pool_name,
    deployment_id: text('deployment_id', 'Deployment of the run'),
  },
  'PATCH /flow_runs/{id}': {
    ...name,
    ...tags,
    parameters: run.parameters,
    job_variables: run.job_variables,
    infrastructure_pid: text('infrastructure_pid', 'What runs it, as its worker calls that'),
  },
  'POST /flow_runs/{id}/set_state': { ...state, ...force },
  'POST /flow_runs/bulk_set_state': { ...state, ...force },
  'POST /task_runs/{id}/set_state': { ...state, ...force },
  'POST /flow_runs/{id}/resume': { run_input: map('run_input', 'Answer to the pause') },
  'POST /flow_runs/{id}/input': {
    key: text('key', 'Key of the input'),
    sender: text('sender', 'Who the input says that it is from'),
  },
  'POST /task_runs/': { ...name, ...tags, ...state, task_key: text('task_key', 'Key of the task') },
  'POST /work_pools/': { ...name, type: text('type', 'Type of the pool') },
  'PATCH /work_pools/{name}': { is_paused: flag('is_paused', 'True when the pool is to rest') },
  'POST /work_pools/{work_pool_name}/queues': name,
  'PATCH /work_pools/{work_pool_name}/queues/{name}': { ...name, is_paused: flag('is_paused', 'True when the queue is to rest') },
  'POST /work_queues/': name,
  'PATCH /work_queues/{id}': { ...name, is_paused: flag('is_paused', 'True when the queue is to rest') },
  'POST /work_pools/{work_pool_name}/workers/heartbeat': {
    worker: field('string', 'Name that the worker gives itself', (body) => textOf(body['name'])),
  },
  'WS /work_pools/{work_pool_name}/workers/connect': {
    worker: field('string', 'Name that the worker gives itself; empty until it has said so', () => ''),
  },
  'WS /events/in': { event: field('string', 'Name of the event; empty when the stream is opened', () => '') },
  'POST /events': { event: field('string', 'Name of the event', (body) => textOf(body['event'])) },
  'POST /block_documents/': name,
  'POST /variables/': { ...name, ...tags },
  'PATCH /variables/{id}': { ...name, ...tags },
  'PATCH /variables/name/{name}': { ...name, ...tags },
  'POST /artifacts/': { key: text('key', 'Key of the artifact'), type: text('type', 'Type of the artifact') },
  'POST /v2/concurrency_limits/': name,
  'PATCH /v2/concurrency_limits/{id_or_name}': name,
  'POST /v2/concurrency_limits/increment': slots,
  'POST /v2/concurrency_limits/decrement': slots,
  'POST /v2/concurrency_limits/increment-with-lease': slots,
  'POST /automations/': automation,
  'PUT /automations/{id}': automation,
  'PATCH /automations/{id}': { enabled: automation.enabled },
};

/** Attributes of `request.*` that calls of this method carry beside `method`. */
export function requestSchema(method: string): AttributeSchema {
  const fields = Object.entries(FIELDS[method] ?? {});
  return Object.fromEntries(fields.map(([attribute, { entry }]) => [attribute, entry]));
}

/** The attributes of one body, in the types that `requestSchema` publishes. */
export function attributesOf(method: string, body: JsonObject): Attributes {
  const fields = Object.entries(FIELDS[method] ?? {});
  return Object.fromEntries(fields.map(([attribute, { value }]) => [attribute, value(body)]));
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
