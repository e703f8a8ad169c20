import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHead } from '../../wire/head.ts';
import { headOf } from '../testing.ts';
import { match } from './match.ts';
import { API_ROUTES, ROUTES } from './routes.ts';

const ID = '019b0000-0000-7000-8000-000000000001';
const LISTED = readFileSync(join(import.meta.dirname, 'data/routes-3.9.1.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '');

function at(signature: string, change: (path: string) => string = (path) => path) {
  const [method = '', template = ''] = signature.split(' ');
  const path = change(`/api${template.replace(/\{(id|schedule_id|lease_id)\}/g, ID).replace(/\{\w+\}/g, 'x')}`);
  return match(method === 'WS' ? headOf('GET', path, { upgrade: true }) : headOf(method, path));
}

describe('the catalogue of routes', () => {
  it('is that of the server: 188 operations and 5 sockets', () => {
    expect(LISTED).toHaveLength(193);
    expect(API_ROUTES.map((route) => route.id).sort()).toEqual([...LISTED].sort());
  });

  it.each(LISTED)('knows %s, with and without a slash at its end', (signature) => {
    expect(at(signature)).toMatchObject({ id: signature, upgrade: signature.startsWith('WS ') });
    const changed = at(signature, (path) => (path.endsWith('/') ? path.slice(0, -1) : `${path}/`));
    expect(changed.id).toBe(signature);
  });

  it('reads no body where the server reads none, and each other one strictly', () => {
    for (const route of API_ROUTES) {
      if (route.method === 'GET' || route.method === 'DELETE' || route.method === 'WS')
        expect([route.id, route.body]).toEqual([route.id, 'none']);
    }
    expect(ROUTES.filter((route) => route.body === 'opaque').map((route) => route.id)).toEqual([
      'POST /templates/validate',
      'POST /automations/templates/validate',
      'raw',
    ]);
  });

  it('takes a credential from the first frame of four sockets alone, and none for the two probes', () => {
    expect(ROUTES.filter((route) => route.identity === 'none').map((route) => route.id)).toEqual(['GET /health', 'GET /ready']);
    expect(ROUTES.filter((route) => route.identity === 'frame').map((route) => route.id)).toEqual([
      'WS /events/out',
      'WS /logs/out',
      'WS /task_runs/subscriptions/scheduled',
      'WS /work_pools/{work_pool_name}/workers/connect',
    ]);
  });
});

describe('a route', () => {
  it.each([
    ['GET', '/api/flows/not-an-id', 'the server takes only UUIDs there'],
    ['HEAD', `/api/flows/${ID}`, 'the server answers no HEAD'],
    ['POST', `/api/flows/${ID}`, 'another method'],
    ['GET', '/api/', 'the root of the API'],
    ['GET', '/api/metrics', 'off by default'],
    ['GET', '/api/me/workspaces', 'of the cloud'],
    ['POST', '/api/Flows/filter', 'another case'],
    ['POST', '/v2/dashboard', 'the web app takes no writes'],
    ['GET', '/api/flows/name', 'one segment short'],
  ])('%s %s is raw: %s', (method, path) => {
    expect(match(headOf(method, path))).toMatchObject({ id: 'raw', class: 'write', body: 'opaque', identity: 'caller' });
  });

  it('is the same however it is encoded', () => {
    expect(match(headOf('POST', '/api/flows/%66ilter')).id).toBe('POST /flows/filter');
    expect(match(headOf('GET', `/api/flows/${ID.replaceAll('-', '').toUpperCase()}`)).params).toEqual({ id: ID });
    expect(match(headOf('GET', '/api/flows/name/caf%65%CC%81')).params).toEqual({ name: 'café' });
  });

  it('prefers what is written to what is a parameter', () => {
    expect(match(headOf('POST', '/api/work_pools/filter')).id).toBe('POST /work_pools/filter');
    expect(match(headOf('GET', '/api/v2/concurrency_limits/filter')).id).toBe('GET /v2/concurrency_limits/{id_or_name}');
  });

  it('outside /api is the web app', () => {
    expect(match(headOf('GET', '/')).id).toBe('GET site');
    expect(match(headOf('GET', '/api')).id).toBe('GET site');
    expect(match(headOf('GET', '/v2/runs/flow-run/1')).id).toBe('GET site');
    expect(match(headOf('GET', '/ui-settings')).id).toBe('GET ui-settings');
    expect(match(headOf('GET', '/openapi.json')).id).toBe('GET docs');
    expect(match(headOf('GET', '/api/docs')).id).toBe('GET docs');
  });

  it('that reads a block is secret when its secrets are asked for', () => {
    const path = `/api/block_documents/${ID}`;
    expect(match(headOf('GET', path)).class).toBe('read');
    expect(match(headOf('GET', `${path}?include_secrets=false`)).class).toBe('read');
    expect(match(headOf('GET', `${path}?include_secrets=on`)).class).toBe('secret');
    expect(match(headOf('GET', `${path}?include_secrets=0&include_secrets=1`)).class).toBe('secret');
    expect(match(headOf('POST', '/api/block_documents/filter')).class).toBe('secret');
  });

  it('is a socket only when it is opened as one', () => {
    expect(match(headOf('GET', '/api/events/in')).id).toBe('raw');
    expect(match(headOf('GET', '/api/flows/filter', { upgrade: true })).id).toBe('raw');
  });

  it('is told for every path that can be read', () => {
    const words = fc.constantFrom(
      'api',
      'flows',
      'flow_runs',
      'filter',
      'name',
      ID,
      '{id}',
      'v2',
      'events',
      'in',
      '__proto__',
      'é',
    );
    const methods = fc.constantFrom('GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'HEAD', 'OPTIONS');
    fc.assert(
      fc.property(methods, fc.array(words, { maxLength: 7 }), fc.boolean(), (method, parts, slash) => {
        const target = `/${parts.map(encodeURIComponent).join('/')}${slash && parts.length > 0 ? '/' : ''}`;
        const operation = match(parseHead({ method, target, rawHeaders: ['host', 'prefect.test'] }));
        expect(ROUTES.map((route) => route.id)).toContain(operation.id);
      }),
    );
  });
});
