import { afterEach, describe, expect, it } from 'vitest';
import { createAdminServer } from './admin-server.ts';
import { createHealth, type HealthBoard } from './health.ts';
import { createMetrics } from './metrics.ts';

const events: [string, unknown][] = [];
const add = (event: string, fields?: unknown): void => void events.push([event, fields]);
const log = { info: add, warn: add, error: add };
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  events.length = 0;
  for (const close of closing.splice(0)) await close();
});

async function start(expected: readonly string[] = ['store']): Promise<{ readonly health: HealthBoard; readonly base: string }> {
  const metrics = createMetrics();
  const health = createHealth({ expected, log, metrics });
  const server = createAdminServer({ health, metrics });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  closing.push(() => server.close());
  return { health, base: `http://127.0.0.1:${port}` };
}

async function get(url: string, init?: RequestInit): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
}

describe('the admin port', () => {
  it('is alive at once, and ready when everything expected has spoken', async () => {
    const { health, base } = await start();
    expect(await get(`${base}/livez`)).toEqual({ status: 200, text: 'ok\n' });
    expect(await get(`${base}/readyz`)).toEqual({ status: 503, text: '[-]store starting\nreadyz check failed\n' });
    health.set('store', 'ok');
    for (const path of ['/readyz', '/healthz/ready', '/healthz'])
      expect(await get(base + path)).toEqual({ status: 200, text: 'ok\n' });
  });

  it('tells more when asked, and always when something failed', async () => {
    const { health, base } = await start();
    health.set('store', 'ok');
    health.set('identity:okta', 'degraded', 'keys: timed out\nsince 5m');
    expect(await get(`${base}/readyz?verbose`)).toEqual({
      status: 200,
      text: '[+]store ok\n[~]identity:okta degraded: keys: timed out since 5m\nreadyz check passed\n',
    });
    health.set('policy', 'failed', 'does not load');
    expect((await get(`${base}/readyz`)).status).toBe(503);
    expect((await get(`${base}/readyz`)).text).toContain('[-]policy failed: does not load\n');
    expect((await get(`${base}/livez`)).status).toBe(200);
  });

  it('is not ready while the process drains', async () => {
    const { health, base } = await start([]);
    expect((await get(`${base}/readyz`)).status).toBe(200);
    health.drain();
    expect((await get(`${base}/readyz`)).status).toBe(503);
  });

  it('serves metrics, health among them', async () => {
    const { health, base } = await start();
    health.set('store', 'failed');
    const response = await fetch(`${base}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toContain('fairlead_health{component="store",state="failed"} 1\n');
  });

  it('HDR-9 serves nothing else, and changes nothing', async () => {
    const { base } = await start();
    for (const path of ['/', '/debug', '/debug/pprof', '/config', '/metrics/', '/..%2fmetrics']) {
      expect((await get(base + path)).status).toBe(404);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect((await get(`${base}/readyz`, { method })).status).toBe(405);
    const head = await fetch(`${base}/livez`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '3']);
  });

  it('says that its address is taken', async () => {
    const { base } = await start();
    const other = createAdminServer({
      health: createHealth({ expected: [], log, metrics: createMetrics() }),
      metrics: createMetrics(),
    });
    await expect(other.listen({ host: '127.0.0.1', port: Number(new URL(base).port) })).rejects.toThrow('EADDRINUSE');
  });
});

describe('health', () => {
  it('logs a change once', () => {
    const health = createHealth({ expected: [], log, metrics: createMetrics() });
    health.set('store', 'ok');
    health.set('store', 'ok');
    health.set('store', 'failed', 'disk full');
    health.set('store', 'failed', 'disk full');
    expect(events).toEqual([
      ['health.changed', { component: 'store', state: 'ok' }],
      ['health.changed', { component: 'store', state: 'failed', message: 'disk full' }],
    ]);
  });
});
