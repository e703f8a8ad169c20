import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADA, CANARY, CONTROL, type ControlGateway, controlGateway, GRACE, HOST } from '../../test/support/control-gateway.ts';

let gateway: ControlGateway;
let ada: string;
let grace: string;
beforeAll(async () => {
  gateway = await controlGateway();
  ada = (await gateway.signIn(ADA)).cookie;
  grace = (await gateway.signIn(GRACE)).cookie;
});
afterAll(() => gateway.close());

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

const READS = [
  '/',
  '/login',
  '/login/okta',
  '/login/nowhere',
  '/login/cli',
  '/login/handoff',
  '/login/callback/okta',
  '/why/018f0000-0000-7000-8000-000000000000',
  '/decisions',
  '/logout',
  '/.well-known/jwks.json',
  ...['whoami', 'targets', 'tokens', 'tokens/current', 'policy', 'policy/check', 'policy/apply', 'decisions'].map(api),
  ...['decisions/018f0000-0000-7000-8000-000000000000', 'access/query', 'revocations', 'login/exchange'].map(api),
];

function api(name: string): string {
  return `/api/v1/${name}`;
}

describe('the control origin', () => {
  it('CSRF-3: has no sockets, from whichever origin and with whichever cookie they are asked for', async () => {
    for (const headers of [{}, { cookie: ada }, { origin: 'https://evil.example' }, { cookie: ada, origin: CONTROL }]) {
      for (const path of ['/', '/decisions', '/api/v1/decisions']) {
        const answer = await gateway.send(path, { headers: { ...UPGRADE, ...headers } });
        expect(answer.status).toBe(400);
        expect(answer.json()).toMatchObject({ code: 'UPGRADE_REFUSED' });
      }
    }
  });

  it('CSRF-4: refuses a call that carries the cookie of one person and the token of another', async () => {
    const made = await gateway.send('/api/v1/tokens', { method: 'POST', headers: { cookie: grace, origin: CONTROL }, body: {} });
    const authorization = `Bearer ${(made.json() as { token: string }).token}`;
    for (const headers of [{}, UPGRADE]) {
      const answer = await gateway.send('/api/v1/whoami', { headers: { ...headers, cookie: ada, authorization } });
      expect(answer.status).toBe(400);
    }
    expect((await gateway.send('/api/v1/whoami', { headers: { cookie: ada, authorization } })).json()).toMatchObject({
      code: 'CREDENTIALS_AMBIGUOUS',
    });
  });

  it('CSRF-5: never allows another origin, neither a preflight nor a simple call', async () => {
    for (const path of READS) {
      for (const method of ['OPTIONS', 'GET']) {
        const answer = await gateway.send(path, {
          method,
          headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST', cookie: ada },
        });
        const names = Object.keys(answer.headers).filter((name) => name.startsWith('access-control'));
        expect(names, `${method} ${path}`).toEqual([]);
        expect(answer.headers['cross-origin-resource-policy']).toBe('same-origin');
      }
    }
  });

  it('CSRF-6: changes nothing by GET or HEAD, whatever the path', async () => {
    const before = gateway.store.text();
    const events = gateway.record.events.length;
    const revision = gateway.activation.current().revision;
    for (const path of READS) {
      for (const method of ['GET', 'HEAD']) await gateway.send(path, { method, headers: { cookie: grace, origin: CONTROL } });
    }
    expect(gateway.store.text()).toBe(before);
    expect(gateway.record.events.length).toBe(events);
    expect(gateway.activation.current().revision).toBe(revision);
  });

  it('CSRF-6: takes writes by cookie from its own pages alone', async () => {
    const writes = [
      ['POST', 'tokens', {}],
      ['POST', 'policy/apply', { files: [] }],
      ['POST', 'revocations', { subject: 'user:ada@acme.example' }],
      ['DELETE', 'revocations?subject=user:ada@acme.example', undefined],
      ['DELETE', `tokens/${'0'.repeat(64)}`, undefined],
    ] as const;
    const before = gateway.store.text();
    for (const [method, name, body] of writes) {
      for (const origin of ['https://evil.example', 'null', `${CONTROL}.evil.example`, `${CONTROL}:8443`, undefined]) {
        const headers = { cookie: grace, 'sec-fetch-site': 'cross-site', ...(origin === undefined ? {} : { origin }) };
        const answer = await gateway.send(api(name), { method, headers, ...(body === undefined ? {} : { body }) });
        expect(answer.status, `${method} ${name} from ${origin}`).toBe(403);
        expect(answer.json()).toMatchObject({ code: 'ORIGIN_MISMATCH' });
      }
    }
    expect(gateway.store.text()).toBe(before);
  });

  it('CSRF-6: takes no body that a form of another page could send', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const headers = { cookie: ada, origin: CONTROL, 'content-type': type };
      expect((await gateway.send('/api/v1/tokens', { method: 'POST', headers, body: '{}' })).status).toBe(415);
    }
  });

  it('SESS-7: tells who calls without any token of the provider or of its own', async () => {
    const me = await gateway.send('/api/v1/whoami', { headers: { cookie: ada } });
    expect(Object.keys(me.json() as object).sort()).toEqual([
      'administrator',
      'credential',
      'groups',
      'groupsComplete',
      'source',
      'subject',
    ]);
    const secrets = [CANARY, 'eyJ', ada.split('=')[1] ?? '-'];
    const home = await gateway.send('/', { headers: { cookie: ada } });
    for (const secret of secrets) for (const text of [me.text, home.text]) expect(text).not.toContain(secret);
  });

  it('HDR-9: has no health, metrics or debug paths', async () => {
    const paths = [
      'debug',
      'debug/pprof/',
      'metrics',
      'healthz',
      'livez',
      'readyz',
      'healthz/ready',
      'status',
      '.env',
      'server-status',
    ];
    for (const path of paths) {
      for (const headers of [{}, { cookie: grace }]) {
        expect((await gateway.send(`/${path}`, { headers })).status, path).toBe(404);
        expect((await gateway.send(api(path), { headers })).status, path).toBe(404);
      }
    }
  });

  it('SEC-1: repeats no secret that a call carried, in an answer, the log or the record', async () => {
    const secret = `${CANARY}-secret`;
    const cookieName = ada.split('=')[0];
    const calls = [
      { path: '/api/v1/whoami', headers: { authorization: `Bearer ${secret}` } },
      { path: '/api/v1/whoami', headers: { authorization: `Basic ${btoa(secret)}` } },
      { path: '/decisions', headers: { cookie: `${cookieName}=${secret}`, accept: 'text/html' } },
      { path: `/login/callback/okta?code=${secret}&state=${secret}`, headers: { accept: 'text/html' } },
      { path: `/login/cli?challenge=${secret}`, headers: { accept: 'text/html' } },
      { path: `/api/v1/decisions?cursor=${secret}&x=${secret}`, headers: { cookie: ada } },
      { path: '/api/v1/login/exchange', method: 'POST', headers: {}, body: { code: secret, verifier: secret } },
      { path: '/api/v1/login/exchange', method: 'POST', headers: {}, body: { code: 1, verifier: secret } },
      { path: '/api/v1/tokens', method: 'POST', headers: { cookie: ada, origin: CONTROL }, body: { label: secret.repeat(9) } },
    ];
    for (const { path, ...call } of calls) {
      const answer = await gateway.send(path, call);
      expect(answer.status, path).toBeGreaterThanOrEqual(300);
      expect(`${answer.text}${JSON.stringify(answer.headers)}`, path).not.toContain(secret);
    }
    const kept = JSON.stringify([gateway.record.entries, gateway.log.lines]);
    expect(kept).not.toContain(secret);
    expect(kept).not.toContain(btoa(secret));
    for (const cookie of [ada, grace]) expect(kept).not.toContain(cookie.split('=')[1]);
  });

  it('publishes the keys of its assertions, which anybody may keep for a while', async () => {
    const keys = await gateway.send('/.well-known/jwks.json');
    expect(keys.json()).toEqual({ keys: [{ kid: 'k1' }] });
    expect(keys.headers['cache-control']).toBe('public, max-age=300');
  });

  it('serves its own host alone', async () => {
    for (const host of ['evil.example', 'localhost', `${HOST}.evil.example`, '127.0.0.1']) {
      const answer = await gateway.send('/', { headers: { host } });
      expect(answer.status, host).toBe(421);
    }
    expect((await gateway.send('/', { headers: { host: HOST.toUpperCase() } })).status).toBe(200);
  });

  it('answers each page with a policy that allows neither scripts nor frames, and is kept by nobody', async () => {
    for (const path of ['/', '/decisions', '/login/okta', '/nothing', '/api/v1/whoami']) {
      const { headers } = await gateway.send(path, { headers: { cookie: ada, accept: 'text/html' } });
      expect(headers['content-security-policy'], path).toMatch(/^default-src 'none';.*frame-ancestors 'none'/);
      expect(headers['content-security-policy'], path).not.toMatch(/script-src|unsafe|\*/);
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      expect(headers['strict-transport-security']).toBe('max-age=31536000');
    }
  });

  it('answers bytes that are no request with a problem, records it, and closes', async () => {
    const before = gateway.record.refusals.length;
    const text = await raw('NONSENSE\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"REQUEST_MALFORMED"/);
    expect(await raw(`GET / HTTP/1.1\r\nhost: ${HOST}\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw(`GET /a/../b HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"PATH_/);
    expect(await raw(`GET / HTTP/1.1\r\nhost: ${HOST}\r\nhost: evil.example\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(gateway.record.refusals.length).toBe(before + 4);
  });
});

function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(gateway.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
    socket.write(bytes);
  });
}
