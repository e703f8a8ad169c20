import type { AccessRequest, NonEmptyList, Resource } from '../../../core/access.ts';
import type { Place } from '../places.ts';
import type { PrefectEvent } from './event.ts';
import { objectId, type SocketContext } from './objects.ts';

/** True for events in Fairlead's own name space: nobody else may write them. */
export function isReserved(event: PrefectEvent): boolean {
  return /^fairlead\b/i.test(event.name) || /^fairlead\b/i.test(event.about);
}

/**
 * What an event that a client writes asks for. Events are writes that anybody could forge: they fire automations, and those about
 * task runs *are* the task runs' history. So an event about a run, or one that names runs, needs the right to report or emit on
 * each of them; one that only the server itself writes needs a right of its own.
 */
export async function eventRequests(
  event: PrefectEvent,
  operation: string,
  context: SocketContext,
): Promise<NonEmptyList<AccessRequest>> {
  const attributes = { method: operation, event: event.name };
  const onName: Resource = { path: [context.name, 'events', event.name.normalize('NFC')], attributes: {} };
  const requests: AccessRequest[] = [];
  const kind = kindOf(event.name);

  const named = await namedRuns(event, context);
  for (const { resource, continues } of named.runs) {
    requests.push({ action: RUN_ACTIONS[kind], resource, attributes, continues });
  }
  for (const resource of named.tasks) requests.push({ action: RUN_ACTIONS[kind], resource, attributes });
  if (kind === 'worker') {
    for (const related of event.related) {
      const pool = objectId(related.id, 'work-pool');
      const place = pool === undefined ? undefined : await context.objects.workPool(pool);
      if (place !== undefined) requests.push({ action: 'prefect.worker.report', resource: place.resource, attributes });
    }
  }
  const needsOwnRight = kind === 'system' || named.isDoubtful || isAboutServerObject(event);
  if (needsOwnRight) requests.push({ action: 'prefect.event.emit_system', resource: onName, attributes });
  const [first, ...rest] = requests;
  if (first !== undefined) return [first, ...rest];
  return [{ action: OWN_ACTIONS[kind], resource: onName, attributes }];
}

/** `system`: names that the server writes itself, or that nobody is known to write. */
type EventKind = 'task_run' | 'flow_run' | 'worker' | 'system' | 'other';

const RUN_ACTIONS: Readonly<Record<EventKind, string>> = {
  task_run: 'prefect.task_run.report',
  flow_run: 'prefect.flow_run.report',
  worker: 'prefect.event.emit',
  system: 'prefect.event.emit',
  other: 'prefect.event.emit',
};

/** For events that name nothing which could be found. */
const OWN_ACTIONS: Readonly<Record<EventKind, string>> = {
  task_run: 'prefect.event.emit_system',
  flow_run: 'prefect.event.emit_system',
  worker: 'prefect.event.emit_system',
  system: 'prefect.event.emit_system',
  other: 'prefect.event.emit',
};

function kindOf(name: string): EventKind {
  if (name.startsWith('prefect.task-run.')) return 'task_run';
  if (name.startsWith('prefect.flow-run.')) return 'flow_run';
  if (name.startsWith('prefect.worker.')) return 'worker';
  if (!/^prefect\b/i.test(name)) return 'other';
  return CLIENT_NAMES.some((prefix) => name.startsWith(prefix)) ? 'other' : 'system';
}

/** What Prefect's own clients and integrations write from inside a run, beside the above. */
const CLIENT_NAMES = [
  'prefect.block.',
  'prefect.concurrency-limit.',
  'prefect.asset.',
  'prefect.runner.',
  'prefect.kubernetes.',
  'prefect.docker.',
];

/**
 * True when the event speaks about an object of the server that no client reports on: `prefect.deployment.ID`, a work pool, an
 * automation. Naming a run beside it does not make it that run's event.
 */
function isAboutServerObject(event: PrefectEvent): boolean {
  return /^prefect\b/i.test(event.about) && !CLIENT_OBJECTS.some((prefix) => event.about.startsWith(prefix));
}

const CLIENT_OBJECTS = [
  'prefect.flow-run.',
  'prefect.task-run.',
  'prefect.worker.',
  'prefect.runner.',
  'prefect.block-document.',
  'prefect.block.',
  'prefect.concurrency-limit.',
  'prefect.asset.',
  'prefect.kubernetes.',
  'prefect.docker.',
];

interface NamedRuns {
  readonly runs: readonly Place[];
  /** Task runs that belong to no flow run. */
  readonly tasks: readonly Resource[];
  /** A run or task run is named that does not fit: unknown to the server, malformed, or not the kind that the event is about. */
  readonly isDoubtful: boolean;
}

/**
 * The runs that an event names. A task run's event says itself which run it belongs to; the server has the last word where it
 * knows the task run, so that nobody rewrites another run's history under the name of his own.
 */
async function namedRuns(event: PrefectEvent, context: SocketContext): Promise<NamedRuns> {
  const names = [event.about, ...event.related.map((related) => related.id), ...event.recorded];
  const kind = kindOf(event.name);
  const subject = kind === 'flow_run' ? 'flow-run' : kind === 'task_run' ? 'task-run' : undefined;
  const flowRuns = idsOf(names, 'flow-run');
  const taskRuns = idsOf(names, 'task-run');
  let isDoubtful = flowRuns.isMalformed || taskRuns.isMalformed;
  if (subject !== undefined && objectId(event.about, subject) === undefined) isDoubtful = true;

  const wanted = new Set(flowRuns.ids);
  const tasks: Resource[] = [];
  for (const id of taskRuns.ids) {
    const owner = await context.objects.flowRunOfTask(id);
    if (typeof owner === 'string') wanted.add(owner);
    // A task run that the server does not know yet belongs to the run that its first event names.
    else if (owner === null || flowRuns.ids.size === 0) tasks.push({ path: [context.name, 'task-runs', id], attributes: { id } });
  }
  const runs: Place[] = [];
  for (const id of wanted) {
    const place = await context.objects.flowRun(id);
    if (place === undefined) isDoubtful = true;
    else runs.push(place);
  }
  return { runs, tasks, isDoubtful };
}

function idsOf(names: readonly string[], kind: string): { readonly ids: ReadonlySet<string>; readonly isMalformed: boolean } {
  const ids = new Set<string>();
  let isMalformed = false;
  for (const name of names) {
    if (!name.startsWith(`prefect.${kind}.`)) continue;
    const id = objectId(name, kind);
    if (id === undefined) isMalformed = true;
    else ids.add(id);
  }
  return { ids, isMalformed };
}
