import type { AccessRequest } from '../../../core/access.ts';
import { type Asked, ask, continuing } from '../ask.ts';
import { objectBody } from '../bodies.ts';
import { exactIds, exactly } from '../filters.ts';
import type { Place } from '../places.ts';

/**
 * Lists, counts and histories. One that is bounded to objects which it names is a read of each of them (what stock clients send
 * on their way: a run's children, the logs of one run); every other one needs the right to the whole type.
 */

function whole(asked: Asked, action: string, ...path: readonly string[]): readonly AccessRequest[] {
  return [ask(asked, action, asked.places.at(path))];
}

/** A read of each place. Names of nothing bound a list to nothing, which is no smaller a question than the whole. */
function each(asked: Asked, action: string, places: readonly Place[]): readonly AccessRequest[] | undefined {
  return places.length === 0 ? undefined : places.map((place) => continuing(asked, action, place));
}

async function found<T>(keys: readonly string[], find: (key: string) => Promise<T | undefined>): Promise<readonly T[]> {
  const places: T[] = [];
  for (const key of keys) {
    const place = await find(key);
    if (place !== undefined) places.push(place);
  }
  return places;
}

export async function listFlows(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const { places, freshness } = asked;
  const ids = exactIds(body, 'flows');
  if (ids !== undefined) {
    await places.names.many('flow', ids, freshness);
    const flows = await found(ids, (id) => places.flow(id, 'recent'));
    return each(asked, 'flow.read', flows) ?? whole(asked, 'flow.list', 'flows');
  }
  const names = exactly(body, 'flows', 'name');
  const flows = names === undefined ? [] : await found(names, (name) => places.flowNamed(name, freshness));
  return each(asked, 'flow.read', flows) ?? whole(asked, 'flow.list', 'flows');
}

export async function listDeployments(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const deployments = await deploymentsOf(asked, exactIds(body, 'deployments'));
  return each(asked, 'deployment.read', deployments) ?? (await ofFlows(asked, 'deployment.list', 'deployments'));
}

async function deploymentsOf(asked: Asked, ids: readonly string[] | undefined): Promise<readonly Place[]> {
  if (ids === undefined) return [];
  await asked.places.names.many('deployment', ids, asked.freshness);
  return await found(ids, (id) => asked.places.deployment(id, 'recent'));
}

/** Bounded to flows: the deployments below each of them. */
async function ofFlows(asked: Asked, action: string, collection: string): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const ids = exactIds(body, 'flows') ?? [];
  const names = (await asked.places.names.many('flow', ids, 'recent')).map((flow) => flow.name);
  names.push(...(ids.length > 0 ? [] : (exactly(body, 'flows', 'name') ?? [])));
  if (names.length === 0) return whole(asked, action, collection);
  return names.map((name) => ask(asked, action, asked.places.at([collection, name])));
}

/** The runs that a filter of runs names, or whose children it asks for; undefined when it is not bound so. */
async function boundRuns(asked: Asked): Promise<readonly Place[] | undefined> {
  const body = objectBody(asked.body);
  const { places, freshness } = asked;
  const ids = exactIds(body, 'flow_runs') ?? exactIds(body, 'flow_runs', 'parent_flow_run_id');
  if (ids !== undefined) return await places.runs(ids, freshness);
  const parents = exactIds(body, 'flow_runs', 'parent_task_run_id');
  if (parents !== undefined) return await found(parents, (id) => places.taskRun(id, freshness));
  return undefined;
}

export async function listRuns(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const runs = each(asked, 'flow_run.read', (await boundRuns(asked)) ?? []);
  if (runs !== undefined) return runs;
  const deployments = exactIds(body, 'flow_runs', 'deployment_id') ?? exactIds(body, 'deployments');
  const requests = (await deploymentsOf(asked, deployments)).map(({ resource }) => {
    const below = { resource: { path: [...resource.path, 'runs'], attributes: {} }, continues: [] };
    return ask(asked, 'flow_run.list', below);
  });
  return requests.length > 0 ? requests : whole(asked, 'flow_run.list', 'flow-runs');
}

/** The web app names the runs or flows in a list of its own. */
export async function countTaskRunsOfRuns(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const ids = exactIds({ flow_runs: { id: { any_: body['flow_run_ids'] ?? null } } }, 'flow_runs');
  const runs = ids === undefined ? [] : await asked.places.runs(ids, asked.freshness);
  return each(asked, 'flow_run.read', runs) ?? whole(asked, 'flow_run.list', 'flow-runs');
}

export const countDeploymentsOfFlows = (asked: Asked): readonly AccessRequest[] => whole(asked, 'deployment.list', 'deployments');
export const nextRunsOfFlows = (asked: Asked): readonly AccessRequest[] => whole(asked, 'flow_run.list', 'flow-runs');
export const observedStates = nextRunsOfFlows;

export async function listTaskRuns(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const { places, freshness } = asked;
  const flowRuns = exactIds(body, 'task_runs', 'flow_run_id') ?? exactIds(body, 'flow_runs');
  const tasks = exactIds(body, 'task_runs');
  const bound =
    flowRuns !== undefined
      ? await places.runs(flowRuns, freshness)
      : tasks === undefined
        ? []
        : await found(tasks, (id) => places.taskRun(id, freshness));
  return each(asked, 'task_run.read', bound) ?? whole(asked, 'task_run.list', 'task-runs');
}

export async function listLogs(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const { places, freshness } = asked;
  const runs = exactIds(body, 'logs', 'flow_run_id');
  const tasks = exactIds(body, 'logs', 'task_run_id');
  const bound =
    runs !== undefined
      ? await places.runs(runs, freshness)
      : tasks === undefined
        ? []
        : await found(tasks, (id) => places.taskRun(id, freshness));
  return each(asked, 'log.read', bound) ?? whole(asked, 'log.list', 'logs');
}

export async function listArtifacts(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const runs = exactIds(body, 'artifacts', 'flow_run_id') ?? exactIds(body, 'flow_runs');
  const bound = runs === undefined ? [] : await asked.places.runs(runs, asked.freshness);
  return each(asked, 'artifact.read', bound) ?? whole(asked, 'artifact.list', 'artifacts');
}

export function listPools(asked: Asked): readonly AccessRequest[] {
  const names = exactly(objectBody(asked.body), 'work_pools', 'name') ?? [];
  return each(asked, 'work_pool.read', names.map(asked.places.pool)) ?? whole(asked, 'work_pool.list', 'work-pools');
}

export function listVariables(asked: Asked): readonly AccessRequest[] {
  const names = exactly(objectBody(asked.body), 'variables', 'name') ?? [];
  const places = names.map((name) => asked.places.variable(name));
  return each(asked, 'variable.read', places) ?? whole(asked, 'variable.list', 'variables');
}

export async function listAutomations(asked: Asked): Promise<readonly AccessRequest[]> {
  const ids = exactIds(objectBody(asked.body), 'automations') ?? [];
  const automations = await found(ids, (id) => asked.places.names.get('automation', id, asked.freshness));
  const places = automations.map(({ id, name, tags }) => asked.places.at(['automations', id], { id, displayName: name, tags }));
  return each(asked, 'automation.read', places) ?? whole(asked, 'automation.list', 'automations');
}
