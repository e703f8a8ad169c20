import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { HOST, type TestGateway, testGateway, until } from '../support/gateway.ts';
import { rawConnection, rawHead } from '../support/raw-client.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a drain', () => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await testGateway();
  });
  afterEach(() => gateway.close());

  it('fails no call: each is answered, or its connection is refused after the listener is gone', async () => {
    gateway.upstream.answer = (_request, response) => void setTimeout(() => response.end('ok'), Math.random() * 20);
    const failures: string[] = [];
    let answered = 0;
    let refused = 0;
    let isDraining = false;
    const loop = async (thinkMs: number): Promise<void> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (;;) {
        const result = await once(gateway.port, agent);
        if (result === 200) answered += 1;
        else if (result === 'ECONNREFUSED' && isDraining) {
          refused += 1;
          break;
        } else failures.push(`${result} ${isDraining}`);
        await pause(thinkMs);
      }
      agent.destroy();
    };
    const loops = [0, 0, 1, 5, 20, 50, 100, 250, 400].map(loop);
    await pause(400);
    // However slow the machine is.
    await until(() => answered > 50, 60_000);
    isDraining = true;
    const started = performance.now();
    await gateway.door.drain(8_000);
    expect(performance.now() - started).toBeLessThan(6_000);
    await Promise.all(loops);
    expect(failures).toEqual([]);
    expect(refused).toBe(loops.length);
  });

  it('says `connection: close` with the answers that are still to come', async () => {
    gateway.upstream.answer = (_request, response) => void setTimeout(() => response.end('ok'), 150);
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1'));
    await until(() => gateway.upstream.requests.length === 1);
    const drained = gateway.door.drain(5_000);
    const answer = await connection.answer();
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    await drained;
  });

  it('lets an answer of unknown length end in its own time', async () => {
    gateway.upstream.answer = (_request, response) => {
      response.write('a');
      setTimeout(() => response.end('b'), 500);
    };
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1'));
    await until(() => connection.rest().includes('\r\na'));
    const drained = gateway.door.drain(5_000);
    expect((await connection.answer()).body).toBe('ab');
    await drained;
    expect(await gateway.record.outcome()).toEqual({ kind: 'answered', status: 200 });
  });

  it('cuts what is left when the time is up, and records why', async () => {
    gateway.upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
    };
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1'));
    await until(() => connection.rest().includes('data: 1'));
    const started = performance.now();
    await gateway.door.drain(300);
    expect(performance.now() - started).toBeLessThan(1_500);
    expect(await connection.ended()).toBe(true);
    expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'drained' });
  });

  it('sends relayed sockets away with 1012 at once', async () => {
    await gateway.close();
    gateway = await testGateway({
      adapter: (http) => ({
        ...http,
        socket: () => ({
          maxMessageBytes: 1_000,
          fromClient: async () => ({ kind: 'forward' }),
          fromUpstream: () => ({ kind: 'forward' }),
        }),
      }),
    });
    gateway.upstream.onUpgrade = () => undefined;
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/open/ws`, {
      headers: { host: HOST, authorization: 'Bearer tok-ada' },
    });
    await new Promise((resolve) => socket.on('open', resolve));
    const closed = new Promise((resolve) => socket.on('close', (code, reason) => resolve([code, String(reason)])));
    const started = performance.now();
    await gateway.door.drain(5_000);
    expect(await closed).toEqual([1012, 'the gateway restarts']);
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(await gateway.record.outcome()).toMatchObject({ kind: 'broken', reason: 'drained' });
  });

  it('sends sockets away that still wait for their first message or for better times', async () => {
    await gateway.close();
    let isFrame = true;
    gateway = await testGateway({
      authenticator: {
        async identify() {
          throw new Error('down');
        },
      },
      adapter: (http) => ({
        ...http,
        match: (head) => ({ ...http.match(head), identity: isFrame ? 'frame' : 'caller', holdsUpgrade: true }),
        socket: () => ({
          maxMessageBytes: 1_000,
          firstFrameToken: () => undefined,
          fromClient: async () => ({ kind: 'forward' }),
          fromUpstream: () => ({ kind: 'forward' }),
        }),
      }),
    });
    const open = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/open/ws`, { headers: { host: HOST } });
      await new Promise((resolve) => socket.on('open', resolve));
      return new Promise((resolve) => socket.on('close', resolve));
    };
    const first = open();
    await pause(100);
    isFrame = false;
    const held = open();
    await until(() => gateway.metrics.text().includes('fairlead_held_sockets 1'));
    const started = performance.now();
    await gateway.door.drain(5_000);
    expect(performance.now() - started).toBeLessThan(3_000);
    expect([await first, await held]).toEqual([1012, 1012]);
  });

  it('is not held up by a connection on which nothing is said, nor by one that was refused', async () => {
    const silent = connect(gateway.port, '127.0.0.1');
    silent.on('error', () => undefined);
    const kept = rawConnection(gateway.port);
    kept.send(rawHead('GET /open/x HTTP/1.1'));
    await kept.answer();
    const started = performance.now();
    await gateway.door.drain(2_000);
    expect(performance.now() - started).toBeLessThan(3_000);
    silent.destroy();
  });
});

function once(port: number, agent: Agent): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { host: HOST, authorization: 'Bearer tok-ada' };
    const request = httpRequest({ host: '127.0.0.1', port, agent, path: '/open/x', headers }, (answer) => {
      answer.on('error', (error: NodeJS.ErrnoException) => resolve(`body ${error.code}`));
      answer.on('end', () => resolve(answer.statusCode ?? 0));
      answer.resume();
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.end();
  });
}
