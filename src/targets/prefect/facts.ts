import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { isList, isObject } from './bodies.ts';
import { canonicalUuid } from './uuid.ts';

/** What is remembered of the server's objects: names, labels and where they belong. Never parameters, values or secrets. */

export interface FlowFacts {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
}

export interface DeploymentFacts {
  readonly id: string;
  readonly name: string;
  readonly flowId: string;
  readonly tags: readonly string[];
  /** Empty when it has none. */
  readonly workPool: string;
  readonly workQueue: string;
}

export interface FlowRunFacts {
  readonly id: string;
  readonly name: string;
  readonly flowId: string;
  readonly deploymentId: string | undefined;
  readonly parentTaskRunId: string | undefined;
  readonly tags: readonly string[];
  readonly workPool: string;
  readonly workQueue: string;
  readonly stateType: string;
  /** Who created it, as the server shows it; empty when it does not know. */
  readonly createdBy: string;
  /** The input that a pause waits for; writing it is an answer to the pause. */
  readonly responseKey: string | undefined;
}

export interface TaskRunFacts {
  readonly id: string;
  readonly flowRunId: string | undefined;
}

/** A state of a run, told by what its details say that it belongs to. */
export interface StateFacts {
  readonly flowRunId: string | undefined;
  readonly taskRunId: string | undefined;
}

export interface WorkPoolFacts {
  readonly id: string;
  readonly name: string;
}

export interface WorkQueueFacts {
  readonly id: string;
  readonly name: string;
  readonly workPool: string;
}

export interface BlockFacts {
  readonly id: string;
  /** Its id when it is anonymous. */
  readonly name: string;
  readonly type: string;
}

export interface BlockTypeFacts {
  readonly slug: string;
}

export interface VariableFacts {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
}

export interface AutomationFacts {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  /** All three lists of actions. */
  readonly actions: readonly JsonObject[];
}

export interface ArtifactFacts {
  readonly id: string;
  readonly key: string;
  readonly flowRunId: string | undefined;
  readonly taskRunId: string | undefined;
}

export interface LimitFacts {
  readonly id: string;
  /** `tag:TAG` for a limit of a tag, as the server itself names it. */
  readonly name: string;
}

/** Each reader takes an answer of the server; undefined when it is not what the reader knows. */
export type Reader<T> = (body: JsonObject) => T | undefined;

export const readFlow: Reader<FlowFacts> = (body) => {
  const id = idOf(body['id']);
  const name = body['name'];
  return id === undefined || typeof name !== 'string' ? undefined : { id, name, tags: texts(body['tags']) };
};

export const readDeployment: Reader<DeploymentFacts> = (body) => {
  const id = idOf(body['id']);
  const flowId = idOf(body['flow_id']);
  const name = body['name'];
  if (id === undefined || flowId === undefined || typeof name !== 'string') return undefined;
  const tags = texts(body['tags']);
  return { id, name, flowId, tags, workPool: text(body['work_pool_name']), workQueue: text(body['work_queue_name']) };
};

export const readFlowRun: Reader<FlowRunFacts> = (body) => {
  const id = idOf(body['id']);
  const flowId = idOf(body['flow_id']);
  // A worker's poll yields runs without the name of their pool: they are read anew when that is needed.
  if (id === undefined || flowId === undefined) return undefined;
  const state = isObject(body['state']) ? body['state'] : {};
  const details = isObject(state['state_details']) ? state['state_details'] : {};
  const keyset = isObject(details['run_input_keyset']) ? details['run_input_keyset'] : {};
  const creator = isObject(body['created_by']) ? body['created_by'] : {};
  return {
    id,
    name: text(body['name']),
    flowId,
    deploymentId: idOf(body['deployment_id']),
    parentTaskRunId: idOf(body['parent_task_run_id']),
    tags: texts(body['tags']),
    workPool: text(body['work_pool_name']),
    workQueue: text(body['work_queue_name']),
    stateType: text(body['state_type']) || text(state['type']),
    createdBy: text(creator['display_value']),
    responseKey: typeof keyset['response'] === 'string' ? keyset['response'] : undefined,
  };
};

export const readTaskRun: Reader<TaskRunFacts> = (body) => {
  const id = idOf(body['id']);
  return id === undefined ? undefined : { id, flowRunId: idOf(body['flow_run_id']) };
};

export const readState: Reader<StateFacts> = (body) => {
  const details = isObject(body['state_details']) ? body['state_details'] : {};
  return { flowRunId: idOf(details['flow_run_id']), taskRunId: idOf(details['task_run_id']) };
};

export const readWorkPool: Reader<WorkPoolFacts> = (body) => {
  const id = idOf(body['id']);
  return id === undefined || typeof body['name'] !== 'string' ? undefined : { id, name: body['name'] };
};

export const readWorkQueue: Reader<WorkQueueFacts> = (body) => {
  const id = idOf(body['id']);
  if (id === undefined || typeof body['name'] !== 'string') return undefined;
  return { id, name: body['name'], workPool: text(body['work_pool_name']) };
};

export const readBlock: Reader<BlockFacts> = (body) => {
  const id = idOf(body['id']);
  const type = isObject(body['block_type']) ? body['block_type']['slug'] : undefined;
  if (id === undefined || typeof type !== 'string') return undefined;
  return { id, name: text(body['name']) || id, type };
};

export const readBlockType: Reader<BlockTypeFacts> = (body) =>
  typeof body['slug'] === 'string' ? { slug: body['slug'] } : undefined;

export const readBlockSchema: Reader<BlockTypeFacts> = (body) =>
  isObject(body['block_type']) ? readBlockType(body['block_type']) : undefined;

export const readVariable: Reader<VariableFacts> = (body) => {
  const id = idOf(body['id']);
  return id === undefined || typeof body['name'] !== 'string' ? undefined : { id, name: body['name'], tags: texts(body['tags']) };
};

export const readAutomation: Reader<AutomationFacts> = (body) => {
  const id = idOf(body['id']);
  if (id === undefined || typeof body['name'] !== 'string') return undefined;
  const lists = ['actions', 'actions_on_trigger', 'actions_on_resolve'].map((field) => body[field]);
  const actions = lists.flatMap((list) => (isList(list) ? list.filter(isObject) : []));
  return { id, name: body['name'], tags: texts(body['tags']), actions };
};

export const readArtifact: Reader<ArtifactFacts> = (body) => {
  const id = idOf(body['id']);
  if (id === undefined) return undefined;
  return { id, key: text(body['key']), flowRunId: idOf(body['flow_run_id']), taskRunId: idOf(body['task_run_id']) };
};

export const readLimit: Reader<LimitFacts> = (body) => {
  const id = idOf(body['id']);
  return id === undefined || typeof body['name'] !== 'string' ? undefined : { id, name: body['name'] };
};

export const readTagLimit: Reader<LimitFacts> = (body) => {
  const id = idOf(body['id']);
  return id === undefined || typeof body['tag'] !== 'string' ? undefined : { id, name: `tag:${body['tag']}` };
};

function idOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? canonicalUuid(value) : undefined;
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function texts(value: JsonValue | undefined): readonly string[] {
  return isList(value) ? value.filter((item) => typeof item === 'string') : [];
}
