import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../core/access.ts';
import { Problem } from '../../../core/problem.ts';
import type { JsonValue } from '../../../wire/call.ts';
import type { Call, FrameVerdict, SocketPlan } from '../../target.ts';
import { ADA, contextOf, DECISION_ID, headOf } from '../../testing.ts';
import { routeById } from '../routes.ts';
import type { SocketContext, SocketObjects } from './objects.ts';
import { socketPlan } from './plan.ts';

const RUN = '0198c0de-0000-7000-8000-000000000001';
const OTHER_RUN = '0198c0de-0000-7000-8000-000000000002';
const NO_RUN = '0198c0de-0000-7000-8000-00000000000f';
const TASK = '0198c0de-0000-7000-8000-0000000000a1';
const OTHER_TASK = '0198c0de-0000-7000-8000-0000000000a2';
const LONE_TASK = '0198c0de-0000-7000-8000-0000000000a3';
const NEW_TASK = '0198c0de-0000-7000-8000-0000000000af';
const POOL = '0198c0de-0000-7000-8000-0000000000b1';
const EVENT = '0198c0de-0000-7000-8000-0000000000e1';

const at = (...path: string[]): Resource => ({ path: ['prefect', ...path], attributes: {} });
const RUNS: Readonly<Record<string, Resource>> = {
  [RUN]: at('deployments', 'etl', 'nightly', 'runs', RUN),
  [OTHER_RUN]: at('deployments', 'fraud', 'hourly', 'runs', OTHER_RUN),
};
const TASKS: Readonly<Record<string, string | null>> = { [TASK]: RUN, [OTHER_TASK]: OTHER_RUN, [LONE_TASK]: null };

const placeOf = (resource: Resource | undefined, ...continues: string[]) =>
  resource === undefined ? undefined : { resource, continues };

const objects: SocketObjects = {
  flowRun: async (id) => placeOf(RUNS[id], `flow-run:${id}`, 'flow-run:PARENT'),
  flowRunOfTask: async (id) => TASKS[id],
  workPool: async (id) => placeOf(id === POOL ? at('work-pools', 'etl') : undefined),
  workPoolNamed: (name) => ({ resource: at('work-pools', name), continues: [] }),
};

function planOf(id: string, changes: Partial<SocketContext> = {}, params: Record<string, string> = {}): SocketPlan {
  const { class: kind, body, identity } = routeById(id);
  const operation = { id, class: kind, body, identity, params, upgrade: true };
  const call: Call = {
    operation,
    head: headOf('GET', '/api/x', { upgrade: true }),
    caller: ADA,
    body: undefined,
    decisionId: DECISION_ID,
  };
  const plan = socketPlan(call, { ...contextOf(), objects, ...changes });
  if (plan === undefined) throw new Error('this socket has no plan');
  return plan;
}

const SOCKETS = [
  'WS /events/in',
  'WS /events/out',
  'WS /logs/out',
  'WS /task_runs/subscriptions/scheduled',
  'WS /work_pools/{work_pool_name}/workers/connect',
];
const AUTH = '{"type":"auth","token":"pnu_secret"}';

/** What the message after the handshake asks for, as `ACTION RESOURCE`. */
async function asks(plan: SocketPlan, frame: unknown): Promise<readonly string[] | FrameVerdict['kind']> {
  await plan.fromClient(AUTH, ADA);
  const verdict = await plan.fromClient(JSON.stringify(frame), ADA);
  if (verdict.kind !== 'ask') return verdict.kind;
  return verdict.requests.map((request) => `${request.action} ${request.resource.path.slice(1).join('/')}`);
}

describe('the handshake of a socket', () => {
  it.each(SOCKETS)('on %s carries the caller’s token in, and the server’s secret up', async (id) => {
    const plan = planOf(id);
    expect(plan.firstFrameToken?.(AUTH)).toBe('pnu_secret');
    expect(await plan.fromClient(AUTH, ADA)).toEqual({ kind: 'forward' });
    expect(JSON.parse(plan.forwardFirstFrame?.(AUTH, 'admin:pass') ?? '')).toEqual({ type: 'auth', token: 'admin:pass' });
    expect(JSON.parse(plan.forwardFirstFrame?.(AUTH, undefined) ?? '')).toEqual({ type: 'auth', token: null });
  });

  it.each(['{"type":"auth","token":null}', '{"type":"auth"}', '{"type":"auth","token":7}', '{"type":"filter"}', '[]', 'x', ''])(
    'finds no token in %s',
    (text) => {
      expect(planOf('WS /events/out').firstFrameToken?.(text)).toBeUndefined();
    },
  );

  it('is not taken twice', async () => {
    for (const id of SOCKETS) {
      const plan = planOf(id);
      await plan.fromClient(AUTH, ADA);
      expect((await plan.fromClient(AUTH, ADA)).kind).toBe('close');
    }
  });
});

describe('any message', () => {
  it.each(SOCKETS)('on %s ends in a verdict, and nothing but JSON objects gets on', async (id) => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ type: 'filter', filter: value })),
      fc.jsonValue().map((value) => JSON.stringify({ type: 'worker.hello.v1', payload: value })),
      fc.jsonValue().map((value) => JSON.stringify({ type: 'subscribe', keys: value })),
      fc.jsonValue().map((value) => JSON.stringify({ id: EVENT, event: 'x', resource: value, related: value })),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (first, second) => {
        const plan = planOf(id);
        for (const message of [first, second]) {
          const verdict = await plan.fromClient(message, ADA);
          expect(['forward', 'drop', 'ask', 'close']).toContain(verdict.kind);
          if (verdict.kind === 'forward') expect(JSON.parse(message)).toBeTypeOf('object');
          if (verdict.kind === 'close') expect(Buffer.byteLength(verdict.reason)).toBeLessThanOrEqual(123);
        }
      }),
    );
  });

  it('brings the client back when the server did not say what it names', async () => {
    const failing = async () => {
      throw new Problem({ code: 'LOOKUP_UNAVAILABLE', kind: 'fault', message: 'no answer' });
    };
    const plan = planOf('WS /events/in', { objects: { ...objects, flowRun: failing } });
    const verdict = await plan.fromClient(JSON.stringify(eventOf('x', `prefect.flow-run.${RUN}`)), ADA);
    expect(verdict).toMatchObject({ kind: 'close', code: 1012 });
  });

  it.each(['{"a":1,"a":2}', '{"event":"x"}', '\ud800', '{"id":1}'])('that is no event ends the socket: %s', async (text) => {
    expect(await planOf('WS /events/in').fromClient(text, ADA)).toMatchObject({ kind: 'close', code: 1007 });
  });
});

function eventOf(event: string, about: string, related: readonly (readonly [role: string, id: string])[] = []): JsonValue {
  return {
    id: EVENT,
    event,
    occurred: '2026-11-25T05:00:00Z',
    resource: { 'prefect.resource.id': about },
    related: related.map(([role, id]) => ({ 'prefect.resource.id': id, 'prefect.resource.role': role })),
    payload: {},
  };
}

/** A task run's event with what its payload says of the task run: the server records that. */
function recording(taskRun: Record<string, JsonValue>): JsonValue {
  const event = eventOf('prefect.task-run.Completed', `prefect.task-run.${TASK}`, [['flow-run', `prefect.flow-run.${RUN}`]]);
  return { ...(event as Record<string, JsonValue>), payload: { task_run: taskRun, validated_state: { type: 'COMPLETED' } } };
}

describe('an event from a client', () => {
  const run = `prefect.flow-run.${RUN}`;
  const on = `deployments/etl/nightly/runs/${RUN}`;
  const onOther = `deployments/fraud/hourly/runs/${OTHER_RUN}`;

  it.each<[string, JsonValue, readonly string[]]>([
    ['about the state of a run', eventOf('prefect.flow-run.heartbeat', run), [`prefect.flow_run.report ${on}`]],
    [
      'about the state of a task run',
      eventOf('prefect.task-run.Completed', `prefect.task-run.${TASK}`, [['flow-run', run]]),
      [`prefect.task_run.report ${on}`],
    ],
    [
      'about a task run that the server does not know yet',
      eventOf('prefect.task-run.Pending', `prefect.task-run.${NEW_TASK}`, [['flow-run', run]]),
      [`prefect.task_run.report ${on}`],
    ],
    [
      'about a task run of another run than it says',
      eventOf('prefect.task-run.Completed', `prefect.task-run.${OTHER_TASK}`, [['flow-run', run]]),
      [`prefect.task_run.report ${on}`, `prefect.task_run.report ${onOther}`],
    ],
    [
      'about a task run of its own whose payload has the server record another one',
      recording({ id: OTHER_TASK }),
      [`prefect.task_run.report ${on}`, `prefect.task_run.report ${onOther}`],
    ],
    [
      'about a task run of its own whose payload has the server record it for another run',
      recording({ flow_run_id: OTHER_RUN }),
      [`prefect.task_run.report ${on}`, `prefect.task_run.report ${onOther}`],
    ],
    [
      'whose payload names a run in a spelling that the server alone reads',
      recording({ flow_run_id: `{${OTHER_RUN}}` }),
      [`prefect.task_run.report ${on}`, 'prefect.event.emit_system events/prefect.task-run.Completed'],
    ],
    [
      'whose payload names what it is about',
      recording({ id: TASK, flow_run_id: RUN, name: 'step' }),
      [`prefect.task_run.report ${on}`],
    ],
    [
      'about a task run outside any flow',
      eventOf('prefect.task-run.Completed', `prefect.task-run.${LONE_TASK}`),
      [`prefect.task_run.report task-runs/${LONE_TASK}`],
    ],
    ['of the user’s own, in a run', eventOf('order.shipped', 'order.1', [['flow-run', run]]), [`prefect.event.emit ${on}`]],
    [
      'that names two runs',
      eventOf('order.shipped', 'order.1', [
        ['flow-run', run],
        ['x', `prefect.flow-run.${OTHER_RUN}`],
      ]),
      [`prefect.event.emit ${on}`, `prefect.event.emit ${onOther}`],
    ],
    ['of the user’s own, outside any run', eventOf('order.shipped', 'order.1'), ['prefect.event.emit events/order.shipped']],
    [
      'of a worker',
      eventOf('prefect.worker.started', 'prefect.worker.process.w', [['work-pool', `prefect.work-pool.${POOL}`]]),
      ['prefect.worker.report work-pools/etl'],
    ],
    [
      'that only the server writes',
      eventOf('prefect.deployment.updated', `prefect.deployment.${RUN}`, [['flow-run', run]]),
      [`prefect.event.emit ${on}`, 'prefect.event.emit_system events/prefect.deployment.updated'],
    ],
    [
      'of the user’s own name about an object of the server',
      eventOf('order.shipped', `prefect.deployment.${RUN}`, [['flow-run', run]]),
      [`prefect.event.emit ${on}`, 'prefect.event.emit_system events/order.shipped'],
    ],
    [
      'about the state of a run that does not exist',
      eventOf('prefect.flow-run.Completed', `prefect.flow-run.${NO_RUN}`),
      ['prefect.event.emit_system events/prefect.flow-run.Completed'],
    ],
    [
      'about the state of a run under another object’s name',
      eventOf('prefect.flow-run.Completed', 'order.1', [['flow-run', run]]),
      [`prefect.flow_run.report ${on}`, 'prefect.event.emit_system events/prefect.flow-run.Completed'],
    ],
    [
      'with a run id that is none',
      eventOf('order.shipped', 'prefect.flow-run.%2e'),
      ['prefect.event.emit_system events/order.shipped'],
    ],
    [
      'that a block sends in a run',
      eventOf('prefect.block.secret.loaded', 'prefect.block-document.1', [['flow-run', run]]),
      [`prefect.event.emit ${on}`],
    ],
  ])('%s asks for the right that it needs', async (_, event, expected) => {
    expect(await asks(planOf('WS /events/in'), event)).toEqual(expected);
  });

  it('goes on for a run that was let in before, and is left out when refused', async () => {
    const verdict = await planOf('WS /events/in').fromClient(JSON.stringify(eventOf('x', run)), ADA);
    expect(verdict).toMatchObject({
      kind: 'ask',
      onDeny: 'drop',
      requests: [{ continues: [`flow-run:${RUN}`, 'flow-run:PARENT'] }],
    });
  });

  it.each(['fairlead.decision.denied', 'Fairlead.x', 'fairlead'])('never speaks in Fairlead’s name: %s', async (name) => {
    expect(await asks(planOf('WS /events/in'), eventOf(name, 'x'))).toBe('drop');
    expect(await asks(planOf('WS /events/in'), eventOf('x', `${name}.1`))).toBe('drop');
  });

  it('is refused when it names too much', async () => {
    const many = Array.from({ length: 101 }, (_, index) => ['x', `order.${index}`] as const);
    expect(await asks(planOf('WS /events/in'), eventOf('x', 'y', many))).toBe('close');
  });

  it('asks with the name that conditions read', async () => {
    const verdict = await planOf('WS /events/in').fromClient(JSON.stringify(eventOf('order.shipped', 'order.1')), ADA);
    expect(verdict).toMatchObject({ requests: [{ attributes: { method: 'WS /events/in', event: 'order.shipped' } }] });
  });
});

describe('a filter on the events of the server', () => {
  const filterOf = (filter: JsonValue) => ({ type: 'filter', backfill: true, filter });
  const run = `prefect.flow-run.${RUN}`;
  const pool = `prefect.work-pool.${POOL}`;
  const read = `prefect.flow_run.read deployments/etl/nightly/runs/${RUN}`;
  const all = 'prefect.event.list events';

  it.each<[string, JsonValue, readonly string[]]>([
    ['of one run', { any_resource: { id: [run] } }, [read]],
    [
      'of one run, as `--watch` sends it',
      { any_resource: { id: [run], id_prefix: null, labels: null }, event: null, id: { id: null } },
      [read],
    ],
    ['about one run', { event: { prefix: ['prefect.flow-run'] }, resource: { id: [run] } }, [read]],
    ['of a run among other conditions', { any_resource: [{ id_prefix: ['prefect.'] }, { id: [run] }] }, [read]],
    ['of a run that does not exist', { any_resource: { id: [`prefect.flow-run.${NO_RUN}`] } }, [all]],
    ['of a run and of something else', { any_resource: { id: [run, 'order.1'] } }, [all]],
    [
      'of a worker’s pool',
      { event: { name: ['prefect.flow-run.Cancelling'] }, any_resource: { id: [pool] } },
      ['prefect.worker.connect work-pools/etl'],
    ],
    ['of a pool, whatever happens', { any_resource: { id: [pool] } }, [all]],
    [
      'of what every run watches for',
      { event: { name: ['prefect.flow-run.Cancelling'] } },
      ['prefect.event.connect events/prefect.flow-run.Cancelling'],
    ],
    ['of one name', { event: { name: ['order.shipped'] } }, ['prefect.event.list events/order.shipped']],
    ['with an empty list of ids, which means all', { any_resource: { id: [] } }, [all]],
    ['with an empty list of names, which means all', { event: { name: [] } }, [all]],
    ['with related objects, which the live stream ignores', { related: { id: [run] } }, [all]],
    ['with patterns', { resource: { labels: { 'prefect.resource.id': [run] } } }, [all]],
    ['with a prefix that is a whole id', { any_resource: { id_prefix: [run] } }, [all]],
    ['with an id that is no text', { any_resource: { id: [run, 7] } }, [all]],
    ['of nothing in particular', {}, [all]],
  ])('%s asks for what it would get', async (_, filter, expected) => {
    expect(await asks(planOf('WS /events/out'), filterOf(filter))).toEqual(expected);
  });

  it.each([{ type: 'filter' }, { type: 'filter', filter: [] }, { type: 'subscribe', filter: {} }, { filter: {} }])(
    'is needed: %j',
    async (frame) => {
      expect(await asks(planOf('WS /events/out'), frame)).toBe('close');
    },
  );

  it('is set once', async () => {
    const plan = planOf('WS /events/out');
    await asks(plan, filterOf({ any_resource: { id: [run] } }));
    expect((await plan.fromClient(JSON.stringify(filterOf({})), ADA)).kind).toBe('close');
  });

  it('closes the socket when it is refused', async () => {
    const plan = planOf('WS /events/out');
    expect(await plan.fromClient(JSON.stringify(filterOf({})), ADA)).toMatchObject({ kind: 'ask', onDeny: 'close' });
  });

  it('is narrow only if every list in it that bounds it is', async () => {
    const lists = fc.array(fc.constantFrom(run, `prefect.flow-run.${OTHER_RUN}`, 'order.1', 'prefect.flow-run.x', ''), {
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(lists, lists, async (about, any) => {
        const asked = await asks(planOf('WS /events/out'), filterOf({ resource: { id: about }, any_resource: { id: any } }));
        const isBounded = [about, any].some((ids) => ids.length > 0 && ids.every((id) => /^prefect\.flow-run\.0198/.test(id)));
        expect((asked as readonly string[]).includes(all)).toBe(!isBounded);
      }),
    );
  });
});

describe('a filter on log lines', () => {
  const read = `prefect.log.read deployments/etl/nightly/runs/${RUN}`;
  const all = 'prefect.log.list logs';

  it.each<[JsonValue, readonly string[]]>([
    [{ flow_run_id: { any_: [RUN] } }, [read]],
    [{ operator: 'and_', flow_run_id: { any_: [RUN] }, level: { ge_: 20 } }, [read]],
    [{ task_run_id: { any_: [TASK] } }, [read]],
    [{ task_run_id: { any_: [TASK, LONE_TASK] } }, [read, all]],
    [{ operator: 'or_', flow_run_id: { any_: [RUN] } }, [all]],
    [{ flow_run_id: { any_: [] } }, [all]],
    [{ flow_run_id: { any_: [NO_RUN] } }, [all]],
    [{ level: { ge_: 20 } }, [all]],
    [{}, [all]],
  ])('%j asks for what it would get', async (filter, expected) => {
    expect(await asks(planOf('WS /logs/out'), { type: 'filter', filter })).toEqual(expected);
  });
});

describe('a worker’s channel', () => {
  const hello = (payload: Record<string, JsonValue> = {}) => ({
    type: 'worker.hello.v1',
    id: EVENT,
    sent_at: '2026-11-25T05:00:00Z',
    payload: { worker_name: 'w1', create_pool_if_not_found: true, default_base_job_template: { a: 1 }, ...payload },
  });
  const withPool = (body: JsonValue | undefined, status = 200) =>
    planOf(
      'WS /work_pools/{work_pool_name}/workers/connect',
      { upstream: { json: async () => ({ status, body }) } },
      { work_pool_name: body === undefined ? 'new' : 'etl' },
    );

  it('asks to connect to its pool', async () => {
    expect(await asks(withPool({ base_job_template: { a: 1 } }), hello())).toEqual(['prefect.worker.connect work-pools/etl']);
  });

  it('asks to create the pool when there is none, and the worker would', async () => {
    const connect = 'prefect.worker.connect work-pools/new';
    expect(await asks(withPool(undefined, 404), hello())).toEqual([connect, 'prefect.work_pool.create work-pools']);
    expect(await asks(withPool(undefined, 404), hello({ create_pool_if_not_found: false }))).toEqual([connect]);
  });

  it('asks to change the pool when its empty template would be filled', async () => {
    const connect = 'prefect.worker.connect work-pools/etl';
    expect(await asks(withPool({ base_job_template: {} }), hello())).toEqual([
      connect,
      'prefect.work_pool.update work-pools/etl',
    ]);
    expect(await asks(withPool({ base_job_template: {} }), hello({ default_base_job_template: {} }))).toEqual([connect]);
  });

  it('is brought back when the server does not say', async () => {
    const plan = withPool({}, 500);
    await plan.fromClient(AUTH, ADA);
    expect(await plan.fromClient(JSON.stringify(hello()), ADA)).toMatchObject({ kind: 'close', code: 1012 });
  });

  it.each<[string, unknown, string]>([
    ['its heartbeat', { type: 'worker.heartbeat.v1', payload: { worker_name: 'w1' } }, 'forward'],
    ['another worker’s heartbeat', { type: 'worker.heartbeat.v1', payload: { worker_name: 'w2' } }, 'close'],
    ['the end of a clean-up', { type: 'cleanup.ack.v1', payload: {} }, 'forward'],
    ['a second hello', hello({ worker_name: 'w2' }), 'close'],
    ['a frame that nobody knows', { type: 'worker.other.v1', payload: {} }, 'close'],
    ['a frame of the server', { type: 'worker.ready.v1', payload: {} }, 'close'],
  ])('after its hello carries %s or not', async (_, frame, kind) => {
    const plan = withPool({ base_job_template: { a: 1 } });
    await asks(plan, hello());
    expect((await plan.fromClient(JSON.stringify(frame), ADA)).kind).toBe(kind);
  });

  it.each([
    { type: 'worker.heartbeat.v1', payload: { worker_name: 'w1' } },
    { type: 'worker.hello.v1', payload: { worker_name: '' } },
    { type: 'worker.hello.v1' },
  ])('begins with a hello: %j', async (frame) => {
    expect(await asks(withPool({}), frame)).toBe('close');
  });
});

describe('a subscription to background tasks', () => {
  const plan = () => planOf('WS /task_runs/subscriptions/scheduled');

  it('asks for each of its task keys, once', async () => {
    const asked = await asks(plan(), { type: 'subscribe', keys: ['a.b-1', 'c', 'c'], client_id: 'x' });
    expect(asked).toEqual(['prefect.task_run.poll task-keys/a.b-1', 'prefect.task_run.poll task-keys/c']);
  });

  it.each([{ type: 'subscribe', keys: [] }, { type: 'subscribe' }, { type: 'subscribe', keys: [7] }, { type: 'ack' }])(
    'needs keys: %j',
    async (frame) => {
      expect(await asks(plan(), frame)).toBe('close');
    },
  );

  it('only acknowledges afterwards', async () => {
    const open = plan();
    await asks(open, { type: 'subscribe', keys: ['a'], client_id: 'x' });
    expect((await open.fromClient('{"type":"ack"}', ADA)).kind).toBe('forward');
    expect((await open.fromClient('{"type":"subscribe","keys":["b"]}', ADA)).kind).toBe('close');
  });
});
