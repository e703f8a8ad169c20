import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFairlead, type TestGateway } from '../support/fairlead.ts';
import { type Forwarder, startForwarder } from '../support/forwarder.ts';
import { deployDirectly, type PrefectServer, startStock, until } from '../support/prefect.ts';
import { mustOpen, type OpenSocket, openWebSocket } from '../support/socket.ts';
import { describeWithPrefect, sharedServer, theEnvironment } from '../support/with-prefect.ts';

const RULES = `
- name: emitters
  who: [group:emitters]
  can: [prefect.event.connect, prefect.event.emit, prefect.server.read]
  on: [prefect/server, prefect/events, "prefect/events/sockets.*"]
- name: watchers
  who: [group:watchers]
  can: [prefect.event.connect, prefect.event.list]
  on: [prefect/events, "prefect/events/sockets.*"]
- name: workers
  who: [workload:team/worker]
  can: [prefect.role.worker]
  on: [prefect/server, prefect/events, "prefect/work-pools/sockets/**"]
`;

const WITHOUT_WATCHERS = RULES.replace(/- name: watchers\n(?: {2}.*\n){3}/, '');

describeWithPrefect('sockets through the gateway', () => {
  let server: PrefectServer;
  let way: Forwarder;
  let gateway: TestGateway;

  beforeAll(async () => {
    server = await sharedServer();
    way = await startForwarder(server.port);
    gateway = await startFairlead({ prefect: { url: way.url, authString: server.authString }, rules: RULES });
    await deployDirectly(server, { flow: 'sockets', name: 'nightly', pool: 'sockets' });
  });
  afterAll(async () => {
    await gateway?.close();
    await way?.close();
  });

  const at = (path: string): string => `${gateway.url}/api${path}`;
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const emitter = (name = 'emma') => gateway.person(name, ['emitters']);
  const watcher = (name = 'wanda') => gateway.person(name, ['watchers']);

  /** `/events/in` as stock clients open it under custom headers. */
  async function openIn(token: string): Promise<OpenSocket> {
    const socket = await mustOpen(at('/events/in'), bearer(token));
    socket.send({ type: 'auth', token: null });
    expect(JSON.parse(await socket.next())).toEqual({ type: 'auth_success' });
    return socket;
  }

  /** `/events/out` with the token in the first message, as in cloud mode. */
  async function openOut(token: string, name: string): Promise<OpenSocket> {
    const socket = await mustOpen(at('/events/out'));
    socket.send({ type: 'auth', token });
    expect(JSON.parse(await socket.next())).toEqual({ type: 'auth_success' });
    // As stock clients ask: until when nothing is said is now, and nothing would ever come.
    const occurred = { since: new Date().toISOString(), until: new Date(Date.now() + 86_400_000).toISOString() };
    socket.send({ type: 'filter', filter: { occurred, event: { name: [name] } } });
    return socket;
  }

  async function openChannel(pool: string, token: string): Promise<OpenSocket> {
    const socket = await mustOpen(at(`/work_pools/${pool}/workers/connect`), bearer(token));
    socket.send({ type: 'auth', token: null });
    expect(JSON.parse(await socket.next())).toEqual({ type: 'auth_success' });
    socket.send(hello('sockets-worker'));
    return socket;
  }

  const eventsNamed = async (name: string) => {
    const found = await server.api('POST', '/events/filter', { filter: { event: { name: [name] } }, limit: 50 });
    return found.body.events as { resource: Record<string, string> }[];
  };
  const untilEvent = (name: string) =>
    until(async () => ((await eventsNamed(name)).length > 0 ? true : undefined), 15_000, `the event ${name}`);

  it("a stock client's events arrive, and those that only the server writes are left out", async () => {
    const stock = { environment: theEnvironment(), url: gateway.url, token: await emitter() };
    const ended = await startStock(stock, ['-c', EMIT]).exited;
    expect(ended.code, ended.output).toBe(0);
    await untilEvent('sockets.stock');
    expect(await eventsNamed('prefect.automation.triggered.forged')).toEqual([]);
  });

  it('an event that the policy does not grant is dropped, and the socket goes on', async () => {
    const socket = await openIn(await emitter());
    socket.send(event('others.thing'));
    socket.send(event('sockets.after-others'));
    await untilEvent('sockets.after-others');
    expect(await eventsNamed('others.thing')).toEqual([]);
    socket.end();
  });

  it('without any credential `/events/in` is refused, and the log names the setting that carries one', async () => {
    const opened = await openWebSocket(at('/events/in'));
    expect(opened).toMatchObject({ kind: 'refused', status: 401 });
    const log = await until(
      () => {
        const text = readFileSync(join(gateway.folder, 'gateway.log'), 'utf8');
        return text.includes('PREFECT_CLIENT_CUSTOM_HEADERS') ? text : undefined;
      },
      2_000,
      'a line that names the setting',
    );
    expect(log).toContain('WS /events/in');
  });

  it('a socket whose first message holds no token is closed with a reason that names the setting', async () => {
    const socket = await mustOpen(at('/events/out'));
    socket.send({ type: 'auth', token: null });
    const { code, reason } = await socket.closed;
    expect(code).toBe(1008);
    expect(reason).toContain('PREFECT_CLIENT_CUSTOM_HEADERS');
  });

  it('a token in the first message is the identity of `/events/out`, and the filter is decided', async () => {
    const socket = await openOut(await watcher(), 'sockets.watched');
    await until(
      async () => {
        await server.api('POST', '/events', [event('sockets.watched')]);
        return socket.messages.some((text) => text.includes('sockets.watched')) ? true : undefined;
      },
      15_000,
      'the watched event',
    );
    socket.end();

    const other = await openOut(await watcher(), 'others.watched');
    expect(await other.closed).toMatchObject({ code: 1008 });
    const forged = await mustOpen(at('/events/out'));
    forged.send({ type: 'auth', token: 'forged' });
    expect(await forged.closed).toMatchObject({ code: 1008 });
  });

  it('the worker channel takes the hello of a worker of that pool, and of no other', async () => {
    const token = await gateway.workload('team/worker');
    const socket = await openChannel('sockets', token);
    expect(JSON.parse(await socket.next())).toMatchObject({ type: 'worker.ready.v1' });
    socket.end();
    await deployDirectly(server, { flow: 'sockets', name: 'elsewhere', pool: 'sockets-other' });
    await expect(openChannel('sockets-other', token)).rejects.toThrow();
    const workers = await server.api('POST', '/work_pools/sockets-other/workers/filter', {});
    expect(workers.body).toEqual([]);
  });

  it('a revocation closes every open socket of the revoked within a second, and keeps the door shut', async () => {
    const emmaToken = await emitter('revoked-emma');
    const wandaToken = await watcher('revoked-wanda');
    const sockets = { in: await openIn(emmaToken), out: await openOut(wandaToken, 'sockets.revoked') };
    const bystander = await openIn(await emitter());
    for (const [name, socket] of [
      ['revoked-emma', sockets.in],
      ['revoked-wanda', sockets.out],
    ] as const) {
      const before = Date.now();
      await gateway.admin.revoke({ subject: `user:${name}@acme.example` });
      const closed = await socket.closed;
      expect(closed.code).toBe(1008);
      expect(closed.atMs - before).toBeLessThan(1_000);
    }
    expect(await openWebSocket(at('/events/in'), bearer(emmaToken))).toMatchObject({ kind: 'refused', status: 401 });
    bystander.send(event('sockets.bystander'));
    await untilEvent('sockets.bystander');
    bystander.end();
  });

  it("a revoked workload's channel closes within a second", async () => {
    const token = await gateway.workload('team/worker');
    const socket = await openChannel('sockets', token);
    await socket.next();
    const before = Date.now();
    await gateway.admin.revoke({ subject: 'workload:team/worker' });
    const closed = await socket.closed;
    expect(closed.code).toBe(1008);
    expect(closed.atMs - before).toBeLessThan(1_000);
    await gateway.admin.lift('workload:team/worker');
  });

  it('a policy that no longer grants an open stream closes it with a code that clients come back after', async () => {
    const socket = await openOut(await watcher(), 'sockets.policy');
    const bystander = await openIn(await emitter());
    await gateway.apply(WITHOUT_WATCHERS);
    expect(await socket.closed).toMatchObject({ code: 1012 });
    await gateway.apply(RULES);
    bystander.send(event('sockets.policy-bystander'));
    await untilEvent('sockets.policy-bystander');
    bystander.end();
  });

  it('while the server is down `/events/in` is accepted, held, and delivered when it is back', async () => {
    await way.down();
    const socket = await mustOpen(at('/events/in'), bearer(await emitter()));
    socket.send({ type: 'auth', token: null });
    socket.send(event('sockets.held'));
    await expect(socket.next(1_500)).rejects.toThrow('no message');
    await way.up();
    expect(JSON.parse(await socket.next(10_000))).toEqual({ type: 'auth_success' });
    await untilEvent('sockets.held');
    socket.end();
  });

  it('a drain ends sockets with 1012, and they come back to the gateway that follows', async () => {
    const token = await emitter();
    const socket = await openIn(token);
    const restarted = gateway.restart();
    expect(await socket.closed).toMatchObject({ code: 1012 });
    await restarted;
    const again = await openIn(token);
    again.send(event('sockets.after-restart'));
    await untilEvent('sockets.after-restart');
    again.end();
  });
});

function event(name: string): Record<string, unknown> {
  return {
    id: randomUUID(),
    occurred: new Date().toISOString(),
    event: name,
    resource: { 'prefect.resource.id': `sockets.thing.${name}` },
    related: [],
    payload: {},
  };
}

function hello(worker: string): Record<string, unknown> {
  return {
    type: 'worker.hello.v1',
    id: randomUUID(),
    sent_at: new Date().toISOString(),
    payload: {
      consumer_id: randomUUID(),
      worker_name: worker,
      worker_type: 'process',
      heartbeat_interval_seconds: 30,
      supported_channel_versions: ['work_pool_worker_channel.v1'],
      requested_capabilities: ['worker_heartbeat.v1', 'work_pool_snapshot.v1'],
    },
  };
}

const EMIT = `
from prefect.events import emit_event
from prefect.events.worker import EventsWorker

emit_event("prefect.automation.triggered.forged", resource={"prefect.resource.id": "sockets.forged"})
emit_event("sockets.stock", resource={"prefect.resource.id": "sockets.thing.stock"})
EventsWorker.drain_all(timeout=20)
`;
