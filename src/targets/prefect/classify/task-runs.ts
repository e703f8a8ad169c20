import type { AccessRequest } from '../../../core/access.ts';
import { queryValue } from '../../../wire/query.ts';
import { type Asked, ask, type Classifier, type Classifiers, continuing, existing, notFound, param } from '../ask.ts';
import { invalid, objectBody, uuidField } from '../bodies.ts';
import type { Place } from '../places.ts';
import { attributesOf } from '../request-attributes.ts';
import { canonicalUuid } from '../uuid.ts';
import { listTaskRuns } from './lists.ts';

/** A task run's rights are those of its flow run; a background task has none and stands for itself. */
const onTask =
  (action: string): Classifier =>
  async (asked) => [continuing(asked, action, await existing(asked.places.taskRun(param(asked, 'id'), asked.freshness)))];

async function create(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const attributes = attributesOf(asked.method, body);
  const id = uuidField(body, 'flow_run_id');
  const place = id === undefined ? asked.places.at(['task-runs']) : await existing(asked.places.run(id, asked.freshness));
  const requests = [continuing(asked, 'task_run.create', place, { attributes })];
  // The client may choose the id; one that exists already is somebody's.
  const taken = uuidField(body, 'id');
  const owner = taken === undefined ? undefined : await asked.places.taskRun(taken, asked.freshness);
  if (owner !== undefined && !isSame(owner, place)) requests.push(continuing(asked, 'task_run.report', owner, { attributes }));
  return requests;
}

function isSame(a: Place, b: Place): boolean {
  return JSON.stringify(a.resource.path) === JSON.stringify(b.resource.path);
}

async function setState(asked: Asked): Promise<readonly AccessRequest[]> {
  const attributes = attributesOf(asked.method, objectBody(asked.body));
  return [
    continuing(asked, 'task_run.report', await existing(asked.places.taskRun(param(asked, 'id'), asked.freshness)), {
      attributes,
    }),
  ];
}

async function readState(asked: Asked): Promise<readonly AccessRequest[]> {
  const { places, freshness } = asked;
  const state = await places.names.get('taskRunState', param(asked, 'id'), freshness);
  if (state === undefined) throw notFound();
  const { flowRunId, taskRunId } = state;
  const owner =
    taskRunId !== undefined
      ? await places.taskRun(taskRunId, freshness)
      : flowRunId === undefined
        ? undefined
        : await places.run(flowRunId, freshness);
  if (owner === undefined) return [ask(asked, 'task_run.list', places.at(['task-runs']))];
  return [continuing(asked, 'task_run.read', owner)];
}

async function readStates(asked: Asked): Promise<readonly AccessRequest[]> {
  const id = canonicalUuid(queryValue(asked.query, 'task_run_id') ?? '');
  if (id === undefined) throw invalid('query parameter `task_run_id`', 'a UUID');
  return [continuing(asked, 'task_run.read', await existing(asked.places.taskRun(id, asked.freshness)))];
}

export const TASK_RUNS: Classifiers = {
  'POST /task_runs/': create,
  'GET /task_runs/{id}': onTask('task_run.read'),
  'PATCH /task_runs/{id}': onTask('task_run.report'),
  'DELETE /task_runs/{id}': onTask('task_run.delete'),
  'POST /task_runs/filter': listTaskRuns,
  'POST /task_runs/paginate': listTaskRuns,
  'POST /task_runs/count': listTaskRuns,
  'POST /task_runs/history': listTaskRuns,
  'POST /task_runs/{id}/set_state': setState,
  'GET /task_run_states/{id}': readState,
  'GET /task_run_states/': readStates,
  'POST /task_workers/filter': (asked) => [ask(asked, 'task_run.list', asked.places.at(['task-runs']))],
  'POST /ui/task_runs/dashboard/counts': listTaskRuns,
  'POST /ui/task_runs/count': listTaskRuns,
  'GET /ui/task_runs/{id}': onTask('task_run.read'),
};
