import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../wire/call.ts';
import { compileChain } from '../compile/chain.ts';
import type { RequestFacts, TokenFact } from '../facts.ts';
import { PROFILES } from '../profile.ts';
import { modelOf } from '../testing.ts';
import { evaluate } from './evaluate.ts';

const REQUEST: RequestFacts = {
  transport: 'http',
  protocol: 'h2',
  method: 'GET',
  authority: 'api.example.com',
  path: '/',
  headers: [],
  tokens: [],
  peer: undefined,
  sni: undefined,
  directIp: '10.0.0.7',
  remoteIp: '10.0.0.7',
  localIp: '10.9.0.1',
  localPort: 8080,
  metadata: {},
  now: 1_800_000_000,
};

interface Options {
  readonly profile?: keyof typeof PROFILES;
  readonly config?: JsonObject;
  readonly kind?: 'sidecar' | 'gateway';
  readonly more?: string;
}

/** `v`, or `v by` where the proxy's codec or token filter says no. */
function decide(
  spec: string,
  facts: Partial<RequestFacts>,
  { profile = 'envoy-1.40', config = {}, kind = 'sidecar', more = '' }: Options = {},
): string {
  const policy = `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: p, namespace: foo}, spec: ${spec}}`;
  const request = { ...REQUEST, ...facts };
  const workload = { namespace: 'foo', labels: {}, kind };
  const verdict = evaluate(
    compileChain(modelOf(`${policy}\n---\n${more}`, config), workload, request.transport, PROFILES[profile]),
    request,
  );
  return verdict.by === undefined || verdict.by === 'rbac' ? verdict.v : `${verdict.v} ${verdict.by}`;
}

const denyPath = (...paths: string[]) => `{action: DENY, rules: [{to: [{operation: {paths: ${JSON.stringify(paths)}}}]}]}`;
const normalization = (mode: string): Options => ({ config: { pathNormalization: { normalization: mode } } });

describe('known ways around a rule', () => {
  it('many slashes (CVE-2021-31920, CVE-2021-29492): merged and decoded only where the mesh says so', () => {
    const on = (path: string) =>
      ['BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'].map((mode) =>
        decide(denyPath('/admin/x'), { path }, normalization(mode)),
      );
    expect(on('/admin//x')).toEqual(['allow', 'deny', 'deny']);
    expect(on('/admin%2fx')).toEqual(['allow', 'allow', 'deny']);
    expect(on('/admin%5cx')).toEqual(['allow', 'allow', 'deny']);
    expect(on('/admin\\x')).toEqual(['deny', 'deny', 'deny']);
    expect(on('/public%2f..%2fadmin/x')).toEqual(['allow', 'allow', 'deny']);
  });

  it('dot segments, encoded (CVE-2019-9901): resolved unless normalisation is off', () => {
    const on = (mode: string) => decide(denyPath('/private'), { path: '/public/%2e%2e/private' }, normalization(mode));
    expect([on('NONE'), on('BASE')]).toEqual(['allow', 'deny']);
  });

  it('dot segments with parameters (CVE-2026-73551): resolved by the newest profile alone', () => {
    const on = (profile: Options['profile'] & string) => decide(denyPath('/admin'), { path: '/user/..;a=b/admin' }, { profile });
    expect([on('envoy-1.36'), on('envoy-1.38'), on('envoy-1.40')]).toEqual(['allow', 'allow', 'deny']);
  });

  it('path parameters (CVE-2026-73511, CVE-2026-73553): part of the path, which an exact rule therefore misses', () => {
    expect(decide(denyPath('/admin'), { path: '/admin;x=1' })).toBe('allow');
    expect(decide(denyPath('/admin/{*}'), { path: '/admin/a;p=1' })).toBe('deny');
    expect(decide(denyPath('/admin'), { path: '/a;p/../admin' })).toBe('deny');
  });

  it('a fragment (CVE-2021-39156, CVE-2021-32779): cut in every mode, an encoded one is none', () => {
    for (const mode of ['NONE', 'BASE'])
      expect(decide(denyPath('/admin'), { path: '/admin#x' }, normalization(mode))).toBe('deny');
    expect(decide(denyPath('/admin'), { path: '/admin%23x' })).toBe('allow');
  });

  it('a query on an exact path (CVE-2020-8595): no part of what is matched', () => {
    expect(decide(denyPath('/admin'), { path: '/admin?x=/y' })).toBe('deny');
  });

  it('NUL and control bytes: refused before any rule', () => {
    expect(decide(denyPath('/x'), { path: '/admin%00' })).toBe('reject path_normalization_failed');
    expect(decide(denyPath('/x'), { path: '/admin%00' }, normalization('NONE'))).toBe('allow');
    expect(decide(denyPath('/x'), { path: '/admin\0' })).toBe('reject h2_stream_reset');
    expect(decide(denyPath('/x'), { protocol: 'http/1.1', headers: [['x-a', 'a\0b']] })).toBe('reject http1.invalid_characters');
  });

  it('the characters of a template (CVE-2025-46821): brackets escape one, and more where normalisation is off', () => {
    const on = (path: string, mode = 'BASE') => decide(denyPath('/{**}'), { path }, normalization(mode));
    expect([on('/a*b'), on('/a=b'), on('/a|b'), on('/a\xe9b')]).toEqual(['deny', 'deny', 'deny', 'deny']);
    expect([on('/a[b'), on('/a|b', 'NONE'), on('/a"b', 'NONE'), on('/a\xe9b', 'NONE')]).toEqual([
      'allow',
      'allow',
      'allow',
      'allow',
    ]);
  });

  it('the case of a host (CVE-2021-39155), and its other spellings: only the case is forgiven', () => {
    const rule = '{action: DENY, rules: [{to: [{operation: {hosts: ["deny.example.com"]}}]}]}';
    const on = (authority: string) => decide(rule, { authority });
    expect(on('Deny.Example.COM')).toBe('deny');
    expect([on('deny.example.com.'), on('deny.example.com:443')]).toEqual(['allow', 'allow']);
    expect(decide(rule, { authority: 'user@deny.example.com', protocol: 'http/1.1' })).toBe('allow');
    expect(on('user@deny.example.com')).toBe('reject h2_stream_reset');
  });

  it('the case of a method over HTTP/2 (GHSA-w44g-8m76-8gc5): another method to DENY, and none to HTTP/1.1', () => {
    const rule = '{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}';
    expect([decide(rule, { method: 'GET' }), decide(rule, { method: 'get' }), decide(rule, { method: 'Get' })]).toEqual([
      'deny',
      'allow',
      'allow',
    ]);
    expect(decide(rule, { method: 'get', protocol: 'http/1.1' })).toBe('reject http1.codec_error');
    expect(decide('{rules: [{to: [{operation: {notMethods: [GET]}}]}]}', { method: 'get' })).toBe('allow');
  });

  it('repeated headers (CVE-2026-26308): matched one by one, joined by the oldest profile', () => {
    const rule = (value: string) => `{action: DENY, rules: [{when: [{key: "request.headers[x-role]", values: ["${value}"]}]}]}`;
    const headers: RequestFacts['headers'] = [
      ['x-role', 'user'],
      ['x-role', 'admin'],
    ];
    expect(decide(rule('admin'), { headers }, { profile: 'envoy-1.36' })).toBe('allow');
    expect(decide(rule('admin'), { headers }, { profile: 'envoy-1.38' })).toBe('deny');
    expect(decide(rule('user,admin'), { headers }, { profile: 'envoy-1.36' })).toBe('deny');
    expect(decide(rule('user,admin'), { headers: [['x-role', 'user,admin']] })).toBe('deny');
  });

  it('the case of a header name (GHSA-qc2q-p7wx-3px3): none', () => {
    const rule = '{action: DENY, rules: [{when: [{key: "request.headers[X-Role]", values: [admin]}]}]}';
    expect(decide(rule, { headers: [['x-rOLE', 'admin']] })).toBe('deny');
  });

  it('bytes that are not UTF-8 (CVE-2026-73552): escape a star on a path before the newest profile', () => {
    const on = (profile: Options['profile'] & string) =>
      decide(denyPath('*'), { path: '/a\xff' }, { profile, ...normalization('NONE') });
    expect([on('envoy-1.36'), on('envoy-1.38'), on('envoy-1.40')]).toEqual(['allow', 'allow', 'deny']);
  });

  it("the proxy's own headers (CVE-2023-27487, CVE-2024-45806): taken out or overwritten, whoever sends them", () => {
    const rule = (name: string) => `{rules: [{when: [{key: "request.headers[${name}]", values: ["spoof"]}]}]}`;
    const on = (name: string, kind: 'sidecar' | 'gateway') => decide(rule(name), { headers: [[name, 'spoof']] }, { kind });
    for (const name of ['x-envoy-internal', 'x-envoy-original-url', 'x-forwarded-client-cert'])
      expect(on(name, 'gateway')).toBe('deny');
    expect([on('x-envoy-original-path', 'sidecar'), on('x-envoy-original-path', 'gateway')]).toEqual(['allow', 'deny']);
  });

  it('a path without its first slash (CVE-2026-33186): refused before any rule', () => {
    expect(decide(denyPath('/Service/Method'), { path: 'Service/Method' })).toBe('reject h2_stream_reset');
    expect(decide(denyPath('/Service/Method'), { path: 'Service/Method', protocol: 'http/1.1' })).toBe(
      'reject http1.codec_error',
    );
  });

  it('CONNECT, which has no path (CVE-2026-73547): no path rule matches, and it has no route', () => {
    expect(decide(denyPath('*'), { method: 'CONNECT', path: 'h:80', protocol: 'http/1.1' })).toBe('allow route_not_found');
    expect(
      decide('{rules: [{to: [{operation: {paths: ["*"]}}]}]}', { method: 'CONNECT', path: 'h:80', protocol: 'http/1.1' }),
    ).toBe('deny');
  });

  it('expressions in identities (CVE-2026-39350): a dot is a dot', () => {
    const peer = (uri: string) => ({ peer: { uris: [uri], dns: [], subject: '' } });
    const account = '{rules: [{from: [{source: {serviceAccounts: ["foo/cert-manager.io"]}}]}]}';
    expect(decide(account, peer('spiffe://td/ns/foo/sa/cert-manager.io'))).toBe('allow');
    expect(decide(account, peer('spiffe://td/ns/foo/sa/cert-managerXio'))).toBe('deny');
    expect(decide('{rules: [{from: [{source: {namespaces: ["a.b"]}}]}]}', peer('spiffe://td/ns/aXb/sa/x'))).toBe('deny');
  });

  it('a suffix of principals on TCP DENY (CVE-2020-16844): matches there too', () => {
    const rule = '{action: DENY, rules: [{from: [{source: {principals: ["*/sa/bad"]}}]}]}';
    const peer = { uris: ['spiffe://td/ns/foo/sa/bad'], dns: [], subject: '' };
    expect(decide(rule, { transport: 'tcp', peer })).toBe('deny');
  });

  it('plain text against notX (ISTIO-SECURITY-2021-004): an absent identity is not in the list', () => {
    expect(decide('{rules: [{from: [{source: {notNamespaces: [bad]}}]}]}', {})).toBe('allow');
    expect(decide('{action: DENY, rules: [{from: [{source: {notPrincipals: ["*"]}}]}]}', {})).toBe('deny');
  });

  it('container ports of gateways (ISTIO-SECURITY-2021-002): the port that the proxy accepted on counts', () => {
    const rule = '{action: DENY, rules: [{to: [{operation: {ports: ["80"]}}]}]}';
    expect(decide(rule, { localPort: 8080 }, { kind: 'gateway' })).toBe('allow');
  });

  it('a NUL in a name of a certificate (CVE-2026-47778): compared whole', () => {
    const peer = { uris: ['spiffe://td/ns/foo/sa/good\0/ns/bar/sa/x'], dns: [], subject: '' };
    expect(decide('{rules: [{from: [{source: {principals: ["td/ns/foo/sa/good"]}}]}]}', { peer })).toBe('deny');
  });

  it('a dry-run ALLOW policy enables no default denial, a dry-run DENY policy denies nothing', () => {
    const policy = (action: string) =>
      `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: q, namespace: foo, annotations: {"istio.io/dry-run": "true"}}, spec: {action: ${action}, rules: [{to: [{operation: {ports: ["1"]}}]}]}}`;
    const nothing = '{action: DENY, rules: [{to: [{operation: {ports: ["1"]}}]}]}';
    expect(decide(nothing, {}, { more: policy('ALLOW') })).toBe('allow');
    expect(decide(nothing, {}, { more: policy('DENY').replace('"1"', '"8080"') })).toBe('allow');
  });

  it('providers whose names begin alike: one is not asked for the rules of the other', () => {
    const provider = (name: string) => ({ name, envoyExtAuthzGrpc: { service: 'a.b.svc.cluster.local', port: 9000 } });
    const config = { extensionProviders: [provider('foo'), provider('foo-bar')] };
    const asked: string[] = [];
    const askAuthoriser: NonNullable<RequestFacts['askAuthoriser']> = (name) => {
      asked.push(name);
      return { answer: 'allow' };
    };
    decide('{action: CUSTOM, provider: {name: foo-bar}, rules: [{}]}', { askAuthoriser }, { config });
    expect(asked).toEqual(['foo-bar']);
  });
});

describe('tokens', () => {
  const rules = (text: string) =>
    `{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: ra, namespace: foo}, spec: {jwtRules: ${text}}}`;
  const token = (claims: JsonObject, signed = true): TokenFact => ({
    claims,
    signed,
    in: { header: 'authorization', prefix: 'Bearer ' },
  });
  const open = '{action: DENY, rules: [{to: [{operation: {ports: ["1"]}}]}]}';
  const on = (facts: Partial<RequestFacts>, text = '[{issuer: i, jwksUri: "https://i/k"}]') =>
    decide(open, facts, { more: rules(text) });
  const by = (words: string) => `deny jwt_authn_access_denied{${words}}`;

  it('without a signature, or of an unknown issuer, are refused; none at all is not', () => {
    expect(on({ tokens: [token({ iss: 'i' }, false)] })).toBe(by('Jwt_verification_fails'));
    expect(on({ tokens: [token({ iss: 'other' })] })).toBe(by('Jwt_issuer_is_not_configured'));
    expect(on({})).toBe('allow');
  });

  it('with alg none, cut or of wrong form are refused by their text', () => {
    const raw = (text: string) => on({ headers: [['authorization', `Bearer ${text}`]] });
    expect(raw('eyJhbGciOiJub25lIn0.e30.YQ')).toBe(by('Jwt_header_[alg]_is_not_supported'));
    expect(raw('a.b')).toBe(by('Jwt_is_not_in_the_form_of_Header.Payload.Signature_with_two_dots_and_3_sections'));
    expect(raw('eyJhbGciOiJSUzI1NiIsImtpZCI6N30.e30.YQ')).toBe(by('Jwt_header_[kid]_field_is_not_a_string'));
  });

  it('are held to exp and nbf with a minute of grace; one without exp never ends', () => {
    const { now } = REQUEST;
    expect(on({ tokens: [token({ iss: 'i', exp: now - 59 })] })).toBe('allow');
    expect(on({ tokens: [token({ iss: 'i', exp: now - 61 })] })).toBe(by('Jwt_is_expired'));
    expect(on({ tokens: [token({ iss: 'i', nbf: now + 61 })] })).toBe(by('Jwt_not_yet_valid'));
    expect(on({ tokens: [token({ iss: 'i' })] })).toBe('allow');
  });

  it('for another audience are refused with 403', () => {
    const text = '[{issuer: i, jwksUri: "https://i/k", audiences: [web]}]';
    expect(on({ tokens: [token({ iss: 'i', aud: ['x', 'web'] })] }, text)).toBe('allow');
    expect(on({ tokens: [token({ iss: 'i', aud: 'x' })] }, text)).toBe(by('Audiences_in_Jwt_are_not_allowed'));
    expect(on({ tokens: [token({ iss: 'i' })] }, text)).toBe(by('Audiences_in_Jwt_are_not_allowed'));
  });

  it('in two places of one rule must both be good', () => {
    const tokens = [token({ iss: 'i' })];
    expect(on({ tokens, path: '/?access_token=junk' })).toBe(
      by('Jwt_is_not_in_the_form_of_Header.Payload.Signature_with_two_dots_and_3_sections'),
    );
    expect(on({ tokens: [...tokens, ...tokens] })).toBe(
      by('Jwt_is_not_in_the_form_of_Header.Payload.Signature_with_two_dots_and_3_sections'),
    );
  });

  it('of several rules: the first rule in the order of issuers whose token is good decides, and the others are not looked at', () => {
    const text = '[{issuer: j, jwksUri: "https://j/k", fromHeaders: [{name: x-j}]}, {issuer: i, jwksUri: "https://i/k"}]';
    const claims = (name: string) => `{action: DENY, rules: [{when: [{key: "request.auth.claims[iss]", values: ["${name}"]}]}]}`;
    const tokens: TokenFact[] = [token({ iss: 'i' }), { claims: { iss: 'j' }, signed: true, in: { header: 'x-j', prefix: '' } }];
    expect(decide(claims('i'), { tokens }, { more: rules(text) })).toBe('deny');
    expect(decide(claims('j'), { tokens }, { more: rules(text) })).toBe('allow');
    expect(decide(open, { tokens: [token({ iss: 'i' })], headers: [['x-j', 'junk']] }, { more: rules(text) })).toBe('allow');
  });

  it('are not asked for on a preflight request', () => {
    const headers: RequestFacts['headers'] = [
      ['origin', 'https://x'],
      ['access-control-request-method', 'GET'],
    ];
    expect(on({ method: 'OPTIONS', headers, tokens: [token({ iss: 'i' }, false)] })).toBe('allow');
  });

  it('write headers that nobody else can write', () => {
    const text = '[{issuer: i, jwksUri: "https://i/k", outputClaimToHeaders: [{header: x-sub, claim: sub}]}]';
    const rule = '{action: DENY, rules: [{when: [{key: "request.headers[x-sub]", values: [root]}]}]}';
    const headers: RequestFacts['headers'] = [['x-sub', 'root']];
    expect(decide(rule, { headers }, { more: rules(text) })).toBe('allow');
    expect(decide(rule, { headers, tokens: [token({ iss: 'i', sub: 'bob' })] }, { more: rules(text) })).toBe('allow');
    expect(decide(rule, { tokens: [token({ iss: 'i', sub: 'root' })] }, { more: rules(text) })).toBe('deny');
  });

  it('of an older profile leave a sent header in place that a rule behind the first good one would write', () => {
    const text =
      '[{issuer: i, jwksUri: "https://i/k"}, {issuer: j, jwksUri: "https://j/k", outputClaimToHeaders: [{header: x-sub, claim: sub}]}]';
    const rule = '{action: DENY, rules: [{when: [{key: "request.headers[x-sub]", values: [root]}]}]}';
    const facts: Partial<RequestFacts> = { headers: [['x-sub', 'root']], tokens: [token({ iss: 'i' })] };
    const on = (profile: Options['profile'] & string) => decide(rule, facts, { profile, more: rules(text) });
    expect([on('envoy-1.36'), on('envoy-1.38'), on('envoy-1.40')]).toEqual(['deny', 'deny', 'allow']);
  });

  it('come after CUSTOM and before DENY', () => {
    const deny = '{action: DENY, rules: [{}]}';
    expect(decide(deny, { tokens: [token({ iss: 'i' }, false)] }, { more: rules('[{issuer: i, jwksUri: "https://i/k"}]') })).toBe(
      by('Jwt_verification_fails'),
    );
  });
});
