import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const bundled = createRequire(import.meta.url)('../../bootstrap/undici.cjs') as Pick<
  typeof import('undici'),
  'Agent' | 'Pool' | 'request' | 'fetch'
>;
const server = createServer((request, response) => {
  response.statusCode = 203;
  request.pipe(response.setHeader('seen', `${request.method} ${request.url} ${String(request.headers['x-told'])}`));
});
let url = '';

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

describe("the bundle's part of undici", () => {
  it('requests as undici does: method, path, query, headers, body', async () => {
    const dispatcher = new bundled.Agent();
    const options = { dispatcher, headers: { 'x-told': 'yes' } };
    const plain = await bundled.request(`${url}/a/b?c=d`, options);
    expect([plain.statusCode, plain.headers['seen'], await plain.body.text()]).toEqual([203, 'GET /a/b?c=d yes', '']);
    const posted = await bundled.request(`${url}/p`, { ...options, method: 'POST', body: 'text' });
    expect([posted.headers['seen'], await posted.body.text()]).toEqual(['POST /p yes', 'text']);
    await dispatcher.close();
  });

  it('fetches by the dispatcher that it is given', async () => {
    const dispatcher = new bundled.Agent();
    const answer = await bundled.fetch(`${url}/token`, { method: 'POST', body: 'code=1', dispatcher, redirect: 'manual' });
    expect([answer.status, await answer.text()]).toEqual([203, 'code=1']);
    await dispatcher.close();
    await expect(bundled.fetch(url, { dispatcher })).rejects.toThrow();
  });

  it('pools connections to one origin', async () => {
    const pool = new bundled.Pool(url, { connections: 1 });
    const answer = await pool.request({ method: 'GET', path: '/x' });
    expect([answer.statusCode, await answer.body.text()]).toEqual([203, '']);
    await pool.close();
  });
});
