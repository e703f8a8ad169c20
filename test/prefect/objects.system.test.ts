import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { API_ROUTES, routeById } from '../../src/targets/prefect/routes.ts';
import { startFairlead, type TestGateway } from '../support/fairlead.ts';
import type { Answer, PrefectServer } from '../support/prefect.ts';
import { AUTOMATION_BODY, type Kind, type MadeObject, objectMaker } from '../support/prefect-objects.ts';
import { describeWithPrefect, sharedServer } from '../support/with-prefect.ts';

type Of<T> = (object: MadeObject) => T;

/** How an operation is called on one object. `path` is the route's own with the id in it when absent. */
interface Row {
  readonly kind: Kind;
  readonly path?: Of<string>;
  readonly body?: Of<unknown>;
}

const named: Of<string> = ({ name }) => name;
const on = (kind: Kind, body?: Of<unknown>, path?: Of<string>): Row => ({
  kind,
  ...(body === undefined ? {} : { body }),
  ...(path === undefined ? {} : { path }),
});
const at = (kind: Kind, path: Of<string>, body?: Of<unknown>): Row => on(kind, body, path);
const none: Of<unknown> = () => ({});
const ids: Of<unknown> = ({ id }) => ({ id: { any_: [id] } });

/** Every operation that is about one object, which the path or the body names. */
const ROWS: Readonly<Record<string, Row>> = {
  'POST /flows/': on('flow', ({ name }) => ({ name })),
  'GET /flows/{id}': on('flow'),
  'GET /flows/name/{name}': at('flow', ({ name }) => `/flows/name/${name}`),
  'PATCH /flows/{id}': on('flow', () => ({ tags: ['x'] })),
  'DELETE /flows/{id}': on('flow'),
  'POST /flows/bulk_delete': on('flow', (one) => ({ flows: ids(one) })),

  'POST /deployments/': on('deployment', undefined),
  'GET /deployments/{id}': on('deployment'),
  'GET /deployments/name/{flow_name}/{deployment_name}': at('deployment', ({ name }) => `/deployments/name/objects/${name}`),
  'PATCH /deployments/{id}': on('deployment', () => ({ description: 'x' })),
  'DELETE /deployments/{id}': on('deployment'),
  'POST /deployments/bulk_delete': on('deployment', (one) => ({ deployments: ids(one) })),
  'POST /deployments/get_scheduled_flow_runs': on('deployment', ({ id }) => ({ deployment_ids: [id] })),
  'POST /deployments/{id}/create_flow_run': on('deployment', none),
  'POST /deployments/{id}/create_flow_run/bulk': on('deployment', () => [{}]),
  'POST /deployments/{id}/schedule': on('deployment', none),
  'POST /deployments/{id}/pause_deployment': on('deployment'),
  'POST /deployments/{id}/resume_deployment': on('deployment'),
  'GET /deployments/{id}/work_queue_check': on('deployment'),
  'GET /deployments/{id}/schedules': on('deployment'),
  'POST /deployments/{id}/schedules': on('deployment', () => [{ schedule: { interval: 172_800 }, active: false }]),
  'PATCH /deployments/{id}/schedules/{schedule_id}': at(
    'deployment',
    ({ id, other }) => `/deployments/${id}/schedules/${other}`,
    () => ({ active: false }),
  ),
  'DELETE /deployments/{id}/schedules/{schedule_id}': at(
    'deployment',
    ({ id, other }) => `/deployments/${id}/schedules/${other}`,
  ),

  'POST /flow_runs/': on('flow', ({ id }) => ({ flow_id: id, state: { type: 'PENDING' } })),
  'GET /flow_runs/{id}': on('run'),
  'PATCH /flow_runs/{id}': on('run', () => ({ name: 'renamed' })),
  'DELETE /flow_runs/{id}': on('run'),
  'POST /flow_runs/filter': on('run', (one) => ({ flow_runs: ids(one) })),
  'GET /flow_runs/{id}/graph': on('run'),
  'GET /flow_runs/{id}/graph-v2': on('run'),
  'POST /flow_runs/{id}/set_state': on('run', () => ({ state: { type: 'CANCELLED' } })),
  'POST /flow_runs/bulk_set_state': on('run', (one) => ({ flow_runs: ids(one), state: { type: 'CANCELLED' } })),
  'POST /flow_runs/bulk_delete': on('run', (one) => ({ flow_runs: ids(one) })),
  'POST /flow_runs/{id}/resume': on('run', none),
  'POST /flow_runs/{id}/input': on('run', () => ({ key: randomUUID(), value: '1' })),
  'POST /flow_runs/{id}/input/filter': on('run', () => ({ prefix: '', limit: 10, exclude_keys: [] })),
  'GET /flow_runs/{id}/input/{key}': at('run', ({ id }) => `/flow_runs/${id}/input/given`),
  'DELETE /flow_runs/{id}/input/{key}': at('run', ({ id }) => `/flow_runs/${id}/input/given`),
  'PATCH /flow_runs/{id}/labels': on('run', () => ({ a: 'b' })),
  'GET /flow_runs/{id}/logs/download': on('run'),
  'GET /flow_run_states/{id}': at('run', ({ other }) => `/flow_run_states/${other}`),
  'GET /flow_run_states/': at('run', ({ id }) => `/flow_run_states/?flow_run_id=${id}`),
  'POST /logs/': on('run', ({ id }) => [
    { name: 'x', level: 20, message: 'm', timestamp: new Date().toISOString(), flow_run_id: id },
  ]),
  'POST /logs/filter': on('run', ({ id }) => ({ logs: { flow_run_id: { any_: [id] } } })),
  'POST /ui/flow_runs/count-task-runs': on('run', ({ id }) => ({ flow_run_ids: [id] })),

  'POST /task_runs/': on('run', ({ id }) => ({ flow_run_id: id, task_key: 'a', dynamic_key: randomUUID() })),
  'GET /task_runs/{id}': on('taskRun'),
  'PATCH /task_runs/{id}': on('taskRun', () => ({ name: 'renamed' })),
  'DELETE /task_runs/{id}': on('taskRun'),
  'POST /task_runs/{id}/set_state': on('taskRun', () => ({ state: { type: 'RUNNING' } })),
  'GET /task_run_states/{id}': at('taskRun', ({ other }) => `/task_run_states/${other}`),
  'GET /task_run_states/': at('taskRun', ({ id }) => `/task_run_states/?task_run_id=${id}`),
  'GET /ui/task_runs/{id}': on('taskRun'),

  'GET /work_pools/{name}': at('pool', ({ name }) => `/work_pools/${name}`),
  'PATCH /work_pools/{name}': at(
    'pool',
    ({ name }) => `/work_pools/${name}`,
    () => ({ description: 'x' }),
  ),
  'DELETE /work_pools/{name}': at('pool', ({ name }) => `/work_pools/${name}`),
  'POST /work_pools/{name}/concurrency_status': at('pool', ({ name }) => `/work_pools/${name}/concurrency_status`, none),
  'POST /work_pools/{name}/get_scheduled_flow_runs': at(
    'pool',
    ({ name }) => `/work_pools/${name}/get_scheduled_flow_runs`,
    none,
  ),
  'POST /work_pools/{work_pool_name}/queues': at(
    'pool',
    ({ name }) => `/work_pools/${name}/queues`,
    () => ({ name: randomUUID() }),
  ),
  'POST /work_pools/{work_pool_name}/queues/filter': at('pool', ({ name }) => `/work_pools/${name}/queues/filter`, none),
  'POST /work_pools/{work_pool_name}/workers/filter': at('pool', ({ name }) => `/work_pools/${name}/workers/filter`, none),
  'POST /work_pools/{work_pool_name}/workers/heartbeat': at(
    'pool',
    ({ name }) => `/work_pools/${name}/workers/heartbeat`,
    () => ({ name: 'here' }),
  ),
  'DELETE /work_pools/{work_pool_name}/workers/{name}': at('pool', ({ name }) => `/work_pools/${name}/workers/here`),
  'GET /work_pools/{work_pool_name}/queues/{name}': at('queue', ({ name }) => `/work_pools/objects/queues/${name}`),
  'PATCH /work_pools/{work_pool_name}/queues/{name}': at(
    'queue',
    ({ name }) => `/work_pools/objects/queues/${name}`,
    () => ({ description: 'x' }),
  ),
  'DELETE /work_pools/{work_pool_name}/queues/{name}': at('queue', ({ name }) => `/work_pools/objects/queues/${name}`),
  'GET /work_queues/{id}': on('oldQueue'),
  'GET /work_queues/name/{name}': at('oldQueue', ({ name }) => `/work_queues/name/${name}`),
  'PATCH /work_queues/{id}': on('oldQueue', () => ({ description: 'x' })),
  'DELETE /work_queues/{id}': on('oldQueue'),
  'POST /work_queues/{id}/get_runs': on('oldQueue', none),
  'POST /work_queues/{id}/concurrency_status': on('oldQueue', none),
  'GET /work_queues/{id}/status': on('oldQueue'),

  'GET /block_types/{id}': on('blockType'),
  'GET /block_types/slug/{slug}': at('blockType', ({ name }) => `/block_types/slug/${name}`),
  'PATCH /block_types/{id}': on('blockType', () => ({ description: 'x' })),
  'DELETE /block_types/{id}': on('blockType'),
  'GET /block_types/slug/{slug}/block_documents': at('blockType', ({ name }) => `/block_types/slug/${name}/block_documents`),
  'GET /block_types/slug/{slug}/block_documents/name/{block_document_name}': at(
    'block',
    ({ name }) => `/block_types/slug/secret/block_documents/name/${name}`,
  ),
  'POST /block_schemas/': on('blockType', ({ id, name }) => ({
    block_type_id: id,
    fields: { title: name, type: 'object', properties: {}, block_type_slug: name },
  })),
  'GET /block_schemas/{id}': on('blockSchema'),
  'GET /block_schemas/checksum/{checksum}': at('blockSchema', ({ other }) => `/block_schemas/checksum/${other}`),
  'DELETE /block_schemas/{id}': on('blockSchema'),
  'GET /block_documents/{id}': on('block'),
  'PATCH /block_documents/{id}': on('block', () => ({ data: { value: 'other' }, merge_existing_data: true })),
  'DELETE /block_documents/{id}': on('block'),

  'GET /variables/{id}': on('variable'),
  'GET /variables/name/{name}': at('variable', ({ name }) => `/variables/name/${name}`),
  'PATCH /variables/{id}': on('variable', () => ({ value: 'y' })),
  'PATCH /variables/name/{name}': at(
    'variable',
    ({ name }) => `/variables/name/${name}`,
    () => ({ value: 'y' }),
  ),
  'DELETE /variables/{id}': on('variable'),
  'DELETE /variables/name/{name}': at('variable', ({ name }) => `/variables/name/${name}`),

  'POST /artifacts/': on('run', ({ id }) => ({ key: 'made', type: 'markdown', data: '# x', flow_run_id: id })),
  'GET /artifacts/{id}': on('artifact'),
  'GET /artifacts/{key}/latest': at('artifact', ({ name }) => `/artifacts/${name}/latest`),
  'PATCH /artifacts/{id}': on('artifact', () => ({ description: 'x' })),
  'DELETE /artifacts/{id}': on('artifact'),
  'GET /saved_searches/{id}': on('savedSearch'),
  'DELETE /saved_searches/{id}': on('savedSearch'),

  'GET /concurrency_limits/{id}': on('tagLimit'),
  'GET /concurrency_limits/tag/{tag}': at('tagLimit', ({ name }) => `/concurrency_limits/tag/${name}`),
  'POST /concurrency_limits/tag/{tag}/reset': at('tagLimit', ({ name }) => `/concurrency_limits/tag/${name}/reset`, none),
  'DELETE /concurrency_limits/{id}': on('tagLimit'),
  'DELETE /concurrency_limits/tag/{tag}': at('tagLimit', ({ name }) => `/concurrency_limits/tag/${name}`),
  'POST /concurrency_limits/increment': on('tagLimit', (one) => ({ names: [named(one)], task_run_id: randomUUID() })),
  'POST /concurrency_limits/decrement': on('tagLimit', (one) => ({ names: [named(one)], task_run_id: randomUUID() })),
  'GET /v2/concurrency_limits/{id_or_name}': at('limit', ({ name }) => `/v2/concurrency_limits/${name}`),
  'PATCH /v2/concurrency_limits/{id_or_name}': at(
    'limit',
    ({ id }) => `/v2/concurrency_limits/${id}`,
    () => ({ limit: 8 }),
  ),
  'DELETE /v2/concurrency_limits/{id_or_name}': at('limit', ({ name }) => `/v2/concurrency_limits/${name}`),
  'POST /v2/concurrency_limits/increment': on('limit', (one) => ({ names: [named(one)], slots: 1, create_if_missing: false })),
  'POST /v2/concurrency_limits/increment-with-lease': on('limit', (one) => ({ names: [named(one)], slots: 1 })),
  'POST /v2/concurrency_limits/decrement': on('limit', (one) => ({ names: [named(one)], slots: 1, create_if_missing: false })),

  'GET /automations/{id}': on('automation'),
  'PUT /automations/{id}': on('automation', () => AUTOMATION_BODY),
  'PATCH /automations/{id}': on('automation', () => ({ enabled: false })),
  'DELETE /automations/{id}': on('automation'),
  'GET /automations/related-to/{resource_id}': at('deployment', ({ id }) => `/automations/related-to/prefect.deployment.${id}`),
  'DELETE /automations/owned-by/{resource_id}': at('deployment', ({ id }) => `/automations/owned-by/prefect.deployment.${id}`),
};

/** Operations whose path names something that is no object of anybody, each for a reason of its own. */
const WITHOUT_OBJECT = new Set([
  // A registry that comes with the server.
  'GET /collections/views/{view}',
  // A unit of time.
  'POST /events/count-by/{countable}',
  // Leases have no name; who has the id holds it.
  'POST /v2/concurrency_limits/leases/{lease_id}/renew',
]);

/** Nina may list runs too: these two show runs of everybody. */
const CALLERS: Readonly<Record<string, 'nina'>> = {
  'POST /work_pools/{name}/concurrency_status': 'nina',
  'POST /work_queues/{id}/concurrency_status': 'nina',
};

/** The server itself says 200 and an empty list of an object that is not there; through the gateway both are a 404. */
const EMPTY_WHERE_MISSING = new Set(['POST /flow_runs/{id}/input/filter']);

describeWithPrefect('an operation on an object', () => {
  let server: PrefectServer;
  let gateway: TestGateway;
  const tokens: Record<string, string> = {};
  const pairs = new Map<string, { readonly mine: MadeObject; readonly theirs: MadeObject }>();
  const seen: { readonly operation: string; readonly id: string; readonly verdict: 'allow' | 'deny' }[] = [];
  let flowId = '';

  beforeAll(async () => {
    server = await sharedServer();
    const maker = await objectMaker(server);
    flowId = (await server.api('GET', '/flows/name/objects')).body.id;
    const kept = new Map<Kind, { mine: MadeObject; theirs: MadeObject }>();
    for (const [operation, { kind }] of Object.entries(ROWS)) {
      // What a call uses up is made for it alone.
      const isKept = routeById(operation).class === 'read';
      const pair = (isKept ? kept.get(kind) : undefined) ?? {
        mine: await maker.make(kind, 'objects-mine'),
        theirs: await maker.make(kind, 'objects-theirs'),
      };
      if (isKept) kept.set(kind, pair);
      pairs.set(operation, pair);
    }
    const places = [...new Set([...pairs.values()].map(({ mine }) => mine.place))];
    const rules = `- name: mine\n  who: [group:owners]\n  can: [prefect.*, prefect.block.read_secret]\n  on:\n${places
      .map((place) => `    - "prefect/${place}/**"\n`)
      .join('')}`;
    const lists = '- {name: lists, who: [user:nina@acme.example], can: [prefect.flow_run.list], on: [prefect/flow-runs]}\n';
    gateway = await startFairlead({ prefect: server, rules: rules + lists });
    for (const name of ['mona', 'nina']) tokens[name] = await gateway.person(name, ['owners']);
  }, 300_000);
  afterAll(() => gateway?.close());

  const bodyOf = (operation: string, { body }: Row, object: MadeObject): unknown =>
    operation === 'POST /deployments/' ? { flow_id: flowId, name: object.name, entrypoint: 'flow.py:objects' } : body?.(object);
  const pathOf = (operation: string, { path }: Row, object: MadeObject): string =>
    path?.(object) ?? operation.slice(operation.indexOf(' ') + 1).replace('{id}', object.id);

  async function send(operation: string, row: Row, object: MadeObject): Promise<Answer> {
    const method = operation.slice(0, operation.indexOf(' '));
    return await gateway.api(
      tokens[CALLERS[operation] ?? 'mona'],
      method,
      pathOf(operation, row, object),
      bodyOf(operation, row, object),
    );
  }

  it('is named here when its path names one', () => {
    const named = API_ROUTES.filter(({ id }) => id.includes('{') && !id.startsWith('WS ')).map(({ id }) => id);
    expect(named.filter((id) => !Object.hasOwn(ROWS, id) && !WITHOUT_OBJECT.has(id))).toEqual([]);
  });

  it.each(Object.entries(ROWS))(
    '%s: the rule that names the first object allows it and refuses the second',
    async (operation, row) => {
      const pair = pairs.get(operation);
      if (pair === undefined) throw new Error('no objects');
      const theirs = await send(operation, row, pair.theirs);
      seen.push({ operation, id: theirs.headers.get('x-fairlead-decision') ?? '', verdict: 'deny' });
      const isPoll = routeById(operation).class === 'poll';
      if (isPoll) expect(['[]', '']).toContain(theirs.text);
      else expect([403, 404]).toContain(theirs.status);

      const mine = await send(operation, row, pair.mine);
      expect(mine.status, mine.text).toBeLessThan(300);
      seen.push({ operation, id: mine.headers.get('x-fairlead-decision') ?? '', verdict: 'allow' });
    },
  );

  it.each(Object.entries(ROWS).filter(([operation]) => routeById(operation).isOne))(
    '%s: the refusal is word for word what the server says of an object that is not there',
    async (operation, row) => {
      const pair = pairs.get(operation);
      if (pair === undefined) throw new Error('no objects');
      const { theirs } = pair;
      const nowhere: MadeObject = { ...theirs, id: randomUUID(), name: 'objects-nowhere-0', other: randomUUID() };
      const method = operation.slice(0, operation.indexOf(' '));
      const refused = await send(operation, row, theirs);
      const missing = [await send(operation, row, nowhere)];
      if (!EMPTY_WHERE_MISSING.has(operation)) {
        missing.push(await server.api(method, pathOf(operation, row, nowhere), bodyOf(operation, row, nowhere)));
      }
      for (const { status, text } of missing) {
        expect(refused.status).toBe(status);
        const translated = text.replaceAll(nowhere.id, theirs.id).replaceAll(nowhere.name, theirs.name);
        expect(refused.body).toEqual(JSON.parse(translated));
      }
    },
  );

  it('every one of these stands in the record with its verdict', async () => {
    // Reads are written within a second.
    await sleep(1_500);
    for (const { operation, id, verdict } of seen) {
      const { entries } = await gateway.admin.searchDecisions({ decisionId: id });
      // Polls are folded: the same caller, action and verdict is one entry, of the first operation that asked.
      const isPoll = routeById(operation).class === 'poll';
      const found = { type: 'decision.v1', decision: { verdict }, ...(isPoll ? {} : { operation }) };
      expect(entries[0], `${operation} ${id}`).toMatchObject(found);
    }
    expect(seen.length).toBe(2 * Object.keys(ROWS).length);
  });
});
