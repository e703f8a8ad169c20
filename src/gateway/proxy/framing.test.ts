import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HOST, type TestGateway, testGateway } from '../../../test/support/gateway.ts';
import { call, rawConnection, rawHead } from '../../../test/support/raw-client.ts';

describe('framing at the proxy door', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await testGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(() => {
    gateway.upstream.requests.length = 0;
  });

  const auth = 'Authorization: Bearer tok-ada';
  const post = (lines: readonly string[], body = '') => `${rawHead('POST /open/x HTTP/1.1', lines)}${body}`;
  const smuggled = `GET /open/smuggled HTTP/1.1\r\nHost: ${HOST}\r\n${auth}\r\n\r\n`;

  const refused: Readonly<Record<string, string>> = {
    'a length and chunks': post(['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`),
    'chunks and a length': post(['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${smuggled}`),
    'two lengths': post(['Content-Length: 0', 'Content-Length: 5'], smuggled),
    'the same length twice': post(['Content-Length: 5', 'Content-Length: 5'], 'abcde'),
    'a list of lengths': post(['Content-Length: 5, 5'], 'abcde'),
    'a length with a sign': post(['Content-Length: +5'], 'abcde'),
    'a length in hex': post(['Content-Length: 0x5'], 'abcde'),
    'a negative length': post(['Content-Length: -1']),
    'chunked named twice': post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    'chunked, then identity': post(['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'),
    'chunked misspelled': post(['Transfer-Encoding: xchunked'], '0\r\n\r\n'),
    'chunked behind a tab': post(['Transfer-Encoding:\tchunked, gzip'], '0\r\n\r\n'),
    'chunked on a folded line': post(['Transfer-Encoding:', ' chunked'], '0\r\n\r\n'),
    'a space in a header name': post(['Transfer-Encoding : chunked'], '0\r\n\r\n'),
    'a chunk size that is none': post(['Transfer-Encoding: chunked'], `zz\r\nabc\r\n0\r\n\r\n${smuggled}`),
    'a chunk size with a sign': post(['Transfer-Encoding: chunked'], '+3\r\nabc\r\n0\r\n\r\n'),
    'a chunk size in 0x': post(['Transfer-Encoding: chunked'], '0x3\r\nabc\r\n0\r\n\r\n'),
    'a chunk size beyond 64 bits': post(['Transfer-Encoding: chunked'], 'fffffffffffffffff\r\nabc'),
    'a chunk longer than it says': post(['Transfer-Encoding: chunked'], '3\r\nabcdef\r\n0\r\n\r\n'),
    'chunks that end in bare LF': post(['Transfer-Encoding: chunked'], '3\nabc\n0\n\n'),
    'a bare LF after a header': `POST /open/x HTTP/1.1\nHost: ${HOST}\n${auth}\n\n`,
    'a bare CR in a header': post(['x-a: b\rTransfer-Encoding: chunked']),
    'a NUL in a header': post(['x-a: b\0c']),
    'a folded header': post(['x-a: b', ' c']),
    'no host': `GET /open/x HTTP/1.1\r\n${auth}\r\n\r\n`,
    'two hosts': `GET /open/x HTTP/1.1\r\nHost: ${HOST}\r\nHost: ${HOST}\r\n${auth}\r\n\r\n`,
    'a HTTP/0.9 line': 'GET /open/x\r\n\r\n',
    'a HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'TLS on a plain port': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  };
  for (const [what, bytes] of Object.entries(refused)) {
    it(`SMUG-1 ${what} is refused, and the connection with it`, async () => {
      const connection = rawConnection(gateway.port);
      connection.send(bytes);
      const answer = await connection.answer();
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(answer.headers.get('connection')).toBe('close');
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      const { code, detail } = answer.json();
      expect([typeof code, typeof detail]).toEqual(['string', 'string']);
      expect(await connection.ended()).toBe(true);
      expect(connection.rest()).toBe('');
      expect(gateway.upstream.requests.filter(({ url }) => url.includes('smuggled') || url.includes('/open/x'))).toSatisfy(
        (reached: readonly { isComplete: boolean }[]) => reached.every((one) => !one.isComplete),
      );
    });
  }

  it('SMUG-1 bytes that are no request are not answered into the midst of an answer', async () => {
    const kept = gateway.upstream.answer;
    gateway.upstream.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('first part;');
    };
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    connection.send('\0\0 nonsense\r\n\r\n');
    expect(await connection.ended()).toBe(true);
    expect(connection.rest()).not.toContain('REQUEST_MALFORMED');
    gateway.upstream.answer = kept;
  });

  describe('SMUG-3 after a denial', () => {
    it('SMUG-3 a body with a request in it is never parsed as one', async () => {
      const connection = rawConnection(gateway.port);
      connection.send(
        `${rawHead('POST /closed HTTP/1.1', [`Content-Length: ${smuggled.length}`])}${smuggled}${rawHead('GET /open/next HTTP/1.1')}`,
      );
      expect((await connection.answer()).status).toBe(403);
      const next = await connection.answer();
      expect([next.status, next.json()]).toEqual([200, { ok: true }]);
      expect(gateway.upstream.requests.map(({ url }) => url)).toEqual(['/open/next']);
      connection.close();
    });

    it('SMUG-3 a body that comes late is still not parsed as one', async () => {
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('POST /closed HTTP/1.1', [`Content-Length: ${smuggled.length}`]));
      expect((await connection.answer()).status).toBe(403);
      connection.send(smuggled);
      connection.send(rawHead('GET /open/next HTTP/1.1'));
      expect((await connection.answer()).status).toBe(200);
      expect(gateway.upstream.requests.map(({ url }) => url)).toEqual(['/open/next']);
      connection.close();
    });

    it('SMUG-3 chunks of unknown length end the connection', async () => {
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('POST /closed HTTP/1.1', ['Transfer-Encoding: chunked']));
      const answer = await connection.answer();
      expect([answer.status, answer.headers.get('connection')]).toEqual([403, 'close']);
      connection.send(smuggled);
      expect(await connection.ended()).toBe(true);
      expect(gateway.upstream.requests).toEqual([]);
    });

    it('SMUG-3 an upload that is refused gets to read why', async () => {
      const body = Buffer.alloc(8 * 1024 * 1024, 'x');
      const answer = await call(gateway.port, { method: 'PUT', path: '/closed', body });
      expect([answer.status, answer.json()['code']]).toEqual([403, 'NO_RULE']);
    });

    it('SMUG-3 pipelined calls are answered in their order', async () => {
      const kept = gateway.upstream.answer;
      gateway.upstream.answer = (request, response) => {
        const wait = request.url === '/open/1' ? 60 : 0;
        setTimeout(() => response.end(request.url), wait);
      };
      const connection = rawConnection(gateway.port);
      const one = (path: string) => rawHead(`GET ${path} HTTP/1.1`);
      connection.send(`${one('/open/1')}${one('/closed')}${one('/open/3')}`);
      const answers = [await connection.answer(), await connection.answer(), await connection.answer()];
      expect(answers.map(({ status }) => status)).toEqual([200, 403, 200]);
      expect([answers[0]?.body, answers[2]?.body]).toEqual(['/open/1', '/open/3']);
      connection.close();
      gateway.upstream.answer = kept;
    });
  });

  describe('SMUG-4 other protocols', () => {
    it('SMUG-4 an offer of h2c goes no further', async () => {
      const connection = rawConnection(gateway.port);
      connection.send(
        rawHead('GET /open/x HTTP/1.1', [
          'Connection: Upgrade, HTTP2-Settings',
          'Upgrade: h2c',
          'HTTP2-Settings: AAMAAABkAAQAAP__',
        ]),
      );
      expect((await connection.answer()).status).toBe(200);
      const [request] = gateway.upstream.requests;
      for (const name of ['upgrade', 'http2-settings']) expect(request?.all(name)).toEqual([]);
      expect(request?.all('connection')).toEqual(['keep-alive']);
      connection.close();
    });

    it.each([
      ['without a key', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']],
      [
        'without `connection`',
        ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
      ],
      [
        'beside h2c',
        [
          'Connection: Upgrade',
          'Upgrade: websocket, h2c',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ],
      ],
      [
        'of an old version',
        ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 8', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
      ],
    ])('SMUG-4 a WebSocket handshake %s is refused', async (_what, lines) => {
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('GET /open/x HTTP/1.1', lines));
      const answer = await connection.answer();
      expect([answer.status, answer.json()['code']]).toEqual([400, 'WEBSOCKET_INVALID']);
      expect(await connection.ended()).toBe(true);
      expect(gateway.upstream.requests).toEqual([]);
    });

    it.each(['CONNECT example.com:443 HTTP/1.1', 'TRACE /open/x HTTP/1.1'])('SMUG-4 %s is not served', async (line) => {
      const connection = rawConnection(gateway.port);
      connection.send(rawHead(line));
      expect(await connection.ended()).toBe(true);
      expect(gateway.upstream.requests).toEqual([]);
    });
  });

  const trailed = (trailers: readonly string[]) =>
    `${rawHead('POST /open/x HTTP/1.1', ['Transfer-Encoding: chunked', 'TE: trailers', 'Trailer: x-checksum, x-role'])}3\r\nabc\r\n0\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n${rawHead('GET /open/y HTTP/1.1')}`;

  it('SMUG-5 trailers of a request end here with their announcement, and become no headers', async () => {
    gateway.upstream.requests.length = 0;
    const connection = rawConnection(gateway.port);
    connection.send(trailed(['x-checksum: abc', 'x-role: admin', 'host: evil.example', 'authorization: Bearer tok-eve']));
    expect([(await connection.answer()).status, (await connection.answer()).status]).toEqual([200, 200]);
    connection.close();
    const [first, second, ...more] = gateway.upstream.requests;
    expect([first?.body().toString(), first?.trailers, second?.url, more]).toEqual(['abc', [], '/open/y', []]);
    for (const name of ['x-checksum', 'x-role', 'trailer', 'te', 'authorization']) expect(first?.all(name)).toEqual([]);
    expect(first?.all('host')).not.toContain('evil.example');
    expect(gateway.upstream.rawText()).not.toMatch(/x-checksum|x-role|evil\.example|tok-eve/);
  });

  it.each(['content-length: 9', 'Transfer-Encoding: chunked'])('SMUG-5 a trailer `%s` frames nothing', async (line) => {
    gateway.upstream.requests.length = 0;
    const connection = rawConnection(gateway.port);
    connection.send(trailed([line]));
    const { status } = await connection.answer();
    connection.close();
    expect([200, 400]).toContain(status);
    for (const request of gateway.upstream.requests) {
      expect(['/open/x', '/open/y']).toContain(request.url);
      expect(request.all('content-length')).toEqual([]);
    }
  });

  it('SMUG-5 trailers of an answer pass, but for those that only we may set', async () => {
    const kept = gateway.upstream.answer;
    gateway.upstream.answer = (_request, response) => {
      response.writeHead(200, { trailer: 'x-checksum, x-fairlead-user, set-cookie' });
      response.write('body');
      response.addTrailers({ 'x-checksum': 'abc', 'x-fairlead-user': 'mallory', 'set-cookie': 'a=1' });
      response.end();
    };
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1') + rawHead('GET /open/y HTTP/1.1'));
    const answer = await connection.answer();
    expect([answer.body, answer.headers.get(':trailers')]).toEqual(['body', 'x-checksum: abc\r\n']);
    expect((await connection.answer()).body).toBe('body');
    connection.close();
    gateway.upstream.answer = kept;
  });

  it.each([
    ['//closed', 'PATH_AMBIGUOUS'],
    ['/open//x', 'PATH_AMBIGUOUS'],
    ['/open/../closed', 'PATH_AMBIGUOUS'],
    ['/open/./x', 'PATH_AMBIGUOUS'],
    ['/open/%2e%2e/closed', 'PATH_AMBIGUOUS'],
    ['/open/..%2fclosed', 'PATH_AMBIGUOUS'],
    ['/open%2f..%2fclosed', 'PATH_AMBIGUOUS'],
    ['/open/..;x/closed', 'PATH_AMBIGUOUS'],
    ['/open/%5c..%5cclosed', 'PATH_AMBIGUOUS'],
    ['/open\\..\\closed', 'PATH_AMBIGUOUS'],
    ['/open/%252e%252e/closed', 'PATH_AMBIGUOUS'],
    ['/open/%00', 'PATH_INVALID'],
    ['/open/%c0%ae%c0%ae/closed', 'PATH_INVALID'],
    ['/open/%zz', 'PATH_INVALID'],
    ['/closed#/open/x', 'PATH_AMBIGUOUS'],
    ['*', 'TARGET_INVALID'],
    ['open/x', 'TARGET_INVALID'],
    ['http://evil.example/open/x', 'HOST_MISMATCH'],
  ])('PATH-1 the target %s is refused', async (target, code) => {
    const connection = rawConnection(gateway.port);
    connection.send(rawHead(`GET ${target} HTTP/1.1`));
    const answer = await connection.answer();
    expect(answer.status).toBe(400);
    // What Node's own parser refuses has no finer code.
    expect([code, 'REQUEST_MALFORMED']).toContain(answer.json()['code']);
    expect(gateway.upstream.requests).toEqual([]);
    connection.close();
  });

  it('PATH-1 an absolute target of this host is that path', async () => {
    const connection = rawConnection(gateway.port);
    connection.send(rawHead(`GET http://${HOST}/open/x?a=1 HTTP/1.1`));
    expect((await connection.answer()).status).toBe(200);
    expect(gateway.upstream.requests[0]?.url).toBe('/open/x?a=1');
    connection.close();
  });

  it('PATH-1 the path that is decided is the one that is sent', async () => {
    expect((await call(gateway.port, { path: '/%6fpen/%61;b/%3Apredict+x?q=%2e%2e//#'.replace('#', '') })).status).toBe(200);
    expect(gateway.upstream.requests[0]?.url).toBe('/open/a%3Bb/:predict%2Bx?q=%2e%2e//');
    expect(gateway.record.decisions.at(-1)?.path).toBe('/open/a;b/:predict+x');
  });

  it.each(['/closed?x=/open/x', '/closed?/open/x', '/closed?open'])('PATH-2 the query of %s grants nothing', async (path) => {
    expect((await call(gateway.port, { path })).status).toBe(403);
  });

  it('PATH-3 a fragment in the query is refused', async () => {
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x?a=1#/closed HTTP/1.1'));
    expect((await connection.answer()).status).toBe(400);
    connection.close();
  });

  describe('PATH-4 hosts', () => {
    it.each(['WEB.Acme.Example', 'web.acme.example:8443', 'web.acme.example.', 'WEB.ACME.EXAMPLE.:80'])(
      'PATH-4 %s is the one target',
      async (host) => {
        expect((await call(gateway.port, { host })).status).toBe(200);
      },
    );

    it.each(['evil.example', '127.0.0.1', 'xweb.acme.example', 'web.acme.example.evil.example', '[::1]:80'])(
      'PATH-4 %s is nobody’s: 421',
      async (host) => {
        const answer = await call(gateway.port, { host });
        expect([answer.status, answer.json()['code'], typeof answer.json()['detail']]).toEqual([421, 'HOST_UNKNOWN', 'string']);
        expect(gateway.upstream.requests).toEqual([]);
      },
    );

    it.each(['web.acme.example@evil.example', 'web.acme.example/evil', 'a b', '', 'web.acme.example:99999', '*.acme.example'])(
      'PATH-4 %j is no host',
      async (host) => {
        const connection = rawConnection(gateway.port);
        connection.send(`GET /open/x HTTP/1.1\r\nHost: ${host}\r\n${auth}\r\n\r\n`);
        expect([400, 421]).toContain((await connection.answer()).status);
        expect(gateway.upstream.requests).toEqual([]);
        connection.close();
      },
    );
  });

  it('SESS-2 two credentials of one kind are a 400', async () => {
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.1', ['Authorization: Bearer tok-other']));
    const answer = await connection.answer();
    expect([answer.status, answer.json()['code']]).toEqual([400, 'HEADER_AMBIGUOUS']);
    connection.close();
  });

  it('HTTP/1.0 is served and its connection ends', async () => {
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/x HTTP/1.0'));
    expect((await connection.answer()).status).toBe(200);
    expect(await connection.ended()).toBe(true);
  });
});
