import type { JsonObject, JsonValue } from '../../../wire/call.ts';
import { invalidFrame, isObject } from './frame.ts';
import { canonicalUuid } from './objects.ts';

/** What an event says, as far as a decision rests on it. Labels, and the rest of the payload, are the server's business. */
export interface PrefectEvent {
  readonly id: string;
  readonly name: string;
  /** `prefect.resource.id` of the object that it is about. */
  readonly about: string;
  readonly related: readonly RelatedObject[];
  /** Resource ids of what the server will write down because the payload says so, whatever the event says that it is about. */
  readonly recorded: readonly string[];
}

export interface RelatedObject {
  readonly id: string;
  readonly role: string;
}

/** The server's own bounds (`PREFECT_SERVER_EVENTS_*`). */
export const MAX_EVENT_BYTES = 1_500_000;
const MAX_NAME = 1024;
const MAX_RELATED = 100;
const MAX_LABELS = 500;

/**
 * An event as clients send it. Throws FRAME_INVALID for what the server would not take either, and for anything that could be
 * read in two ways.
 */
export function readEvent(frame: JsonObject): PrefectEvent {
  const name = frame['event'];
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME) throw invalidFrame('an event needs a name');
  const id = typeof frame['id'] === 'string' ? canonicalUuid(frame['id']) : undefined;
  if (id === undefined) throw invalidFrame('an event needs an id, a UUID');
  const related = frame['related'] ?? [];
  if (!Array.isArray(related) || related.length > MAX_RELATED) {
    throw invalidFrame(`an event names at most ${MAX_RELATED} related objects`);
  }
  const about = readObject(frame['resource']).id;
  return { id, name, about, related: related.map(readRelated), recorded: readRecorded(name, frame['payload']) };
}

/**
 * The server records a task run from `payload.task_run`, whose `id` and `flow_run_id` go before those of the event's own objects
 * (`services/task_run_recorder.py`). Stock clients leave both out.
 */
function readRecorded(name: string, payload: JsonValue | undefined): readonly string[] {
  const taskRun = isObject(payload) ? payload['task_run'] : undefined;
  if (!name.startsWith('prefect.task-run') || !isObject(taskRun)) return [];
  const named = (kind: string, id: JsonValue | undefined): readonly string[] =>
    id === undefined || id === null ? [] : [`prefect.${kind}.${typeof id === 'string' ? id : ''}`];
  return [...named('task-run', taskRun['id']), ...named('flow-run', taskRun['flow_run_id'])];
}

function readRelated(value: JsonValue): RelatedObject {
  const { id, labels } = readObject(value);
  const role = labels['prefect.resource.role'];
  if (typeof role !== 'string' || role === '') throw invalidFrame('a related object needs `prefect.resource.role`');
  return { id, role };
}

function readObject(value: JsonValue | undefined): { readonly id: string; readonly labels: JsonObject } {
  if (!isObject(value) || Object.keys(value).length > MAX_LABELS) {
    throw invalidFrame(`an object of an event is a map of at most ${MAX_LABELS} labels`);
  }
  const id = value['prefect.resource.id'];
  if (typeof id !== 'string' || id === '') throw invalidFrame('an object of an event needs `prefect.resource.id`');
  return { id, labels: value };
}
