import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoopbackServer } from './loopback-server.ts';
import { startWebService } from './web-service.ts';

let server: LoopbackServer;
const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init);

beforeAll(async () => {
  server = await startWebService({ port: 0, now: () => Date.UTC(2030, 0, 2) });
});
afterAll(() => server.close());

describe('the plain web service', () => {
  it('shows which identity headers arrived, as text', async () => {
    const html = await (await get('/', { headers: { 'x-fairlead-user': '<b>ada', 'accept-language': 'de' } })).text();
    expect(html).toContain('<th scope="row">x-fairlead-user</th><td>&#60;b&#62;ada</td>');
    expect(html).not.toContain('accept-language');
    expect(await (await get('/')).text()).toContain('No header that tells who calls has arrived.');
  });

  it('tells the time, has pages for rights to be shown on, and nothing else', async () => {
    expect(await (await get('/api/time?x=1')).json()).toEqual({ time: '2030-01-02T00:00:00.000Z' });
    for (const path of ['/admin', '/reports', '/healthz']) expect((await get(path)).status).toBe(200);
    expect((await get('/nowhere')).status).toBe(404);
    expect((await get('/admin', { method: 'POST' })).status).toBe(405);
  });

  it('says that its port is taken by the error of the system', async () => {
    await expect(startWebService({ port: server.port, now: () => 0 })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
