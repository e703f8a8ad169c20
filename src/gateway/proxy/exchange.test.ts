import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GatewayOptions, policyOf, type TestGateway, testGateway, until } from '../../../test/support/gateway.ts';
import { call, rawConnection, rawHead } from '../../../test/support/raw-client.ts';
import { Problem } from '../../core/problem.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a call through the proxy door', () => {
  let gateway: TestGateway;
  const open = async (options: GatewayOptions = {}): Promise<TestGateway> => {
    gateway = await testGateway(options);
    return gateway;
  };
  afterEach(() => gateway.close());

  describe('order', () => {
    it('is on record before the upstream sees a byte of it', async () => {
      const order: string[] = [];
      await open({
        recorder: {
          async decision() {
            await pause(30);
            order.push(`recorded, ${gateway.upstream.rawText().length} bytes sent`);
          },
          outcome: () => void order.push('closed'),
        },
      });
      gateway.upstream.answer = (_request, response) => {
        order.push('reached');
        response.end();
      };
      await call(gateway.port, { method: 'POST', body: 'x' });
      await gateway.record.outcome();
      expect(order).toEqual(['recorded, 0 bytes sent', 'reached', 'closed']);
    });

    it('that is denied is on record too, and closed as not forwarded', async () => {
      await open();
      expect((await call(gateway.port, { path: '/closed' })).status).toBe(403);
      expect(gateway.record.decisions[0]).toMatchObject({ decision: { verdict: 'deny', code: 'NO_RULE' } });
      expect(await gateway.record.outcome()).toEqual({ kind: 'not_forwarded', status: 403 });
      expect(gateway.upstream.requests).toEqual([]);
    });
  });

  describe('POL-4 own faults', () => {
    const broken = (): never => {
      throw new Error('secret-detail');
    };
    const unavailable = async (): Promise<never> => {
      throw new Problem({ code: 'AUDIT_UNAVAILABLE', kind: 'fault', message: 'the record cannot be written' });
    };
    const cases: Readonly<Record<string, [GatewayOptions, code: string]>> = {
      'an authenticator that throws': [{ authenticator: { identify: broken } }, 'INTERNAL'],
      'an authenticator that rejects': [{ authenticator: { identify: async () => broken() } }, 'INTERNAL'],
      'a live check that throws': [{ authenticator: { confirm: async () => broken() } }, 'INTERNAL'],
      'a record that cannot be written': [{ recorder: { decision: unavailable } }, 'AUDIT_UNAVAILABLE'],
      'an adapter that throws in match': [{ adapter: (http) => ({ ...http, match: broken }) }, 'INTERNAL'],
      'an adapter that throws in classify': [{ adapter: (http) => ({ ...http, classify: broken }) }, 'INTERNAL'],
      'an adapter that throws in forward': [{ adapter: (http) => ({ ...http, forward: broken }) }, 'INTERNAL'],
      'an adapter that throws in response': [{ adapter: (http) => ({ ...http, response: broken }) }, 'INTERNAL'],
      'an adapter that throws in everything': [
        { adapter: (http) => ({ ...http, classify: broken, refuse: broken }) },
        'INTERNAL',
      ],
      'an adapter whose headers cannot be written': [
        { adapter: (http) => ({ ...http, forward: () => ({ set: { 'x-a': 'ü€\r\nx-b: 1' }, remove: [] }) }) },
        'INTERNAL',
      ],
    };
    for (const [what, [options, code]] of Object.entries(cases)) {
      it(`POL-4 ${what} is a 503 of ours, and nothing is forwarded`, async () => {
        await open(options);
        const answer = await call(gateway.port, { method: 'POST', body: 'x' });
        expect([answer.status, answer.json()['code']]).toEqual([503, code]);
        expect(answer.text).not.toContain('secret-detail');
        expect(gateway.upstream.requests).toEqual([]);
        expect(gateway.log.lines.map(({ event }) => event)).toContain('own_fault');
        await until(() => gateway.live.count() === 0);
      });
    }

    it('POL-4 a slow authenticator holds a call up, and lets nothing through meanwhile', async () => {
      await open({ authenticator: { identify: () => new Promise(() => undefined) } });
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('GET /open/x HTTP/1.1'));
      await pause(100);
      expect([gateway.upstream.requests.length, connection.rest()]).toEqual([0, '']);
      connection.close();
    });
  });

  describe('and its client', () => {
    it('STRM-7 that leaves takes the upstream call with it', async () => {
      await open();
      gateway.upstream.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
      };
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('GET /open/x HTTP/1.1'));
      await until(() => connection.rest().includes('data: 1'));
      connection.close();
      await until(() => gateway.upstream.requests[0]?.isAborted === true, 1_000);
      expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'client' });
      expect(gateway.live.count()).toBe(0);
    });

    it('that leaves before there is an answer does too', async () => {
      await open();
      gateway.upstream.answer = () => undefined;
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('GET /open/x HTTP/1.1'));
      await until(() => gateway.upstream.requests.length === 1);
      connection.close();
      await until(() => gateway.upstream.requests[0]?.isAborted === true, 1_000);
      expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'client' });
    });

    it('that leaves while the call walks never reaches the upstream', async () => {
      let go = (): void => undefined;
      const gate = new Promise<void>((resolve) => {
        go = resolve;
      });
      await open({ recorder: { decision: () => gate } });
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('POST /open/x HTTP/1.1', ['Content-Length: 0']));
      await pause(50);
      connection.close();
      await pause(50);
      go();
      expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'client' });
      await pause(50);
      expect([gateway.upstream.requests.length, gateway.live.count()]).toEqual([0, 0]);
    });

    it('that leaves in the midst of its body takes the upstream call with it', async () => {
      await open();
      const connection = rawConnection(gateway.port);
      connection.send(`${rawHead('POST /open/x HTTP/1.1', ['Content-Length: 100'])}abc`);
      await until(() => gateway.upstream.requests[0]?.body().toString() === 'abc');
      connection.close();
      await until(() => gateway.upstream.requests[0]?.isAborted === true, 1_000);
      expect(gateway.upstream.requests[0]?.isComplete).toBe(false);
      expect(await gateway.record.outcome()).toMatchObject({ kind: 'broken', reason: 'client' });
    });
  });

  describe('and its upstream', () => {
    const code = (answer: { json(): Record<string, unknown>; status: number }) => [answer.status, answer.json()['code']];

    it.each(['GET', 'POST'])('that is not there is a 502 with the decision, on %s', async (method) => {
      await open({ upstreamUrl: 'http://127.0.0.1:9' });
      const answer = await call(gateway.port, method === 'POST' ? { method, body: 'x'.repeat(5_000) } : { method });
      expect(code(answer)).toEqual([502, 'UPSTREAM_UNAVAILABLE']);
      expect(answer.headers['x-fairlead-decision']).toBe(gateway.record.decisions[0]?.id);
      expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'upstream', status: 502 });
      expect(gateway.log.lines.map(({ event }) => event)).toContain('upstream_failed');
      expect((await call(gateway.port)).status).toBe(502);
    });

    it('that is not there leaves the connection of an upload in order', async () => {
      await open({ upstreamUrl: 'http://127.0.0.1:9' });
      const connection = rawConnection(gateway.port);
      connection.send(`${rawHead('POST /open/x HTTP/1.1', ['Content-Length: 6'])}abc`);
      expect((await connection.answer()).status).toBe(502);
      connection.send(`def${rawHead('GET /closed HTTP/1.1')}`);
      expect((await connection.answer()).status).toBe(403);
      connection.close();
    });

    it('that dies before its head is a 502, and a safe call is tried once more', async () => {
      await open();
      gateway.upstream.answer = (request) => void request.socket.destroy();
      expect(code(await call(gateway.port))).toEqual([502, 'UPSTREAM_UNAVAILABLE']);
      expect(gateway.upstream.requests).toHaveLength(2);
      expect(code(await call(gateway.port, { method: 'POST', body: 'x' }))).toEqual([502, 'UPSTREAM_UNAVAILABLE']);
      expect(gateway.upstream.requests).toHaveLength(3);
      expect(await gateway.record.outcome(1)).toEqual({ kind: 'broken', reason: 'upstream', status: 502 });
    });

    it('that closed a kept connection is asked again by a safe call', async () => {
      await open();
      expect((await call(gateway.port)).status).toBe(200);
      const before = gateway.upstream.answer;
      gateway.upstream.answer = (request, response) => {
        gateway.upstream.answer = before;
        response.destroy();
        request.socket.destroy();
      };
      expect((await call(gateway.port)).status).toBe(200);
      expect(await gateway.record.outcome(1)).toEqual({ kind: 'answered', status: 200 });
    });

    it.each(['by length', 'in chunks'])('STRM-10 that dies in mid-body %s ends the client’s answer unfinished', async (how) => {
      await open();
      gateway.upstream.answer = (request, response) => {
        response.writeHead(200, how === 'by length' ? { 'content-length': 100 } : {});
        response.write('half');
        setTimeout(() => request.socket.destroy(), 20);
      };
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('GET /open/x HTTP/1.1'));
      expect(await connection.ended()).toBe(true);
      expect(connection.rest()).toContain('half');
      expect(connection.rest()).not.toMatch(/\r\n0\r\n\r\n$/);
      expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'upstream', status: 200 });
    });

    it('that says nothing in time is a 502', async () => {
      await open({ timeouts: { answer: 200 } });
      gateway.upstream.answer = () => undefined;
      expect(code(await call(gateway.port))).toEqual([502, 'UPSTREAM_UNAVAILABLE']);
      expect(await gateway.record.outcome()).toMatchObject({ kind: 'broken', reason: 'upstream' });
    });

    const hostile: Readonly<Record<string, string>> = {
      'no HTTP': 'hello\r\n\r\n',
      'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
      'a length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      'a header with a control character': 'HTTP/1.1 200 OK\r\nx-a: b\x01c\r\nContent-Length: 0\r\n\r\n',
      'a switch to another protocol': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
      'too many headers': `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(300)}Content-Length: 0\r\n\r\n`,
      'a head of 200 KiB': `HTTP/1.1 200 OK\r\nx-a: ${'b'.repeat(200_000)}\r\nContent-Length: 0\r\n\r\n`,
    };
    for (const [what, bytes] of Object.entries(hostile)) {
      it(`STRM-10 that answers with ${what} is a 502`, async () => {
        const server = createServer((socket) => {
          socket.on('error', () => undefined);
          socket.once('data', () => socket.end(bytes, 'latin1'));
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        await open({ upstreamUrl: `http://127.0.0.1:${(server.address() as { port: number }).port}` });
        const answer = await call(gateway.port);
        expect(answer.status).toBe(502);
        expect(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_ANSWER_INVALID']).toContain(answer.json()['code']);
        expect(await gateway.record.outcome()).toMatchObject({ kind: 'broken', reason: 'upstream' });
        server.close();
      });
    }

    it('that hints with a 103 is passed from its final head on', async () => {
      await open();
      gateway.upstream.answer = (_request, response) => {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' });
        response.end('final');
      };
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('GET /open/x HTTP/1.1'));
      expect(await connection.answer()).toMatchObject({ status: 200, body: 'final' });
      connection.close();
    });
  });

  describe('POL-3 while the policy changes', () => {
    beforeEach(() => open());

    it('POL-3 is decided under one policy or the other, never under half of each', async () => {
      const everything = policyOf(['- { name: a, who: [group:data], can: [http.get], on: ["web/open/**", "web/closed/**"] }']);
      const nothing = policyOf([]);
      let isRunning = true;
      const flips = (async () => {
        for (let i = 0; isRunning; i++) {
          gateway.policy.set(i % 2 === 0 ? everything : nothing);
          await pause(1);
        }
      })();
      for (let i = 0; i < 200; i++) {
        const { status } = await call(gateway.port, { path: '/closed/x' });
        const { decision } = gateway.record.decisions.at(-1) ?? { decision: undefined };
        expect([decision?.policyRevision, status]).toEqual(status === 200 ? [everything.revision, 200] : [nothing.revision, 403]);
      }
      isRunning = false;
      await flips;
    });

    it('POL-3 the record names the policy that decided', async () => {
      const { revision } = gateway.policy.current();
      await call(gateway.port);
      expect(gateway.record.decisions[0]?.decision.policyRevision).toBe(revision);
    });
  });
});
