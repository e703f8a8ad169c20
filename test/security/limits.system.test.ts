import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type GatewayOptions, type TestGateway, testGateway, until } from '../support/gateway.ts';
import { call, rawConnection, rawHead } from '../support/raw-client.ts';

let gateway: TestGateway;
afterEach(() => gateway.close());

/** The `http` adapter, but one that reads bodies for their meaning. */
const READS: Pick<GatewayOptions, 'adapter'> = {
  adapter: (http) => ({ ...http, match: (head) => ({ ...http.match(head), body: 'json' }) }),
};

describe('DOS-3 sizes', () => {
  it('DOS-3 a head beyond the limit is a 431 with a code', async () => {
    gateway = await testGateway({ limits: { headBytes: 8 * 1024 } });
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1', [`x-a: ${'b'.repeat(10_000)}`]));
    const answer = await connection.answer();
    expect([answer.status, answer.json()['code']]).toEqual([431, 'HEADERS_TOO_LARGE']);
    expect(await connection.ended()).toBe(true);
    expect(gateway.record.refusals[0]).toMatchObject({ code: 'HEADERS_TOO_LARGE', peer: '127.0.0.1' });
  });

  it('DOS-3 a head of too many fields is a 431', async () => {
    gateway = await testGateway();
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1', Array(300).fill('a: b')));
    expect((await connection.answer()).status).toBe(431);
    connection.close();
  });

  it('DOS-3 as many fields as are allowed pass, with ours added', async () => {
    gateway = await testGateway();
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1', Array(250).fill('a: b')));
    expect((await connection.answer()).status).toBe(200);
    connection.close();
  });

  it('DOS-3 a path beyond the limit is a 414', async () => {
    gateway = await testGateway();
    const connection = rawConnection(gateway.port);
    connection.send(rawHead(`GET /${'a'.repeat(20_000)} HTTP/1.1`));
    expect((await connection.answer()).status).toBe(414);
    connection.close();
  });

  it.each([
    ['by its announced length', 'content-length'],
    ['as it comes', 'transfer-encoding'],
  ])('DOS-3 a body that would be read is refused beyond the limit %s', async (_how, framing) => {
    gateway = await testGateway(READS);
    const body = JSON.stringify({ a: 'x'.repeat(2 * 1024 * 1024) });
    const headers = framing === 'content-length' ? {} : { 'transfer-encoding': 'chunked', 'content-length': [] };
    const answer = await call(gateway.port, { method: 'POST', body, headers });
    expect([answer.status, answer.json()['code']]).toEqual([413, 'BODY_TOO_LARGE']);
    expect(gateway.upstream.requests).toEqual([]);
  });

  it.each([
    ['a compressed one', gzipSync('{"a":1}'), { 'content-encoding': 'gzip' }, 415, 'BODY_ENCODED'],
    ['one of 10,000 levels', Buffer.from('['.repeat(10_000) + ']'.repeat(10_000)), {}, 413, undefined],
    ['one with a name twice', Buffer.from('{"a":1,"a":2}'), {}, 400, undefined],
    ['one that is no JSON', Buffer.from('{'), {}, 400, undefined],
  ])(
    'PATH-7 PATH-8 a body that decides and cannot be read plainly is refused: %s',
    async (_what, body, headers, status, code) => {
      gateway = await testGateway(READS);
      const answer = await call(gateway.port, { method: 'POST', body, headers });
      expect(answer.status).toBe(status);
      expect(answer.json()['code']).toEqual(code ?? expect.stringMatching(/^[A-Z_]+$/));
      expect(gateway.upstream.requests).toEqual([]);
    },
  );

  it('a body that decides leaves as the bytes that came', async () => {
    gateway = await testGateway(READS);
    const body = '{ "b" : 1.0,\n "a":"\\u00fc" }';
    expect((await call(gateway.port, { method: 'POST', body })).status).toBe(200);
    expect(gateway.upstream.requests[0]?.body().toString()).toBe(body);
  });

  it('a target that observes lets a body pass that it cannot read', async () => {
    gateway = await testGateway({ ...READS, mode: 'observe' });
    expect((await call(gateway.port, { method: 'POST', body: 'no json' })).status).toBe(200);
    expect(gateway.upstream.requests[0]?.body().toString()).toBe('no json');
    expect(gateway.record.decisions[0]?.decision).toMatchObject({ verdict: 'deny', mode: 'observe' });
  });

  it('connections beyond the limit are closed', async () => {
    gateway = await testGateway({ limits: { connections: 2 } });
    const kept = [rawConnection(gateway.port), rawConnection(gateway.port)];
    for (const one of kept) {
      one.send(rawHead('GET /open/x HTTP/1.1'));
      expect((await one.answer()).status).toBe(200);
    }
    expect(await rawConnection(gateway.port).ended(2_000)).toBe(true);
    kept[0]?.close();
    await until(() => true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const next = rawConnection(gateway.port);
    next.send(rawHead('GET /open/x HTTP/1.1'));
    expect((await next.answer()).status).toBe(200);
    for (const one of [...kept, next]) one.close();
  });
});

describe('DOS-4 waits', () => {
  it('DOS-4 a head that does not arrive in time is a 408, and the connection ends', async () => {
    gateway = await testGateway({ timeouts: { head: 300 } });
    const connection = rawConnection(gateway.port);
    connection.send('GET /open/x HTTP/1.1\r\nHost: ');
    const answer = await connection.answer(3_000);
    expect([answer.status, answer.json()['code']]).toEqual([408, 'REQUEST_TIMEOUT']);
    expect(await connection.ended()).toBe(true);
  });

  it('DOS-4 a head that drips is no different', async () => {
    gateway = await testGateway({ timeouts: { head: 300 } });
    const connection = rawConnection(gateway.port);
    const dripping = setInterval(() => connection.send('x'), 20);
    connection.send('GET /open/x HTTP/1.1\r\nx-a: ');
    expect(await connection.ended(3_000)).toBe(true);
    clearInterval(dripping);
  });

  it('DOS-4 a connection on which nothing is said ends', async () => {
    gateway = await testGateway({ timeouts: { head: 300 } });
    expect(await rawConnection(gateway.port).ended(3_000)).toBe(true);
  });

  it('DOS-4 a kept connection without a next call ends', async () => {
    gateway = await testGateway({ timeouts: { idle: 200 } });
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1'));
    expect((await connection.answer()).status).toBe(200);
    expect(await connection.ended(3_000)).toBe(true);
  });

  it.each([
    ['on its way to the upstream', {}],
    ['that decides', READS],
  ])('DOS-4 a body %s that stops is a 408, and takes the upstream call with it', async (_what, options) => {
    gateway = await testGateway({ ...options, timeouts: { body: 200 } });
    const connection = rawConnection(gateway.port);
    connection.send(`${rawHead('POST /open/x HTTP/1.1', ['Content-Length: 100'])}{"a"`);
    const answer = await connection.answer(2_000);
    expect([answer.status, answer.json()['code']]).toEqual([408, 'BODY_TIMEOUT']);
    await until(() => gateway.upstream.requests.every(({ isAborted }) => isAborted));
    connection.close();
  });

  it('DOS-4 a refused call whose body never comes does not keep its connection', async () => {
    gateway = await testGateway();
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('POST /closed HTTP/1.1', ['Content-Length: 100000000']));
    expect((await connection.answer()).status).toBe(403);
    expect(await connection.ended(4_000)).toBe(true);
  });

  it('DOS-4 a client that never closes its half is cut after a refusal', async () => {
    gateway = await testGateway();
    const socket = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write('nonsense\r\n\r\n');
    await new Promise((resolve) => socket.on('end', resolve));
    const writing = setInterval(() => socket.write('more'), 100);
    await closed;
    clearInterval(writing);
  });
});
