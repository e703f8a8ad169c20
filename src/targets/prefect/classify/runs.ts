import type { AccessRequest } from '../../../core/access.ts';
import { queryValue } from '../../../wire/query.ts';
import { type Asked, ask, beforeAndAfter, type Classifiers, continuing, existing, notFound, param, relabelled } from '../ask.ts';
import { invalid, isGiven, objectBody, objectField, requiredText, textField, textListField } from '../bodies.ts';
import { exactIds } from '../filters.ts';
import type { RunPlace } from '../places.ts';
import { referenceRequests } from '../references.ts';
import { attributesOf } from '../request-attributes.ts';
import { nestedKeys, referencesIn } from '../templates.ts';
import { canonicalUuid } from '../uuid.ts';
import { countTaskRunsOfRuns, listRuns, nextRunsOfFlows, observedStates } from './lists.ts';
import { createRun } from './run-creation.ts';
import { bulkMoves, moveOf } from './run-state.ts';

function runOf(asked: Asked, freshness = asked.freshness): Promise<RunPlace> {
  return existing(asked.places.run(param(asked, 'id'), freshness));
}

async function read(asked: Asked): Promise<readonly AccessRequest[]> {
  return [continuing(asked, 'flow_run.read', await runOf(asked))];
}

async function readLogs(asked: Asked): Promise<readonly AccessRequest[]> {
  return [continuing(asked, 'log.read', await runOf(asked))];
}

async function readState(asked: Asked): Promise<readonly AccessRequest[]> {
  const state = await asked.places.names.get('flowRunState', param(asked, 'id'), asked.freshness);
  if (state === undefined) throw notFound();
  // A state that does not say whose it is may be anybody's.
  if (state.flowRunId === undefined) return [ask(asked, 'flow_run.list', asked.places.at(['flow-runs']))];
  return [continuing(asked, 'flow_run.read', await existing(asked.places.run(state.flowRunId, asked.freshness)))];
}

async function readStates(asked: Asked): Promise<readonly AccessRequest[]> {
  const id = canonicalUuid(queryValue(asked.query, 'flow_run_id') ?? '');
  if (id === undefined) throw invalid('query parameter `flow_run_id`', 'a UUID');
  return [continuing(asked, 'flow_run.read', await existing(asked.places.run(id, asked.freshness)))];
}

/** The first allowed report of a run admits whoever makes it. */
export function report(asked: Asked, run: RunPlace, attributes = {}): AccessRequest {
  return continuing(asked, 'flow_run.report', run, { attributes, admits: [`flow-run:${run.run.id}`] });
}

async function setState(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const run = await runOf(asked);
  const attributes = attributesOf(asked.method, body);
  const move = moveOf(objectField(body, 'state'), run.run.stateType);
  return [move === 'report' ? report(asked, run, attributes) : ask(asked, `flow_run.${move}`, run, { attributes })];
}

async function setManyStates(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const attributes = attributesOf(asked.method, body);
  const state = objectField(body, 'state');
  const runs = await asked.places.runs(exactIds(body, 'flow_runs') ?? [], 'now');
  if (runs.length > 0) return runs.map((run) => ask(asked, `flow_run.${moveOf(state, run.run.stateType)}`, run, { attributes }));
  return bulkMoves(state).map((move) => ask(asked, `flow_run.${move}`, asked.places.at(['flow-runs']), { attributes }));
}

/** What engines and workers write about their own run. Everything else that a body can change is the run's meaning. */
const REPORTED: ReadonlySet<string> = new Set(['name', 'flow_version', 'empirical_policy', 'infrastructure_pid']);

async function update(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const run = await runOf(asked);
  const attributes = attributesOf(asked.method, body);
  if (Object.keys(body).every((field) => REPORTED.has(field))) return [report(asked, run, attributes)];
  const tags = textListField(body, 'tags');
  const name = textField(body, 'name');
  const after = relabelled(run, {
    ...(tags === undefined ? {} : { tags }),
    ...(name === undefined ? {} : { displayName: name }),
  });
  const changesJob = isGiven(body, 'job_variables');
  const references = referencesIn(body['parameters'], nestedKeys(objectField(body, 'job_variables')));
  return [
    ...beforeAndAfter(asked, 'flow_run.update', run, after, { attributes }),
    ...(changesJob ? [ask(asked, 'deployment.override', { ...run, ...parentOf(run) }, { attributes })] : []),
    ...(await referenceRequests(asked, references)),
  ];
}

/** Where rights over how a run works are held: its deployment, or the runs of its flow. */
function parentOf(run: RunPlace): Pick<RunPlace, 'resource'> {
  const { path, attributes } = run.resource;
  return { resource: { path: path.slice(0, run.run.deploymentId === undefined ? -1 : -2), attributes } };
}

async function label(asked: Asked): Promise<readonly AccessRequest[]> {
  objectBody(asked.body);
  return [report(asked, await runOf(asked))];
}

async function remove(asked: Asked): Promise<readonly AccessRequest[]> {
  return [ask(asked, 'flow_run.delete', await runOf(asked))];
}

async function removeMany(asked: Asked): Promise<readonly AccessRequest[]> {
  const runs = await asked.places.runs(exactIds(objectBody(asked.body), 'flow_runs') ?? [], 'now');
  if (runs.length > 0) return runs.map((run) => ask(asked, 'flow_run.delete', run));
  return [ask(asked, 'flow_run.delete', asked.places.at(['flow-runs']))];
}

/** Resuming answers a pause: it is an approval. The server fills in variables before it checks the answer. */
async function resume(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const attributes = attributesOf(asked.method, body);
  const references = referencesIn(objectField(body, 'run_input'));
  return [ask(asked, 'flow_run.resume', await runOf(asked), { attributes }), ...(await referenceRequests(asked, references))];
}

/** Writing the input that a pause waits for answers the pause, whatever route it takes. */
async function writeInput(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const run = await runOf(asked);
  const attributes = attributesOf(asked.method, body);
  const key = requiredText(body, 'key');
  const isAnswer = key === run.run.responseKey || /^(paused|suspended)-.*-response$/.test(key);
  if (isAnswer) return [ask(asked, 'flow_run.resume', run, { attributes })];
  return [continuing(asked, 'flow_run.write_input', run, { attributes })];
}

async function removeInput(asked: Asked): Promise<readonly AccessRequest[]> {
  return [continuing(asked, 'flow_run.write_input', await runOf(asked))];
}

export const RUNS: Classifiers = {
  'POST /flow_runs/': createRun,
  'GET /flow_runs/{id}': read,
  'PATCH /flow_runs/{id}': update,
  'DELETE /flow_runs/{id}': remove,
  'POST /flow_runs/filter': listRuns,
  'POST /flow_runs/paginate': listRuns,
  'POST /flow_runs/count': listRuns,
  'POST /flow_runs/lateness': listRuns,
  'POST /flow_runs/history': listRuns,
  'GET /flow_runs/{id}/graph': read,
  'GET /flow_runs/{id}/graph-v2': read,
  'POST /flow_runs/{id}/set_state': setState,
  'POST /flow_runs/bulk_set_state': setManyStates,
  'POST /flow_runs/bulk_delete': removeMany,
  'POST /flow_runs/{id}/resume': resume,
  'POST /flow_runs/{id}/input': writeInput,
  'POST /flow_runs/{id}/input/filter': read,
  'GET /flow_runs/{id}/input/{key}': read,
  'DELETE /flow_runs/{id}/input/{key}': removeInput,
  'PATCH /flow_runs/{id}/labels': label,
  'GET /flow_runs/{id}/logs/download': readLogs,
  'GET /flow_run_states/{id}': readState,
  'GET /flow_run_states/': readStates,
  'GET /observed-states': observedStates,
  'POST /ui/flow_runs/history': listRuns,
  'POST /ui/flow_runs/count-task-runs': countTaskRunsOfRuns,
  'POST /ui/flows/next-runs': nextRunsOfFlows,
};
