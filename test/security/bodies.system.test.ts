import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestGateway, testGateway, until } from '../support/gateway.ts';
import { call, openCall, rawConnection, rawHead } from '../support/raw-client.ts';

const MiB = 1024 * 1024;

describe('bodies at the proxy door', () => {
  let gateway: TestGateway;
  let plain: TestGateway['upstream']['answer'];
  beforeAll(async () => {
    gateway = await testGateway();
    plain = gateway.upstream.answer;
    gateway.upstream.keepsRaw = false;
  });
  afterAll(() => gateway.close());
  beforeEach(() => {
    gateway.upstream.requests.length = 0;
    gateway.upstream.answer = plain;
    gateway.upstream.waits = true;
    gateway.upstream.reads = true;
    gateway.record.decisions.length = 0;
    gateway.record.outcomes.length = 0;
  });

  it('arrive byte for byte both ways, of any size, by length and in chunks', async () => {
    let answered = Buffer.alloc(0);
    let isChunked = false;
    gateway.upstream.answer = (_request, response) => {
      if (!isChunked) response.setHeader('content-length', answered.length);
      for (let at = 0; at < answered.length; at += 7_001) response.write(answered.subarray(at, at + 7_001));
      response.end();
    };
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 200_000 }),
        fc.integer({ min: 0, max: 200_000 }),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE'),
        async (up, down, chunkedUp, chunkedDown, method) => {
          const body = randomBytes(up);
          answered = randomBytes(down);
          isChunked = chunkedDown;
          const headers = chunkedUp ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(up) };
          const answer = await sendInParts(gateway.port, method, body, headers);
          expect(answer.equals(answered)).toBe(true);
          expect(gateway.upstream.requests.at(-1)?.body().equals(body)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('of 16 MiB arrive byte for byte both ways', async () => {
    const body = randomBytes(16 * MiB);
    gateway.upstream.answer = (_request, response) => void response.end(body);
    const answer = await call(gateway.port, { method: 'POST', body });
    expect(answer.body.equals(body)).toBe(true);
    expect(gateway.upstream.requests[0]?.body().equals(body)).toBe(true);
  });

  it('a GET may carry one', async () => {
    await call(gateway.port, { method: 'GET', body: 'query' });
    expect(gateway.upstream.requests[0]?.body().toString()).toBe('query');
  });

  it('HEAD, 204 and 304 have none, and keep their lengths to themselves', async () => {
    const connection = rawConnection(gateway.port);
    gateway.upstream.answer = (request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'content-length': 1234, etag: '"x"' });
      else response.writeHead(request.url === '/open/304' ? 304 : 204, { etag: '"x"' });
      response.end();
    };
    connection.send(rawHead('HEAD /open/x HTTP/1.1'));
    await until(() => connection.rest().includes('\r\n\r\n'));
    expect(connection.rest()).toMatch(/^HTTP\/1.1 200 .*content-length: 1234/is);
    expect(connection.rest()).toMatch(/\r\n\r\n$/);
    connection.close();
    const second = rawConnection(gateway.port);
    second.send(rawHead('GET /open/304 HTTP/1.1') + rawHead('GET /open/204 HTTP/1.1') + rawHead('GET /open/204 HTTP/1.1'));
    const answers = [await second.answer(), await second.answer(), await second.answer()];
    expect(answers.map(({ status }) => status)).toEqual([304, 204, 204]);
    expect(answers.map(({ headers }) => headers.get('transfer-encoding'))).toEqual([undefined, undefined, undefined]);
    second.close();
  });

  describe('Expect: 100-continue', () => {
    const head = (path: string) => rawHead(`POST ${path} HTTP/1.1`, ['Content-Length: 5', 'Expect: 100-continue']);

    it('is answered once the call may pass, and goes no further', async () => {
      const connection = rawConnection(gateway.port);
      connection.send(head('/open/x'));
      expect((await connection.answer()).status).toBe(100);
      expect(gateway.record.decisions).toHaveLength(1);
      connection.send('hello');
      expect((await connection.answer()).status).toBe(200);
      expect(gateway.upstream.requests[0]?.body().toString()).toBe('hello');
      expect(gateway.upstream.requests[0]?.all('expect')).toEqual([]);
      connection.close();
    });

    it('a refused call is told so without its body being asked for', async () => {
      const connection = rawConnection(gateway.port);
      connection.send(head('/closed'));
      const answer = await connection.answer();
      expect([answer.status, answer.headers.get('connection')]).toEqual([403, 'close']);
      expect(await connection.ended()).toBe(true);
    });

    it('another expectation is a 417 with a code', async () => {
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('POST /open/x HTTP/1.1', ['Content-Length: 5', 'Expect: wonders']));
      const answer = await connection.answer();
      expect([answer.status, answer.json()['code']]).toEqual([417, 'EXPECTATION_FAILED']);
      connection.close();
    });
  });

  describe('backpressure', () => {
    it('a slow reader slows the upstream down', async () => {
      let sent = 0;
      let isDone = false;
      const part = Buffer.alloc(64 * 1024, 'x');
      gateway.upstream.answer = (_request, response) => {
        const write = (): void => {
          while (sent < 128 * MiB) {
            sent += part.length;
            if (!response.write(part)) return void response.once('drain', write);
          }
          isDone = true;
          response.end();
        };
        write();
      };
      const request = openCall(gateway.port);
      request.end();
      request.on('error', () => undefined);
      const answer = await new Promise<import('node:http').IncomingMessage>((resolve) => request.on('response', resolve));
      answer.pause();
      await settled(() => sent);
      expect(isDone).toBe(false);
      expect(sent).toBeLessThan(32 * MiB);
      let got = 0;
      answer.on('data', (chunk: Buffer) => {
        got += chunk.length;
      });
      answer.resume();
      await new Promise((resolve) => answer.on('end', resolve));
      expect(got).toBe(128 * MiB);
    });

    it('a slow upstream slows the client down', async () => {
      gateway.upstream.reads = false;
      let resume = (): void => undefined;
      gateway.upstream.answer = (request, response) => {
        request.pause();
        resume = () => {
          request.on('data', () => undefined);
          request.on('end', () => response.end('done'));
          request.resume();
        };
      };
      const total = 64 * MiB;
      const request = openCall(gateway.port, { method: 'POST', headers: { 'content-length': String(total) } });
      const answer = new Promise<number>((resolve) =>
        request.on('response', (got) => {
          got.resume();
          resolve(got.statusCode ?? 0);
        }),
      );
      let sent = 0;
      const part = Buffer.alloc(64 * 1024, 'x');
      const write = (): void => {
        while (sent < total) {
          sent += part.length;
          if (!request.write(part)) return void request.once('drain', write);
        }
        request.end();
      };
      write();
      await settled(() => sent);
      expect(sent).toBeLessThan(32 * MiB);
      resume();
      expect(await answer).toBe(200);
    });
  });

  it('an upstream that answers before it has read everything is heard, and the next call is served', async () => {
    gateway.upstream.reads = false;
    gateway.upstream.answer = (request, response) => {
      request.pause();
      response.writeHead(413, { 'content-type': 'text/plain', connection: 'close' });
      response.end('too much');
    };
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('POST /open/x HTTP/1.1', ['Content-Length: 100000']));
    connection.send(Buffer.alloc(50_000));
    const answer = await connection.answer();
    expect([answer.status, answer.body]).toEqual([413, 'too much']);
    gateway.upstream.answer = plain;
    gateway.upstream.reads = true;
    connection.send(Buffer.alloc(50_000));
    connection.send(rawHead('GET /open/next HTTP/1.1'));
    expect((await connection.answer()).status).toBe(200);
    expect(await gateway.record.outcome()).toEqual({ kind: 'answered', status: 413 });
    connection.close();
  });

  it('1,000 calls one after the other leave no listener behind', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const connection = rawConnection(gateway.port);
    for (let i = 0; i < 1_000; i++) {
      connection.send(`${rawHead('POST /open/x HTTP/1.1', ['Content-Length: 3'])}abc`);
      expect((await connection.answer()).status).toBe(200);
    }
    connection.close();
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    await until(() => gateway.live.count() === 0);
    expect(gateway.record.outcomes).toHaveLength(1_000);
  });
});

/** Waits until a number has stopped growing. */
async function settled(read: () => number): Promise<void> {
  for (let before = -1, calm = 0; calm < 5; ) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    calm = read() === before ? calm + 1 : 0;
    before = read();
  }
}

function sendInParts(port: number, method: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = openCall(port, { method, headers });
    request.on('error', reject);
    request.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => resolve(Buffer.concat(chunks)));
    });
    for (let at = 0; at < body.length; at += 9_973) request.write(body.subarray(at, at + 9_973));
    request.end();
  });
}
