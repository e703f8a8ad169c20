import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Problem } from '../core/problem.ts';
import { Secret } from '../core/secret.ts';
import { createUpstreamCredential } from './upstream-credential.ts';
import { createUpstreamReader } from './upstream-reader.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function fixed(status: number, body: string | Uint8Array, headers: Record<string, string> = {}) {
  return serve((_, response) => {
    response.writeHead(status, headers).end(body);
  });
}

const unavailable = { code: 'LOOKUP_UNAVAILABLE', kind: 'fault' };

describe('look-ups', () => {
  it('carry the target’s own credential, path and body, and yield strict JSON', async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        seen.push([request.method, request.url, request.headers['authorization'], request.headers['content-type'], body]);
        response.end('{"id":"1"}');
      });
    });
    const credential = createUpstreamCredential({
      secrets: { read: async () => new Secret('admin:pass') },
      reference: 'env://X',
      scheme: 'basic',
    });
    const reader = createUpstreamReader({ url: `${url}/base/`, credential });
    expect(await reader.json('POST', '/api/flows/filter?x=1', { limit: 1 })).toEqual({ status: 200, body: { id: '1' } });
    expect(await reader.json('GET', '/api/health')).toMatchObject({ status: 200 });
    expect(seen).toEqual([
      ['POST', '/base/api/flows/filter?x=1', 'Basic YWRtaW46cGFzcw==', 'application/json', '{"limit":1}'],
      ['GET', '/base/api/health', 'Basic YWRtaW46cGFzcw==', undefined, ''],
    ]);
  });

  it('take any status as a value and follow no redirect', async () => {
    const url = await fixed(302, 'moved', { location: 'http://127.0.0.1:1/' });
    expect(await createUpstreamReader({ url }).json('GET', '/x')).toEqual({ status: 302, body: undefined });
    server?.close();
    const missing = await fixed(404, '{"detail":"Flow not found"}');
    expect(await createUpstreamReader({ url: missing }).json('GET', '/x')).toEqual({
      status: 404,
      body: { detail: 'Flow not found' },
    });
  });

  it.each([
    ['no JSON', '<html>'],
    ['a duplicate key', '{"id":"a","id":"b"}'],
    ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['too much', JSON.stringify('x'.repeat(5_000))],
  ])('that yield %s are a fault of ours', async (_, body) => {
    const url = await fixed(200, body);
    await expect(createUpstreamReader({ url, maxBytes: 1_000 }).json('GET', '/x')).rejects.toMatchObject(unavailable);
  });

  it('end at their deadline, also when the answer trickles', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(createUpstreamReader({ url, timeoutMs: 200 }).json('GET', '/x')).rejects.toMatchObject(unavailable);
  });

  it('that nobody answers are a fault of ours', async () => {
    const url = await serve((request) => request.socket.destroy());
    await expect(createUpstreamReader({ url }).json('GET', '/x')).rejects.toMatchObject(unavailable);
    await expect(createUpstreamReader({ url: 'http://127.0.0.1:1' }).json('GET', '/x')).rejects.toMatchObject(unavailable);
  });

  it('are not made when the secret is not there', async () => {
    let calls = 0;
    const url = await serve((_, response) => {
      calls++;
      response.end('{}');
    });
    const problem = new Problem({ code: 'SECRET_UNAVAILABLE', kind: 'fault', message: 'gone' });
    const credential = createUpstreamCredential({
      secrets: { read: () => Promise.reject(problem) },
      reference: 'env://X',
      scheme: 'basic',
    });
    await expect(createUpstreamReader({ url, credential }).json('GET', '/x')).rejects.toBe(problem);
    expect(calls).toBe(0);
  });

  it.each(['x', '//evil.example/x', '/\\evil.example', '/a b', '/a\r\nx: y', 'http://evil.example/', '', '/a\\b'])(
    'refuse the path %j',
    async (path) => {
      await expect(createUpstreamReader({ url: 'http://127.0.0.1:1' }).json('GET', path)).rejects.toThrow(
        'a look-up path is not acceptable',
      );
    },
  );

  it('end in a value or a known fault, whatever the upstream says', async () => {
    let body: Uint8Array = new Uint8Array();
    const url = await serve((_, response) => {
      response.end(body);
    });
    const reader = createUpstreamReader({ url, maxBytes: 64 });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 80 }),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        async (bytes) => {
          body = bytes;
          const result: unknown = await reader.json('GET', '/x').catch((error: unknown) => error);
          if (result instanceof Error) expect(result).toMatchObject(unavailable);
          else expect(result).toMatchObject({ status: 200 });
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('an upstream credential', () => {
  it('is read anew for each call, so that rotation is seen', async () => {
    let value = 'one';
    const credential = createUpstreamCredential({
      secrets: { read: async () => new Secret(value) },
      reference: 'env://X',
      scheme: 'bearer',
    });
    expect((await credential.authorization()).reveal()).toBe('Bearer one');
    value = 'two';
    expect((await credential.authorization()).reveal()).toBe('Bearer two');
    expect((await credential.secret()).reveal()).toBe('two');
    value = 'a\r\nx: y';
    await expect(credential.authorization()).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE', kind: 'fault' });
  });
});
