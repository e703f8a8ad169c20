import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileChain } from '../compile/chain.ts';
import type { RequestFacts } from '../facts.ts';
import type { PathNormalization } from '../objects.ts';
import { NEWEST, PROFILES, type ProfileName } from '../profile.ts';
import { modelOf } from '../testing.ts';
import { evaluate } from './evaluate.ts';
import { normalizePath } from './normalize-path.ts';

const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 30 });
const pathLike = fc
  .array(
    fc.constantFrom('/', '.', '..', '%2e', '%2F', '%5c', '\\', 'a', ';', '%', '%4', '1', '?', '#', '%00', '\xff', '*', '|', ' '),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const modes = fc.constantFrom<PathNormalization>('DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES');
const profiles = fc.constantFrom<ProfileName>('envoy-1.36', 'envoy-1.38', 'envoy-1.40');

const CHAIN = modelOf(`
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: p, namespace: foo}, spec: {rules: [
  {to: [{operation: {paths: ["/a/{*}", "/x*"], hosts: ["*.com"], notMethods: [GET]}}]},
  {from: [{source: {requestPrincipals: ["*"], notNamespaces: ["a*b"]}}], when: [{key: "request.headers[cookie]", notValues: ["*"]}]}]}}
---
{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: ra, namespace: foo}, spec: {jwtRules: [
  {issuer: i, jwksUri: "https://i/k", fromHeaders: [{name: a, prefix: "B "}], fromCookies: [c], fromParams: [q]}, {issuer: j, jwksUri: "https://j/k"}]}}
`);

describe('an evaluation', () => {
  it('ends in a verdict whatever bytes a request consists of', () => {
    const request = fc.record({
      protocol: fc.constantFrom<RequestFacts['protocol']>('http/1.1', 'h2'),
      method: fc.oneof(fc.constantFrom('GET', 'OPTIONS', 'CONNECT', 'QUERY'), bytes),
      authority: fc.oneof(fc.constantFrom('a.com', 'user@a.com', '[::1]:80'), bytes),
      path: fc.oneof(pathLike, bytes, fc.constantFrom('http://h/x', 'https://u@h:1/x?q=a.b.c', '*', 'h:80')),
      headers: fc.array(
        fc.tuple(fc.oneof(fc.constantFrom('a', 'cookie', 'authorization', 'x-forwarded-for', 'te'), bytes), bytes),
        { maxLength: 4 },
      ),
      peer: fc.option(
        fc.record({ uris: fc.array(bytes, { maxLength: 2 }), dns: fc.array(bytes, { maxLength: 2 }), subject: bytes }),
        { nil: undefined },
      ),
      directIp: fc.constantFrom('10.0.0.1', '::1', 'nonsense'),
    });
    fc.assert(
      fc.property(request, profiles, fc.constantFrom('sidecar', 'gateway', 'waypoint', 'ztunnel'), (facts, profile, kind) => {
        const workload = { namespace: 'foo', labels: {}, kind } as const;
        const full: RequestFacts = {
          ...facts,
          transport: 'http',
          tokens: [],
          sni: undefined,
          remoteIp: facts.directIp,
          localIp: '10.9.0.1',
          localPort: 80,
          metadata: {},
          now: 0,
        };
        const { v } = evaluate(compileChain(CHAIN, workload, 'http', PROFILES[profile]), full);
        expect(['allow', 'deny', 'reject', 'unknown']).toContain(v);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a path', () => {
  it('that was normalised once stays as it is', () => {
    fc.assert(
      fc.property(pathLike, modes, (text, mode) => {
        const once = normalizePath(`/${text}`, mode, NEWEST);
        fc.pre(
          !once.isRefused &&
            !/%(?![0-9A-Fa-f]{2})/.test(once.path) &&
            !/%25/.test(once.path) &&
            mode !== 'DECODE_AND_MERGE_SLASHES',
        );
        const settled = normalizePath(once.path, mode, NEWEST);
        fc.pre(!/[;]/.test(once.path));
        expect(settled).toEqual(once);
      }),
    );
  });

  it.each([
    ['/a/../b?x=/../y', 'BASE', '/b?x=/../y'],
    ['/a|b', 'BASE', '/a%7Cb'],
    ['/%7e%41%2D', 'BASE', '/~A-'],
    ['/c%7cd', 'BASE', '/c%7cd'],
    ['//a//b//', 'MERGE_SLASHES', '/a/b/'],
    ['//', 'MERGE_SLASHES', '//'],
    ['/%%32%65', 'BASE', '/%252e'],
    ['/a%2f%2e%2e%2fb', 'DECODE_AND_MERGE_SLASHES', '/b'],
    ['/a#b?c', 'NONE', '/a'],
    ['/a/%2e%2e;x/b', 'BASE', '/a/..;x/b'],
  ] as const)('%s under %s is %s', (path, mode, wanted) => {
    expect(normalizePath(path, mode, NEWEST)).toEqual({ path: wanted, isRefused: false });
  });
});
