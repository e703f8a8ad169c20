import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHARED, type TestGateway, testGateway } from '../../../test/support/gateway.ts';
import { call, rawConnection, rawHead } from '../../../test/support/raw-client.ts';

const IDENTITY = [
  'x-fairlead-user',
  'x-fairlead-email',
  'x-fairlead-subject',
  'x-fairlead-actor',
  'x-fairlead-caller',
  'x-fairlead-groups',
  'x-fairlead-assertion',
  'x-fairlead-decision',
  'x-request-id',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
];
const FORGED = 'mallory@evil.example';

describe('headers at the proxy door', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await testGateway();
  });
  afterAll(() => gateway.close());

  async function seen(lines: readonly string[], as: string | undefined = 'ada') {
    gateway.upstream.requests.length = 0;
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1', lines, as));
    const answer = await connection.answer();
    connection.close();
    return { answer, request: gateway.upstream.requests[0] };
  }

  describe('HDR-1 forged identity headers', () => {
    const spellings: Readonly<Record<string, (name: string) => readonly string[]>> = {
      'as they are': (name) => [`${name}: ${FORGED}`],
      'in upper case': (name) => [`${name.toUpperCase()}: ${FORGED}`],
      'with `_` for `-`': (name) => [`${name.replaceAll('-', '_')}: ${FORGED}`],
      'with one `_` in mixed case': (name) => [`${name.replace('-', '_').toUpperCase()}: ${FORGED}`],
      twice: (name) => [`${name}: ${FORGED}`, `${name}: ${FORGED}`],
      'joined by commas': (name) => [`${name}: ${FORGED}, ada@acme.example`],
      'with spaces behind': (name) => [`${name}: ${FORGED}   `],
      'named in connection': (name) => [`connection: close, ${name}`, `${name}: ${FORGED}`],
    };
    for (const [spelling, lines] of Object.entries(spellings)) {
      it(`HDR-1 never reach the upstream, ${spelling}`, async () => {
        const { answer, request } = await seen(IDENTITY.flatMap(lines));
        expect(answer.status).toBe(200);
        expect(JSON.stringify(request?.headers)).not.toContain(FORGED);
        expect(request?.all('x-fairlead-user')).toEqual(['ada@acme.example']);
        expect(request?.all('x-fairlead-groups')).toEqual(['data']);
        expect(request?.all('x-fairlead-assertion')).toEqual(['signed.user:ada@acme.example']);
        expect(request?.all('x-forwarded-for')).toEqual(['127.0.0.1']);
      });
    }

    it('HDR-1 a space before the colon is no header at all, and ends the connection', async () => {
      const { answer, request } = await seen([`x-fairlead-user : ${FORGED}`]);
      expect(answer.status).toBe(400);
      expect(request).toBeUndefined();
    });

    it('HDR-1 never reach the upstream in trailers', async () => {
      gateway.upstream.requests.length = 0;
      const connection = rawConnection(gateway.port);
      connection.send(
        `${rawHead('POST /open/x HTTP/1.1', ['Transfer-Encoding: chunked', 'Trailer: x-fairlead-user'])}3\r\nabc\r\n0\r\nx-fairlead-user: ${FORGED}\r\nX_Fairlead_User: ${FORGED}\r\n\r\n`,
      );
      expect((await connection.answer()).status).toBe(200);
      connection.close();
      const [request] = gateway.upstream.requests;
      expect(request?.body().toString()).toBe('abc');
      expect(gateway.upstream.rawText()).not.toContain(FORGED);
      expect(request?.all('trailer')).toEqual([]);
    });
  });

  it('HDR-2 a claim that is missing leaves no header of the client in its place', async () => {
    const { request } = await seen([`x-fairlead-email: ${FORGED}`, `X-Fairlead-Actor: ${FORGED}`], 'nomail');
    expect(request?.all('x-fairlead-user')).toEqual(['nomail@acme.example']);
    expect(request?.all('x-fairlead-email')).toEqual([]);
    expect(request?.all('x-fairlead-actor')).toEqual([]);
  });

  it('HDR-3 forwarding headers never change a verdict', async () => {
    const forwarding = fc.constantFrom(
      'X-Forwarded-For',
      'X-Forwarded-Host',
      'X-Forwarded-Proto',
      'X-Forwarded-Uri',
      'X-Forwarded-Method',
      'X-Forwarded-Prefix',
      'Forwarded',
      'X-Original-URL',
      'X-Rewrite-Url',
      'X-Envoy-Original-Path',
      'X-Envoy-External-Address',
      'x-forwarded-client-cert',
      'X-Real-Ip',
    );
    const value = fc.constantFrom(
      '/open/x',
      '127.0.0.1',
      'web.acme.example',
      'By=spiffe://acme.prod/ns/a/sa/b;URI=x',
      'for=1.2.3.4',
      'GET',
    );
    const path = fc.constantFrom('/open/x', '/closed', '/open', '/');
    const as = fc.constantFrom<string | undefined>('ada', 'other', undefined);
    await fc.assert(
      fc.asyncProperty(path, as, fc.dictionary(forwarding, value, { minKeys: 1 }), async (to, who, headers) => {
        const plain = await call(gateway.port, { path: to, as: who });
        const dressed = await call(gateway.port, { path: to, as: who, headers });
        expect(dressed.status).toBe(plain.status);
      }),
      { numRuns: 60 },
    );
  });

  describe('HDR-6 connection options', () => {
    it('HDR-6 take away what they name, and nothing of ours', async () => {
      const { request } = await seen([
        'Connection: keep-alive, x-hop, x-fairlead-user, x-forwarded-client-cert',
        'x-hop: 1',
        'x-stays: 2',
        'x-forwarded-client-cert: By=spiffe://a',
        'Keep-Alive: timeout=5',
        'TE: trailers',
        'Proxy-Authorization: Basic eA==',
        'Proxy-Connection: keep-alive',
      ]);
      for (const gone of ['x-hop', 'x-forwarded-client-cert', 'keep-alive', 'te', 'proxy-authorization', 'proxy-connection']) {
        expect(request?.all(gone)).toEqual([]);
      }
      expect(request?.all('x-stays')).toEqual(['2']);
      expect(request?.all('x-fairlead-user')).toEqual(['ada@acme.example']);
    });

    it.each(['host', 'authorization', 'cookie', 'content-length', 'transfer-encoding'])(
      'HDR-6 naming %s is refused',
      async (name) => {
        const { answer, request } = await seen([`Connection: close, ${name}`]);
        expect([answer.status, answer.json()['code'], request]).toEqual([400, 'CONNECTION_INVALID', undefined]);
      },
    );
  });

  it('HDR-7 a PROXY protocol line is no request', async () => {
    const connection = rawConnection(gateway.port);
    connection.send(`PROXY TCP4 10.1.1.1 10.1.1.2 5000 80\r\n${rawHead('GET /open/x HTTP/1.1')}`);
    expect((await connection.answer()).status).toBe(400);
    expect(await connection.ended()).toBe(true);
  });

  it.each([
    ['/healthz', 'kube-probe/1.29'],
    ['/health', 'GoogleHC/1.0'],
    ['/readyz', 'ELB-HealthChecker/2.0'],
    ['/ping', 'Envoy/HC'],
    ['/livez', 'Consul Health Check'],
    ['/open/x', 'GoogleHC/1.0'],
  ])('HDR-8 %s asked by %s needs a credential like any other', async (path, agent) => {
    const answer = await call(gateway.port, { path, as: undefined, headers: { 'user-agent': agent } });
    expect([answer.status, answer.json()['code']]).toEqual([401, 'CREDENTIAL_REQUIRED']);
  });

  it.each(['/debug', '/debug/pprof', '/metrics', '/healthz', '/readyz', '/.fairlead/metrics', '/.fairlead', '/.fairlead/debug'])(
    'HDR-9 %s tells nothing of the gateway',
    async (path) => {
      const before = gateway.upstream.requests.length;
      const answer = await call(gateway.port, { path, as: undefined });
      expect([401, 404]).toContain(answer.status);
      expect(answer.text).not.toContain('fairlead_decisions_total');
      expect(gateway.upstream.requests.length).toBe(before);
    },
  );

  it('HDR-10 a method override is not read and does not go on', async () => {
    gateway.upstream.requests.length = 0;
    const headers = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE', 'x-http-method': 'DELETE' };
    expect((await call(gateway.port, { method: 'POST', headers })).status).toBe(200);
    const [request] = gateway.upstream.requests;
    expect(request?.method).toBe('POST');
    for (const name of Object.keys(headers)) expect(request?.all(name)).toEqual([]);
    expect(gateway.record.decisions.at(-1)?.operation).toBe('POST');
  });

  it('HDR-11 identity headers of another platform are dropped', async () => {
    const names = [
      'x-goog-authenticated-user-email',
      'x-goog-authenticated-user-id',
      'x-goog-iap-jwt-assertion',
      'x-goog-iam-authorization-token',
      'x-goog-user-project',
      'x-serverless-authorization',
    ];
    const { request } = await seen(names.map((name) => `${name}: ${FORGED}`));
    for (const name of names) expect(request?.all(name)).toEqual([]);
  });

  it('HDR-12 the record names the proved caller, whatever a header says', async () => {
    await seen([`X-User: ${FORGED}`, `X-Fairlead-User: ${FORGED}`, `X-Forwarded-For: 10.9.9.9`]);
    expect(gateway.record.decisions.at(-1)).toMatchObject({ caller: 'user:ada@acme.example', peer: '127.0.0.1' });
  });

  it('HDR-13 no sampling flag, no request id and no oversized baggage of the client goes on', async () => {
    const { request, answer } = await seen([
      'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      `tracestate: ${Array.from({ length: 40 }, (_, i) => `v${i}=1`).join(',')}`,
      `baggage: ${'a=1,'.repeat(65)}b=2`,
      'x-request-id: forged-id',
      'b3: 1',
    ]);
    expect(request?.all('traceparent')[0]).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
    expect(request?.all('tracestate')).toEqual([]);
    expect(request?.all('baggage')).toEqual([]);
    expect(request?.all('b3')).toEqual([]);
    expect(request?.all('x-request-id')).toEqual([answer.headers.get('x-fairlead-decision')]);
  });

  it('a credential of the caller never reaches the upstream', async () => {
    const { request } = await seen([]);
    expect(request?.all('authorization')).toEqual([]);
  });

  it('the target is told the host that the client named', async () => {
    const { request } = await seen([]);
    expect(request?.all('host')).toEqual(['web.acme.example']);
    expect(request?.all('x-forwarded-host')).toEqual(['web.acme.example']);
  });

  describe('SESS-3 cookies', () => {
    it('SESS-3 our own and foreign ones of our name space are taken out, others keep their bytes', async () => {
      const { request } = await seen([
        'Cookie: a="x y"; fl_0123456789abcdef=s3cret; __Host-fl_fedcba9876543210=s3cret; b=1=2; fl_x=s3cret; c=',
      ]);
      expect(request?.all('cookie')).toEqual(['a="x y"; b=1=2; c=']);
      expect(gateway.upstream.rawText()).not.toContain('s3cret');
    });

    it('SESS-3 a head with nothing but our cookies leaves none', async () => {
      const { request } = await seen(['Cookie: fl_0123456789abcdef=x']);
      expect(request?.all('cookie')).toEqual([]);
    });

    it('SESS-3 an upstream cannot set a cookie of ours', async () => {
      const before = gateway.upstream.answer;
      gateway.upstream.answer = (_request, response) => {
        response.writeHead(200, [
          ...['Set-Cookie', 'app=1; Path=/'],
          ...['Set-Cookie', 'fl_0123456789abcdef=evil; Path=/'],
          ...['set-cookie', ' __Host-fl_0123456789abcdef =evil; Secure; Path=/'],
          ...['Set-Cookie', '=fl_0123456789abcdef=evil'],
          ...['X-Fairlead-Decision', 'forged'],
          ...['Alt-Svc', 'h3=":443"'],
        ]);
        response.end();
      };
      const answer = await call(gateway.port);
      gateway.upstream.answer = before;
      expect(answer.headers['set-cookie']).toEqual(['app=1; Path=/']);
      expect(answer.headers['x-fairlead-decision']).not.toBe('forged');
      expect(answer.headers['alt-svc']).toBeUndefined();
    });
  });
});

describe('a target that observes', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await testGateway({ mode: 'observe' });
  });
  afterAll(() => gateway.close());

  it('forwards what policy would deny, and records the denial', async () => {
    const answer = await call(gateway.port, { path: '/closed' });
    expect(answer.status).toBe(200);
    expect(gateway.record.decisions[0]).toMatchObject({ decision: { verdict: 'deny', mode: 'observe' } });
    expect(await gateway.record.outcome()).toEqual({ kind: 'answered', status: 200 });
  });

  it('passes its own shared secret on unchanged', async () => {
    await call(gateway.port, { as: undefined, headers: { authorization: SHARED } });
    expect(gateway.upstream.requests.at(-1)?.all('authorization')).toEqual([SHARED]);
  });

  it('still refuses a credential that is none', async () => {
    const answer = await call(gateway.port, { as: undefined, headers: { authorization: 'Bearer nonsense' } });
    expect([answer.status, answer.json()['code']]).toEqual([401, 'TOKEN_INVALID']);
  });

  it('an enforcing one takes the same secret for an unknown credential', async () => {
    const enforcing = await testGateway();
    const answer = await call(enforcing.port, { as: undefined, headers: { authorization: SHARED } });
    expect([answer.status, enforcing.upstream.requests.length]).toEqual([401, 0]);
    await enforcing.close();
  });
});
