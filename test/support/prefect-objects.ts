import { randomUUID } from 'node:crypto';
import { type Answer, idOf, type PrefectServer } from './prefect.ts';

/** An object of the real server, and where it stands in the hierarchy of resources. */
export interface MadeObject {
  readonly id: string;
  readonly name: string;
  /** Below the target: `deployments/objects/mine-1`. */
  readonly place: string;
  /** Another id that belongs to it: a schedule of a deployment, the run of a task run, the type of a block. */
  readonly other: string;
}

export const KINDS = [
  'flow',
  'deployment',
  'run',
  'taskRun',
  'pool',
  'queue',
  'oldQueue',
  'blockType',
  'blockSchema',
  'block',
  'variable',
  'artifact',
  'savedSearch',
  'tagLimit',
  'limit',
  'automation',
] as const;
export type Kind = (typeof KINDS)[number];

export interface ObjectMaker {
  /** A fresh object of this kind, under a name that begins with `name`. */
  make(kind: Kind, name: string): Promise<MadeObject>;
}

const later = (): string => new Date(Date.now() + 3_600_000).toISOString();
const trigger = { type: 'event', expect: ['objects.never'], posture: 'Reactive', threshold: 1, within: 0 };

/** Makes objects beside the gateway. Those of a kind have their parents in common, so that only their own names keep them apart. */
export async function objectMaker(server: PrefectServer): Promise<ObjectMaker> {
  let count = 0;
  const post = async (path: string, body: unknown): Promise<Answer> => {
    const answer = await server.api('POST', path, body);
    if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${answer.text}`);
    return answer;
  };
  const flow = idOf(await post('/flows/', { name: 'objects' }));
  await post('/work_pools/', { name: 'objects', type: 'process', base_job_template: {} });
  const deploymentBody = (name: string) => ({ name, flow_id: flow, work_pool_name: 'objects', entrypoint: 'flow.py:objects' });
  const shared = idOf(await post('/deployments/', deploymentBody('shared')));
  const secretType = idOf(await server.api('GET', '/block_types/slug/secret'));
  const schemas = await post('/block_schemas/filter', { block_schemas: { block_type_id: { any_: [secretType] } } });
  const secretSchema: string = schemas.body[0].id;

  const makeRun = async () => {
    const state = { type: 'SCHEDULED', state_details: { scheduled_time: later() } };
    const run = await post(`/deployments/${shared}/create_flow_run`, { state });
    await post(`/flow_runs/${idOf(run)}/input`, { key: 'given', value: '1' });
    return { id: idOf(run), place: `deployments/objects/shared/runs/${idOf(run)}`, state: run.body.state_id as string };
  };
  const makeType = async (name: string) => idOf(await post('/block_types/', { name, slug: name }));
  const makeSchema = (type: string, name: string) =>
    post('/block_schemas/', {
      block_type_id: type,
      fields: { title: name, type: 'object', properties: {}, block_type_slug: name },
    });

  const makers: Readonly<Record<Kind, (name: string) => Promise<Omit<MadeObject, 'name' | 'other'> & Partial<MadeObject>>>> = {
    flow: async (name) => ({ id: idOf(await post('/flows/', { name })), place: `flows/${name}` }),
    async deployment(name) {
      const schedules = [{ schedule: { interval: 86_400 }, active: false }];
      const made = await post('/deployments/', { ...deploymentBody(name), schedules });
      return { id: idOf(made), place: `deployments/objects/${name}`, other: made.body.schedules[0].id };
    },
    async run() {
      const { id, place, state } = await makeRun();
      return { id, place, other: state };
    },
    async taskRun() {
      const run = await makeRun();
      const made = await post('/task_runs/', {
        flow_run_id: run.id,
        task_key: 'step',
        dynamic_key: randomUUID(),
        state: { type: 'PENDING' },
      });
      return { id: idOf(made), place: run.place, other: made.body.state_id };
    },
    async pool(name) {
      const id = idOf(await post('/work_pools/', { name, type: 'process', base_job_template: {} }));
      await post(`/work_pools/${name}/workers/heartbeat`, { name: 'here' });
      return { id, place: `work-pools/${name}` };
    },
    queue: async (name) => ({
      id: idOf(await post('/work_pools/objects/queues', { name })),
      place: `work-pools/objects/queues/${name}`,
    }),
    oldQueue: async (name) => ({
      id: idOf(await post('/work_queues/', { name })),
      place: `work-pools/default-agent-pool/queues/${name}`,
    }),
    blockType: async (name) => ({ id: await makeType(name), place: `blocks/${name}` }),
    async blockSchema(name) {
      const made = await makeSchema(await makeType(name), name);
      return { id: idOf(made), place: `blocks/${name}`, other: made.body.checksum };
    },
    async block(name) {
      const body = { name, block_type_id: secretType, block_schema_id: secretSchema, data: { value: 'hidden' } };
      return { id: idOf(await post('/block_documents/', body)), place: `blocks/secret/${name}`, other: secretType };
    },
    async variable(name) {
      const plain = name.replaceAll('-', '_');
      return { id: idOf(await post('/variables/', { name: plain, value: 'x' })), name: plain, place: `variables/${plain}` };
    },
    async artifact(name) {
      const run = await makeRun();
      const made = await post('/artifacts/', { key: name, type: 'markdown', data: '# x', flow_run_id: run.id });
      return { id: idOf(made), place: run.place, other: run.id };
    },
    async savedSearch(name) {
      const made = await server.api('PUT', '/saved_searches/', { name, filters: [] });
      return { id: idOf(made), place: `saved-searches/${idOf(made)}` };
    },
    tagLimit: async (name) => ({
      id: idOf(await post('/concurrency_limits/', { tag: name, concurrency_limit: 9 })),
      place: `concurrency-limits/tag:${name}`,
    }),
    limit: async (name) => ({
      id: idOf(await post('/v2/concurrency_limits/', { name, limit: 9 })),
      place: `concurrency-limits/${name}`,
    }),
    async automation(name) {
      const id = idOf(await post('/automations/', { name, trigger, actions: [{ type: 'do-nothing' }] }));
      return { id, place: `automations/${id}` };
    },
  };

  return {
    async make(kind, prefix) {
      count += 1;
      const name = `${prefix}-${count}`;
      return { name, other: '', ...(await makers[kind](name)) };
    },
  };
}

export const AUTOMATION_BODY = { name: 'objects', trigger, actions: [{ type: 'do-nothing' }] };
