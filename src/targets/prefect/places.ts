import type { Resource } from '../../core/access.ts';
import type { Attributes } from '../../core/attribute.ts';
import type { BlockFacts, DeploymentFacts, FlowFacts, FlowRunFacts, TaskRunFacts } from './facts.ts';
import type { LiveRuns } from './live-runs.ts';
import { namesKey } from './lookups.ts';
import type { Freshness, Names } from './resolve.ts';

/** A resource, and the runs that may go on using it when policy changes. */
export interface Place {
  readonly resource: Resource;
  readonly continues: readonly string[];
}

/** A run's place, with what classification needs to know of the run. */
export interface RunPlace extends Place {
  readonly run: FlowRunFacts;
}

/** Where the server's objects stand in the hierarchy of resources. Undefined: there is no such object. */
export interface Places {
  readonly names: Names;
  /** A resource right below the target: `collection('flows')`, or a path of names below that. */
  at(path: readonly string[], attributes?: Attributes): Place;
  flow(id: string, freshness: Freshness): Promise<Place | undefined>;
  flowNamed(name: string, freshness: Freshness): Promise<Place | undefined>;
  deployment(id: string, freshness: Freshness): Promise<(Place & { readonly deployment: DeploymentFacts }) | undefined>;
  deploymentNamed(flow: string, name: string, freshness: Freshness): Promise<Place | undefined>;
  deploymentAt(facts: DeploymentFacts): Promise<Place | undefined>;
  run(id: string, freshness: Freshness): Promise<RunPlace | undefined>;
  runs(ids: readonly string[], freshness: Freshness): Promise<readonly RunPlace[]>;
  /** Of a task run: its flow run, or a place of its own when it has none. */
  taskRun(id: string, freshness: Freshness): Promise<Place | undefined>;
  pool(name: string): Place;
  queue(pool: string, name: string): Place;
  block(facts: Pick<BlockFacts, 'type' | 'name'>): Place;
  variable(name: string, tags?: readonly string[]): Place;
  limit(name: string): Place;
}

/** Subflows of subflows: a run belongs to the work of all runs above it. */
const MAX_ANCESTORS = 8;

export function createPlaces(target: string, names: Names, live: LiveRuns): Places {
  const at = (path: readonly string[], attributes: Attributes = {}, continues: readonly string[] = []): Place => ({
    // INVARIANT: segments are NFC; names come from bodies and answers as their writers spelt them.
    resource: { path: [target, ...path.map((segment) => segment.normalize('NFC'))], attributes },
    continues,
  });

  const flowAt = (flow: FlowFacts): Place =>
    at(['flows', flow.name], { id: flow.id, flow: flow.name, tags: flow.tags }, live.of('flow', flow.id));

  async function deploymentAt(facts: DeploymentFacts): Promise<Place | undefined> {
    const flow = await names.get('flow', facts.flowId, 'ever');
    if (flow === undefined) return undefined;
    const { id, name, tags, workPool, workQueue } = facts;
    const attributes = { id, flow: flow.name, deployment: name, tags, work_pool: workPool, work_queue: workQueue };
    return at(['deployments', flow.name, name], attributes, live.of('deployment', id));
  }

  async function runAt(run: FlowRunFacts): Promise<RunPlace | undefined> {
    const flow = await names.get('flow', run.flowId, 'ever');
    const deployment = run.deploymentId === undefined ? undefined : await names.get('deployment', run.deploymentId, 'ever');
    if (flow === undefined) return undefined;
    // A run outlives its deployment, and must be able to end. Its place stays where rules of the flow's deployments reach it; the
    // id stands for a name that nobody knows any more.
    const parent =
      run.deploymentId === undefined ? ['flows', flow.name] : ['deployments', flow.name, deployment?.name ?? run.deploymentId];
    const attributes = {
      id: run.id,
      displayName: run.name,
      flow: flow.name,
      deployment: deployment?.name ?? '',
      tags: run.tags,
      work_pool: run.workPool,
      work_queue: run.workQueue,
      state_type: run.stateType,
      created_by: run.createdBy,
    };
    return { ...at([...parent, 'runs', run.id], attributes, await lineage(run)), run };
  }

  /** Keys of a run and of the runs above it. */
  async function lineage(run: FlowRunFacts): Promise<readonly string[]> {
    const keys = [`flow-run:${run.id}`];
    let current: FlowRunFacts | undefined = run;
    while (current?.parentTaskRunId !== undefined && keys.length <= MAX_ANCESTORS) {
      const task: TaskRunFacts | undefined = await names.get('taskRun', current.parentTaskRunId, 'ever');
      if (task?.flowRunId === undefined) break;
      keys.push(`flow-run:${task.flowRunId}`);
      current = await names.get('flowRun', task.flowRunId, 'ever');
    }
    return keys;
  }

  async function run(id: string, freshness: Freshness): Promise<RunPlace | undefined> {
    const facts = await names.get('flowRun', id, freshness);
    return facts === undefined ? undefined : await runAt(facts);
  }

  return {
    names,
    at: (path, attributes) => at(path, attributes),
    async flow(id, freshness) {
      const flow = await names.get('flow', id, freshness);
      return flow === undefined ? undefined : flowAt(flow);
    },
    async flowNamed(name, freshness) {
      const flow = await names.get('flowByName', name, freshness);
      return flow === undefined ? undefined : flowAt(flow);
    },
    async deployment(id, freshness) {
      const deployment = await names.get('deployment', id, freshness);
      const place = deployment === undefined ? undefined : await deploymentAt(deployment);
      return deployment === undefined || place === undefined ? undefined : { ...place, deployment };
    },
    async deploymentNamed(flow, name, freshness) {
      const deployment = await names.get('deploymentByNames', namesKey(flow, name), freshness);
      return deployment === undefined ? undefined : await deploymentAt(deployment);
    },
    deploymentAt,
    run,
    async runs(ids, freshness) {
      const found: RunPlace[] = [];
      for (const facts of await names.many('flowRun', ids, freshness)) {
        const place = await runAt(facts);
        if (place !== undefined) found.push(place);
      }
      return found;
    },
    async taskRun(id, freshness) {
      const task = await names.get('taskRun', id, freshness === 'now' ? 'recent' : freshness);
      if (task === undefined) return undefined;
      if (task.flowRunId === undefined) return at(['task-runs', task.id], { id: task.id });
      return await run(task.flowRunId, freshness);
    },
    pool: (name) => at(['work-pools', name], { work_pool: name }, live.of('work_pool', name)),
    queue: (pool, name) =>
      at(
        ['work-pools', pool, 'queues', name],
        { work_pool: pool, work_queue: name },
        live.of('work_queue', JSON.stringify([pool, name])),
      ),
    block: ({ type, name }) => at(['blocks', type, name], { block_type: type, block: name }),
    variable: (name, tags) => at(['variables', name], { variable: name, ...(tags === undefined ? {} : { tags }) }),
    limit: (name) => at(['concurrency-limits', name], { limit: name }),
  };
}
