import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../core/problem.ts';
import type { JwtRule } from '../objects.ts';
import { completeRequest, overlaid, wireText } from './draft.ts';
import { readRequest } from './read-request.ts';
import { tokenClaims, withTokens } from './token.ts';

const base64url = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');
const token = (claims: unknown) => `${base64url({ alg: 'RS256' })}.${base64url(claims)}.c2ln`;

function ruleOf(places: Partial<JwtRule>): JwtRule {
  const nothing = {
    audiences: [],
    jwksUri: '',
    jwks: '',
    fromHeaders: [],
    fromParams: [],
    fromCookies: [],
    spaceDelimitedClaims: [],
  };
  return { ...nothing, issuer: 'i', forwardOriginalToken: false, outputPayloadToHeader: '', outputClaimToHeaders: [], ...places };
}

function code(text: string): string {
  try {
    readRequest(text);
    return 'read';
  } catch (error) {
    return error instanceof Problem ? error.code : String(error);
  }
}

describe('an HTTP request head', () => {
  it('gives method, path, host and headers in order; the body is left alone', () => {
    const text = 'POST /a?b=1#c HTTP/1.1\r\nHost: cart:8080\r\nX-Role: user\r\nx-role:  admin \r\n\r\nX-Not: a header';
    expect(readRequest(text)).toEqual({
      form: 'http-head',
      draft: {
        transport: 'http',
        protocol: 'http/1.1',
        method: 'POST',
        path: '/a?b=1#c',
        authority: 'cart:8080',
        headers: [
          ['X-Role', 'user'],
          ['x-role', 'admin'],
        ],
      },
    });
  });

  it('is read as `curl -v` prints it, over HTTP/2 too', () => {
    const text = '> GET /x HTTP/2\n> Host: cart\n> user-agent: curl/8\n> \n< HTTP/2 403';
    expect(readRequest(text).draft).toMatchObject({
      protocol: 'h2',
      authority: 'cart',
      path: '/x',
      headers: [['user-agent', 'curl/8']],
    });
  });

  it('takes the host of an absolute target before the header, and bytes as they go over the wire', () => {
    const { draft } = readRequest('GET http://real.example/ä HTTP/1.1\nHost: other\n\n');
    expect(draft).toMatchObject({ authority: 'real.example', path: '/\u00c3\u00a4' });
    expect(readRequest('GET http://real.example HTTP/1.1\n').draft.path).toBe('/');
  });

  it('is refused with the line that is none', () => {
    expect(code('')).toBe('REQUEST_UNREADABLE');
    expect(code('hello')).toBe('REQUEST_UNREADABLE');
    expect(code('GET /\n')).toBe('REQUEST_UNREADABLE');
    expect(() => readRequest('GET / HTTP/1.1\nno colon here\n')).toThrow('line 2 is not a header');
    expect(code('GET / HTTP/1.1\nHost: a\nHost: b\n')).toBe('REQUEST_UNREADABLE');
  });
});

describe('tokens in headers', () => {
  it('become claims, taken as signed; what is no token stays a header', () => {
    const { draft } = readRequest(
      `GET / HTTP/1.1\nAuthorization: Bearer ${token({ iss: 'i', sub: 's' })}\nX-Other: ${token({ iss: 'j' })}\n`,
    );
    const taken = withTokens(draft, [ruleOf({ fromHeaders: [{ name: 'X-Other', prefix: '' }] })]);
    expect(taken.headers).toEqual([]);
    expect(taken.tokens?.map(({ claims, signed, in: place }) => [{ ...(claims as object) }, signed, place])).toEqual([
      [{ iss: 'i', sub: 's' }, true, { header: 'authorization', prefix: 'Bearer ' }],
      [{ iss: 'j' }, true, { header: 'x-other', prefix: '' }],
    ]);
    const opaque = readRequest('GET / HTTP/1.1\nAuthorization: Bearer opaque.to.ken\nAuthorization: Basic eDp5\n').draft;
    expect(withTokens(opaque, [])).toBe(opaque);
  });

  it('are taken from parameters and cookies where a rule reads them there', () => {
    const { draft } = readRequest(
      `GET /x?a=1&t=${token({ iss: 'i' })}&t=opaque#f HTTP/1.1\nCookie: b=2; c=${token({ iss: 'j' })}\n`,
    );
    const taken = withTokens(draft, [ruleOf({ fromParams: ['t'], fromCookies: ['c'] })]);
    expect([taken.path, taken.headers]).toEqual(['/x?a=1&t=opaque#f', [['Cookie', 'b=2']]]);
    expect(taken.tokens?.map(({ in: place }) => place)).toEqual([{ cookie: 'c' }, { param: 't' }]);
    expect(withTokens(draft, [ruleOf({})])).toBe(draft);
  });

  it('are claims only in compact form with JSON objects inside', () => {
    expect(tokenClaims(token({ a: 1 }))).toMatchObject({ a: 1 });
    for (const text of ['', 'a.b', 'a.b.c', `${base64url([])}.${base64url({})}.x`, `${base64url({})}.${base64url('x')}.x`])
      expect(tokenClaims(text), text).toBeUndefined();
  });
});

describe('a request of a case', () => {
  it('gives every part that it names', () => {
    const { form, draft } = readRequest(
      JSON.stringify({
        protocol: 'h2',
        method: 'PURGE',
        authority: 'Example.Com',
        path: '/x',
        headers: [['a', 'b']],
        jwt: { claims: { iss: 'i' }, key: 'bad' },
        jwt2: { claims: { iss: 'j' }, header: 'X-T' },
        peer: { uri: ['spiffe://td/ns/a/sa/b'], dns: ['d'], cn: 'c', o: 'O' },
        sni: 's',
        directIp: '10.0.0.1',
        remoteIp: '10.0.0.2',
        localIp: '10.0.0.3',
        localPort: 8080,
      }),
    );
    expect(form).toBe('case');
    expect(draft).toMatchObject({
      transport: 'http',
      protocol: 'h2',
      peer: { uris: ['spiffe://td/ns/a/sa/b'], dns: ['d'], subject: 'CN=c,O=O' },
      tokens: [
        { signed: false, in: { header: 'authorization', prefix: 'Bearer ' } },
        { signed: true, in: { header: 'x-t', prefix: '' } },
      ],
      localPort: 8080,
    });
    expect(readRequest('{"kind": "tcp", "peer": null, "sni": null}').draft).toEqual({
      transport: 'tcp',
      peer: 'none',
      headers: undefined,
      tokens: [],
    });
  });

  it('takes the certificate of a peer by its name', () => {
    const peers = new Map([['sleep', { uris: ['spiffe://td/ns/a/sa/b'], dns: [], subject: '' }]]);
    expect(readRequest('{"peer": "sleep"}', peers).draft.peer).toEqual(peers.get('sleep'));
    expect(readRequest('{"peer": "spiffe://td/ns/c/sa/d"}').draft.peer).toEqual({
      uris: ['spiffe://td/ns/c/sa/d'],
      dns: [],
      subject: '',
    });
  });

  it('is refused when a part is not what it should be, or is not known', () => {
    const wrong = [
      { methd: 'GET' },
      { path: 1 },
      { path: '/\u0100' },
      { headers: [['a']] },
      { headers: { a: 'b' } },
      { jwt: {} },
      { peer: 'sleep-foo' },
      { peer: { uri: [1] } },
      { localPort: 70_000 },
      { protocol: 'h3' },
      { objects: [], requests: [] },
    ];
    for (const one of wrong) expect(code(JSON.stringify(one)), JSON.stringify(one)).toBe('REQUEST_UNREADABLE');
    expect(code('{"a": 1, "a": 2}')).toBe('REQUEST_UNREADABLE');
  });
});

describe('a line of an access log', () => {
  it('in JSON gives what Istio logs, and the answer', () => {
    const { form, draft, logged } = readRequest(
      JSON.stringify({
        start_time: '2026-01-01T00:00:00.000Z',
        method: 'GET',
        path: '/status/418',
        protocol: 'HTTP/2',
        authority: 'httpbin:8000',
        x_forwarded_for: null,
        user_agent: 'curl/8',
        response_code: 403,
        response_code_details: 'rbac_access_denied_matched_policy[none]',
        upstream_cluster: 'inbound|8080||',
        downstream_local_address: '10.0.0.5:15006',
        downstream_remote_address: '10.0.0.9:41242',
        downstream_peer_uri_san: 'spiffe://cluster.local/ns/foo/sa/sleep',
        requested_server_name: 'outbound_.8000_._.httpbin.foo.svc.cluster.local',
      }),
    );
    expect([form, logged]).toEqual(['access-log-json', { status: 403, details: 'rbac_access_denied_matched_policy[none]' }]);
    expect(draft).toEqual({
      transport: 'http',
      protocol: 'h2',
      method: 'GET',
      path: '/status/418',
      authority: 'httpbin:8000',
      headers: [['user-agent', 'curl/8']],
      peer: { uris: ['spiffe://cluster.local/ns/foo/sa/sleep'], dns: [], subject: '' },
      sni: 'outbound_.8000_._.httpbin.foo.svc.cluster.local',
      directIp: '10.0.0.9',
      remoteIp: '10.0.0.9',
      localIp: '10.0.0.5',
      localPort: 8080,
    });
  });

  it('in text, in the default format, gives the same', () => {
    const line =
      '[2026-01-01T10:00:00.000Z] "GET /admin HTTP/1.1" 403 - rbac_access_denied_matched_policy[ns[shop]-policy[no-admin]-rule[0]] - "-" 0 19 0 - "-" "curl/8.5.0" "f7a9" "cart.shop:8080" "-" inbound|8080|| - 10.0.0.5:8080 10.0.0.9:41242 outbound_.8080_._.cart.shop.svc.cluster.local default';
    const { form, draft, logged } = readRequest(line);
    expect(form).toBe('access-log-text');
    expect(logged).toEqual({ status: 403, details: 'rbac_access_denied_matched_policy[ns[shop]-policy[no-admin]-rule[0]]' });
    expect(draft).toMatchObject({
      method: 'GET',
      path: '/admin',
      authority: 'cart.shop:8080',
      localPort: 8080,
      directIp: '10.0.0.9',
    });
    const tcp =
      '[2026-01-01T10:00:00.000Z] "- - -" 0 - rbac_access_denied_matched_policy[none] - "-" 0 0 0 - "-" "-" "-" "-" "-" inbound|9000|| - 10.0.0.5:9000 10.0.0.9:1 - -';
    expect(readRequest(tcp).draft).toMatchObject({ transport: 'tcp', localPort: 9000 });
    expect(code('[2026-01-01] something else')).toBe('REQUEST_UNREADABLE');
    expect(readRequest(`cart-6f7 istio-proxy ${line}`)).toEqual(readRequest(line));
    const json = '{"method":"GET","path":"/x","response_code":200}';
    expect(readRequest(`cart-6f7 istio-proxy ${json}`)).toEqual(readRequest(json));
  });
});

describe('facts of a draft', () => {
  it('fill in what nobody said, and tell', () => {
    const { facts, assumed } = completeRequest({ method: 'GET', path: '/x' }, { authority: 'cart', localPort: 80, now: 1 });
    expect(facts).toMatchObject({ authority: 'cart', localPort: 80, peer: undefined, remoteIp: facts.directIp, now: 1 });
    expect(assumed.map(({ field }) => field)).toEqual(['peer', 'directIp', 'authority', 'localIp', 'localPort']);
  });

  it('take what a person says before what a file says', () => {
    expect(overlaid({ method: 'GET', path: '/x', headers: [['a', '1']] }, { method: 'PUT', headers: [['b', '2']] })).toEqual({
      method: 'PUT',
      path: '/x',
      headers: [
        ['a', '1'],
        ['b', '2'],
      ],
    });
    expect(wireText('é')).toBe('\u00c3\u00a9');
  });
});

describe('any text', () => {
  it('ends in a request or in a known problem', () => {
    const shaped = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.string().map((text) => `[${text}`),
      fc.string().map((text) => `GET ${text} HTTP/1.1\n${text}`),
      fc
        .dictionary(
          fc.constantFrom('peer', 'headers', 'jwt', 'path', 'kind', 'response_code', 'upstream_cluster'),
          fc.jsonValue(),
        )
        .map((one) => JSON.stringify(one)),
    );
    fc.assert(
      fc.property(shaped, (text) => {
        expect(['read', 'REQUEST_UNREADABLE']).toContain(code(text));
      }),
      { numRuns: 500 },
    );
  });
});

describe('texts that are made to be slow', () => {
  it('are read or refused in time', () => {
    const many = 400_000;
    const texts = [
      `GET / HTTP/1.1\nx: a${' '.repeat(many)}b\n`,
      `GET / HTTP/1.1\n${'x'.repeat(many)}\n`,
      '[ '.repeat(many),
      `x ${'[2026-01-01T '.repeat(many / 10)}`,
      `["${'\\"'.repeat(many)}`,
      `{"a":`.repeat(1000),
    ];
    const start = process.cpuUsage();
    for (const text of texts) expect(['read', 'REQUEST_UNREADABLE']).toContain(code(text));
    expect(process.cpuUsage(start).user).toBeLessThan(3_000_000);
  });
});
