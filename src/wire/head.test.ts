import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { Problem } from '../core/problem.ts';
import { parseHead } from './head.ts';
import { codeOf } from './testing.ts';

const fields = (...lines: string[]): string[] =>
  lines.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);
const get = (target: string, ...lines: string[]) =>
  parseHead({ method: 'GET', target, rawHeaders: fields('Host: a.example', ...lines) });
const HANDSHAKE = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
];

describe('parseHead', () => {
  it('reads method, path, query, host and headers', () => {
    const head = parseHead({
      method: 'POST',
      target: '/api/%66lows/filter?limit=1',
      rawHeaders: fields('Host: A.Example.:8080', 'Content-Type: application/json'),
    });
    expect(head).toMatchObject({
      method: 'POST',
      rawQuery: 'limit=1',
      query: [['limit', '1']],
      host: 'a.example',
      upgrade: false,
    });
    expect(head.path.raw).toBe('/api/flows/filter');
    expect(head.headers.get('content-type')).toBe('application/json');
  });

  it.each([['get'], ['G T'], [''], ['GET\r\n'], ['A'.repeat(33)], ['GÉT']])('refuses the method %j', (method) => {
    expect(codeOf(() => parseHead({ method, target: '/', rawHeaders: fields('Host: a') }))).toBe('METHOD_INVALID');
  });

  it.each([
    ['CONNECT', 'a.example:443'],
    ['TRACE', '/'],
  ])('PATH-1: refuses %s', (method, target) => {
    expect(codeOf(() => parseHead({ method, target, rawHeaders: fields('Host: a.example') }))).toBe('METHOD_REFUSED');
  });

  it.each([['*'], ['a.example:443'], ['ftp://a.example/'], [''], ['x'], ['\\admin'], ['http:/a'], ['http:\\\\a.example/']])(
    'PATH-1: refuses the target %j',
    (target) => {
      expect(codeOf(() => get(target))).toBe('TARGET_INVALID');
    },
  );

  it.each([
    ['http://a.example/x?y=1', '/x'],
    ['HTTP://A.example:80/x', '/x'],
    ['http://a.example', '/'],
    ['http://a.example?y=1', '/'],
  ])('PATH-1: takes %s apart when its host is that of Host', (target, raw) => {
    expect(get(target).path.raw).toBe(raw);
  });

  it.each([['http://b.example/x'], ['http://a.example:81/x'], ['https://a.example:80/x']])(
    'PATH-4: refuses %s, which names another host',
    (target) => {
      expect(codeOf(() => get(target))).toBe('HOST_MISMATCH');
    },
  );

  it('PATH-4: refuses user information in an absolute target', () => {
    expect(codeOf(() => get('http://a.example@b.example/'))).toBe('HOST_INVALID');
    expect(codeOf(() => get('http://b.example\\@a.example/'))).toBe('HOST_INVALID');
  });

  it('PATH-4: wants exactly one host', () => {
    expect(codeOf(() => parseHead({ method: 'GET', target: '/', rawHeaders: [] }))).toBe('HOST_INVALID');
    expect(codeOf(() => get('/', 'Host: a.example'))).toBe('HOST_INVALID');
    expect(codeOf(() => get('/', 'HOST: b.example'))).toBe('HOST_INVALID');
  });

  it('PATH-4: takes :authority for the host and refuses a Host that says otherwise', () => {
    const input = { method: 'GET', target: '/', authority: 'a.example:443' };
    expect(parseHead({ ...input, rawHeaders: [] }).host).toBe('a.example');
    expect(parseHead({ ...input, rawHeaders: fields('host: A.example:443') }).host).toBe('a.example');
    expect(codeOf(() => parseHead({ ...input, rawHeaders: fields('host: b.example:443') }))).toBe('HOST_MISMATCH');
  });

  it.each([
    ['a length and a coding', ['Content-Length: 1', 'Transfer-Encoding: chunked']],
    ['two lengths', ['Content-Length: 1', 'Content-Length: 2']],
    ['the same length twice', ['Content-Length: 1', 'content-length: 1']],
    ['lengths in a list', ['Content-Length: 1, 1']],
    ['a signed length', ['Content-Length: +1']],
    ['a hexadecimal length', ['Content-Length: 0x1']],
    ['an empty length', ['Content-Length:']],
    ['two codings', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity']],
    ['codings in a list', ['Transfer-Encoding: gzip, chunked']],
    ['an obfuscated coding', ['Transfer-Encoding: xchunked']],
    ['a coding with an empty member', ['Transfer-Encoding: chunked,']],
  ])('SMUG-1: refuses %s', (_what, lines) => {
    expect(codeOf(() => get('/', ...lines))).toBe('FRAMING_INVALID');
  });

  it.each([
    ['Authorization: Bearer a', 'Authorization: Bearer b'],
    ['Content-Type: application/json', 'content-type: text/plain'],
    ['Content-Encoding: gzip', 'Content-Encoding: gzip'],
    ['Origin: null', 'origin: https://a.example'],
  ])('refuses a second field where readers differ in which one counts: %s', (first, second) => {
    expect(codeOf(() => get('/', first, second))).toBe('HEADER_AMBIGUOUS');
  });

  it('HDR-6: refuses a Connection that names what the call means', () => {
    expect(codeOf(() => get('/', 'Connection: close, Authorization'))).toBe('CONNECTION_INVALID');
    expect(codeOf(() => get('/', 'Connection: content-type'))).toBe('CONNECTION_INVALID');
    expect(codeOf(() => get('/', 'Connection: keep-alive, X-Fairlead-User'))).toBeUndefined();
  });

  it('knows a WebSocket handshake', () => {
    const head = get('/events/in', ...HANDSHAKE);
    expect(head.upgrade).toBe(true);
    expect(head.headers.get('upgrade')).toBe('websocket');
    expect(
      get('/', ...HANDSHAKE.map((line) => line.replace('Connection: Upgrade', 'Connection: keep-alive, upgrade'))).upgrade,
    ).toBe(true);
  });

  it.each([
    ['no Connection', HANDSHAKE.filter((line) => !line.startsWith('Connection'))],
    ['no key', HANDSHAKE.filter((line) => !line.includes('Key'))],
    ['two keys', [...HANDSHAKE, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']],
    ['a short key', HANDSHAKE.map((line) => line.replace('dGhl', ''))],
    ['another version', HANDSHAKE.map((line) => line.replace('13', '8'))],
    ['two offers', [...HANDSHAKE, 'Upgrade: h2c']],
    ['a list of offers', HANDSHAKE.map((line) => line.replace('websocket', 'h2c, websocket'))],
    ['a body', [...HANDSHAKE, 'Content-Length: 5']],
    ['a chunked body', [...HANDSHAKE, 'Transfer-Encoding: chunked']],
  ])('SMUG-4: refuses a handshake with %s', (_what, lines) => {
    expect(codeOf(() => get('/', ...lines))).toBe('WEBSOCKET_INVALID');
  });

  it('SMUG-4: refuses a handshake by another method', () => {
    expect(codeOf(() => parseHead({ method: 'POST', target: '/', rawHeaders: fields('Host: a', ...HANDSHAKE) }))).toBe(
      'WEBSOCKET_INVALID',
    );
  });

  it('SMUG-4: lets the offer of any other protocol go no further', () => {
    const head = get('/', 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABk');
    expect(head.upgrade).toBe(false);
    expect(head.headers.has('upgrade')).toBe(false);
    expect(head.headers.has('http2-settings')).toBe(false);
  });

  it('HDR-3, PATH-2: forwarding fields and the query change nothing of what the path and the host say', () => {
    const forwarding = fc.constantFrom(
      'X-Forwarded-Host',
      'X-Forwarded-Uri',
      'X-Forwarded-Proto',
      'Forwarded',
      'X-Original-URL',
      'X-Rewrite-Url',
    );
    const method = fc.constantFrom(
      'X-HTTP-Method-Override',
      'X-Forwarded-Method',
      'X-Envoy-Original-Path',
      'x-forwarded-client-cert',
    );
    const value = fc.constantFrom('/public', 'b.example', 'DELETE', 'host=b.example', 'https');
    const query = fc.constantFrom('', '?x=/public', '?/../public', '?_method=DELETE');
    const plain = get('/admin');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(forwarding, method), value)), query, (added, text) => {
        const head = get(`/admin${text}`, ...added.map(([name, said]) => `${name}: ${said}`));
        expect([head.method, head.path, head.host, head.upgrade]).toEqual([plain.method, plain.path, plain.host, plain.upgrade]);
      }),
    );
  });

  it('PATH-9: ends in a head or a refusal of the 400 class for any input', () => {
    const line = fc.constantFrom(
      'Host',
      'Upgrade',
      'Connection',
      'Content-Length',
      'Transfer-Encoding',
      'Sec-WebSocket-Key',
      'a',
      'Bad Name',
    );
    const value = fc.oneof(fc.constantFrom('websocket', 'upgrade', 'a.example', '1', 'chunked', '[::1]', 'h2c'), fc.string());
    fc.assert(
      fc.property(
        fc.constantFrom('GET', 'POST', 'CONNECT', 'x'),
        fc.oneof(fc.string(), fc.webPath(), fc.webUrl(), fc.constantFrom('/', '*', 'http://a.example/x', '//a', '/%2e')),
        fc.array(fc.tuple(line, value), { maxLength: 5 }),
        fc.option(value, { nil: undefined }),
        (method, target, lines, authority) => {
          try {
            const rawHeaders = lines.flat();
            const head = parseHead(
              authority === undefined ? { method, target, rawHeaders } : { method, target, rawHeaders, authority },
            );
            expect(head.path.raw).toMatch(/^\//);
          } catch (thrown) {
            if (!(thrown instanceof Problem)) throw thrown;
            expect(thrown.status).toBeGreaterThanOrEqual(400);
            expect(thrown.status).toBeLessThan(500);
          }
        },
      ),
      { numRuns: runs(500) },
    );
  });
});
