import { mkdtempSync, rmSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { HOST, type TestGateway, testGateway } from '../../../test/support/gateway.ts';
import { call } from '../../../test/support/raw-client.ts';
import { pemOf, selfSigned } from '../../../test/support/self-signed.ts';

describe('an upstream behind TLS that could speak HTTP/2', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-upstream-'));
  const trusted = getCACertificates('default');
  const names: string[] = [];
  const versions: string[] = [];
  const sockets = new Set<Socket>();
  let server: Http2SecureServer;
  let port: number;
  let gateway: TestGateway;

  beforeAll(async () => {
    const pem = pemOf(selfSigned(folder, 'localhost'));
    setDefaultCACertificates([...trusted, pem.cert]);
    server = createSecureServer({
      ...pem,
      allowHTTP1: true,
      SNICallback(name, done) {
        names.push(name);
        done(null);
      },
    });
    server.on('request', (request, response) => {
      versions.push(request.httpVersion);
      response.setHeader('x-seen-host', request.headers.host ?? '');
      response.end('ok');
    });
    server.on('secureConnection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    const webSockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      webSockets.handleUpgrade(request, socket, head, (opened) => opened.send('hello'));
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => gateway.close());
  afterAll(() => {
    setDefaultCACertificates(trusted);
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is asked for its own name, spoken to in HTTP/1.1, and told the client’s host', async () => {
    gateway = await testGateway({ upstreamUrl: `https://localhost:${port}` });
    const answers = [await call(gateway.port), await call(gateway.port, { host: `${HOST}:8443` })];
    expect(answers.map(({ status, text }) => [status, text])).toEqual([
      [200, 'ok'],
      [200, 'ok'],
    ]);
    expect(answers[1]?.headers['x-seen-host']).toBe(`${HOST}:8443`);
    expect(new Set(names)).toEqual(new Set(['localhost']));
    expect(names).toHaveLength(1);
    expect(versions).toEqual(['1.1', '1.1']);
  });

  it.each(['spliced', 'relayed'])('carries a %s socket under its own name', async (how) => {
    names.length = 0;
    gateway = await testGateway({
      upstreamUrl: `https://localhost:${port}`,
      adapter: (http) => ({
        ...http,
        socket: () =>
          how === 'spliced'
            ? undefined
            : {
                maxMessageBytes: 1_000,
                fromClient: async () => ({ kind: 'forward' }),
                fromUpstream: () => ({ kind: 'forward' }),
              },
      }),
    });
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/open/ws`, {
      headers: { host: HOST, authorization: 'Bearer tok-ada' },
    });
    expect(await new Promise((resolve) => socket.on('message', (data) => resolve(String(data))))).toBe('hello');
    expect(names).toEqual(['localhost']);
    socket.terminate();
  });

  it('with a certificate of another name is not spoken to', async () => {
    gateway = await testGateway({ upstreamUrl: `https://127.0.0.1:${port}` });
    names.length = 0;
    versions.length = 0;
    const answer = await call(gateway.port);
    expect([answer.status, answer.json()['code']]).toEqual([502, 'UPSTREAM_UNAVAILABLE']);
    expect([names, versions]).toEqual([[], []]);
  });
});
