import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialOf, policyOf, RULES, type TestGateway, testGateway, until, user } from '../../../test/support/gateway.ts';
import { rawConnection, rawHead } from '../../../test/support/raw-client.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('an open stream', () => {
  let gateway: TestGateway;
  let stream: ServerResponse | undefined;
  beforeEach(async () => {
    gateway = await testGateway({ timeouts: { body: 200, answer: 1_000, idle: 100, head: 500 } });
    stream = undefined;
    gateway.upstream.answer = (_request, response) => {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
    };
  });
  afterEach(() => gateway.close());

  async function opened(path = '/open/events', as = 'ada') {
    const connection = rawConnection(gateway.port);
    connection.send(rawHead(`GET ${path} HTTP/1.1`, [], as));
    await until(() => connection.rest().includes('data: first'));
    return connection;
  }

  it('STRM-7 outlives every wait of its request: silence is no end', async () => {
    const connection = await opened();
    await pause(1_500);
    stream?.end('data: late\n\n');
    expect((await connection.answer()).body).toBe('data: first\n\ndata: late\n\n');
    expect(await gateway.record.outcome()).toEqual({ kind: 'answered', status: 200 });
    connection.close();
  });

  it('STRM-10 that drips byte by byte arrives byte by byte', async () => {
    const connection = await opened();
    for (const char of 'data: drip\n\n') {
      stream?.write(char);
      await pause(5);
    }
    await until(() =>
      connection
        .rest()
        .replace(/\r\n1\r\n/g, '')
        .includes('drip'),
    );
    connection.close();
  });

  it('STRM-10 in gzip passes as it came', async () => {
    const zipped = gzipSync('data: x\n\n');
    gateway.upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      response.end(zipped);
    };
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/events HTTP/1.1'));
    const answer = await connection.answer();
    expect([answer.headers.get('content-encoding'), answer.body]).toEqual(['gzip', zipped.toString('latin1')]);
    connection.close();
  });

  it('STRM-8 ends within a second when its caller is revoked, and the upstream call with it', async () => {
    const connection = await opened();
    const other = await opened('/open/events', 'bea');
    const started = performance.now();
    await gateway.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    expect(await connection.ended(1_000)).toBe(true);
    expect(performance.now() - started).toBeLessThan(1_000);
    await until(() => gateway.upstream.requests[0]?.isAborted === true);
    expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'revoked' });
    expect(other.socket.destroyed).toBe(false);
    other.close();
  });

  it('STRM-8 a caller who was revoked while the call walked gets no stream', async () => {
    await gateway.close();
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    gateway = await testGateway({ recorder: { decision: () => gate } });
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/events HTTP/1.1'));
    await pause(30);
    await gateway.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    go();
    const answer = await connection.answer();
    expect([answer.status, answer.json()['code']]).toEqual([401, 'CREDENTIAL_REVOKED']);
    expect(gateway.upstream.requests).toEqual([]);
    expect(await gateway.record.outcome()).toEqual({ kind: 'not_forwarded', status: 401 });
    connection.close();
  });

  it('STRM-8 ends within a second of its person’s credential', async () => {
    await gateway.close();
    const credential = { ...credentialOf('ada'), expiresAtMs: Date.now() + 400 };
    gateway = await testGateway({
      authenticator: { identify: async () => ({ kind: 'caller', caller: user('ada'), credential, disclose: 'rule' }) },
    });
    gateway.upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
    };
    const connection = await opened();
    expect(await connection.ended(1_600)).toBe(true);
  });

  describe('when the policy changes', () => {
    it('is cut when it is denied now', async () => {
      const connection = await opened();
      gateway.policy.set(policyOf([]));
      expect(await connection.ended(1_000)).toBe(true);
      expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'revoked' });
    });

    it('is cut when it is denied now, though its answer began after the change', async () => {
      let begin = (): void => undefined;
      gateway.upstream.answer = (_request, response) => {
        begin = () => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write('data: first\n\n');
        };
      };
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('GET /open/events HTTP/1.1'));
      await until(() => gateway.upstream.requests.length === 1);
      gateway.policy.set(policyOf([]));
      begin();
      expect(await connection.ended(1_500)).toBe(true);
      expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'revoked' });
    });

    it('is cut when it is denied now, though it was still being recorded', async () => {
      await gateway.close();
      const gate = Promise.withResolvers<void>();
      gateway = await testGateway({ recorder: { decision: () => gate.promise } });
      gateway.upstream.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: first\n\n');
      };
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('GET /open/events HTTP/1.1'));
      await pause(30);
      gateway.policy.set(policyOf([]));
      gate.resolve();
      expect(await connection.ended(1_500)).toBe(true);
    });

    it('stays when it is allowed still', async () => {
      const connection = await opened();
      gateway.policy.set(policyOf([...RULES, '- { name: more, who: [group:ops], can: [http.get], on: ["web/**"] }']));
      expect(await connection.ended(200)).toBe(false);
      stream?.end();
      expect((await connection.answer()).status).toBe(200);
      connection.close();
    });

    it('stays when its work was admitted earlier', async () => {
      await gateway.close();
      gateway = await testGateway({
        adapter: (http) => ({
          ...http,
          async classify(call) {
            const { requests } = await http.classify(call);
            const [first] = requests;
            return call.head.path.text === '/open/start'
              ? { requests: [{ ...first, admits: ['run:1'] }] }
              : { requests: [{ ...first, continues: ['run:1'] }] };
          },
        }),
      });
      gateway.upstream.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: first\n\n');
      };
      const start = await opened('/open/start');
      const logs = await opened('/open/logs');
      gateway.policy.set(policyOf([]));
      expect(await start.ended(1_000)).toBe(true);
      expect(await logs.ended(200)).toBe(false);
      logs.close();
    });

    it('is cut when nobody can tell, and the others are still looked at', async () => {
      const connection = await opened();
      const other = await opened();
      gateway.live.add({
        target: 'web',
        caller: user('ada'),
        credential: undefined,
        startedAtMs: 0,
        isSocket: false,
        isStream: true,
        stillAllowed: () => true,
        cut() {
          throw new Error('not today');
        },
      });
      gateway.policy.set(
        new Proxy(policyOf(RULES), {
          get(policy, name) {
            if (name === 'rules') throw new Error('broken');
            return Reflect.get(policy, name) as unknown;
          },
        }),
      );
      expect([await connection.ended(1_000), await other.ended(1_000)]).toEqual([true, true]);
    });
  });
});
