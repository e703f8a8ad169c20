import { describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate/evaluate.ts';
import type { RequestFacts } from '../facts.ts';
import { NEWEST } from '../profile.ts';
import { modelOf } from '../testing.ts';
import { compileChain } from './chain.ts';

const CONNECTION: RequestFacts = {
  transport: 'tcp',
  protocol: 'http/1.1',
  method: '',
  authority: '',
  path: '',
  headers: [],
  tokens: [],
  peer: { uris: ['spiffe://cluster.local/ns/bar/sa/web'], dns: [], subject: '' },
  sni: undefined,
  directIp: '10.0.0.7',
  remoteIp: '10.0.0.7',
  localIp: '10.9.0.1',
  localPort: 8080,
  metadata: {},
  now: 0,
};

function decide(spec: string, facts: Partial<RequestFacts> = {}, kind: 'ztunnel' | 'sidecar' = 'ztunnel'): string {
  const model = modelOf(`
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p, namespace: foo}
spec: ${spec}
`);
  const workload = { namespace: 'foo', labels: { app: 'x' }, kind };
  return evaluate(compileChain(model, workload, 'tcp', NEWEST), { ...CONNECTION, ...facts }).v;
}

describe('ztunnel', () => {
  it('decides by identity, namespace, account, address and port', () => {
    expect(decide('{rules: [{from: [{source: {principals: ["cluster.local/ns/bar/sa/web"]}}]}]}')).toBe('allow');
    expect(decide('{rules: [{from: [{source: {principals: ["*/sa/web"]}}]}]}')).toBe('allow');
    expect(decide('{rules: [{from: [{source: {namespaces: ["b*"]}}]}]}')).toBe('allow');
    expect(decide('{rules: [{from: [{source: {namespaces: ["b*"]}}]}]}', { peer: undefined })).toBe('deny');
    expect(decide('{rules: [{from: [{source: {serviceAccounts: ["bar/web"]}}]}]}')).toBe('allow');
    expect(decide('{rules: [{from: [{source: {serviceAccounts: ["web"]}}]}]}')).toBe('deny');
    expect(decide('{rules: [{from: [{source: {ipBlocks: ["10.0.0.0/8"]}}], to: [{operation: {ports: ["8080"]}}]}]}')).toBe(
      'allow',
    );
    expect(decide('{rules: [{to: [{operation: {ports: ["80"]}}]}]}')).toBe('deny');
  });

  it('takes stars inside a namespace as they are, where a sidecar takes them as any text', () => {
    const rule = '{rules: [{from: [{source: {namespaces: ["b*r"]}}]}]}';
    expect([decide(rule), decide(rule, {}, 'sidecar')]).toEqual(['deny', 'allow']);
  });

  it('drops a whole ALLOW rule with HTTP in it, as a sidecar does on TCP', () => {
    const rule = '{rules: [{from: [{source: {namespaces: [bar]}}], to: [{operation: {methods: [GET]}}]}]}';
    expect([decide(rule), decide(rule, {}, 'sidecar')]).toEqual(['deny', 'deny']);
  });

  it('makes nothing of a DENY rule on HTTP alone, where a sidecar denies every connection', () => {
    const rule = '{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}';
    expect([decide(rule), decide(rule, {}, 'sidecar')]).toEqual(['allow', 'deny']);
  });

  it('makes nothing of a DENY rule with a condition that it does not know (istio 61126)', () => {
    const rule =
      '{action: DENY, rules: [{from: [{source: {namespaces: [bar]}}], when: [{key: "request.headers[x]", values: [a]}]}]}';
    expect([decide(rule), decide(rule, {}, 'sidecar')]).toEqual(['allow', 'deny']);
  });

  it('keeps what a DENY rule says of the connection beside HTTP in one operation', () => {
    const rule = '{action: DENY, rules: [{to: [{operation: {ports: ["8080"], methods: [GET]}}]}]}';
    expect(decide(rule)).toBe('deny');
    expect(decide(rule, { localPort: 80 })).toBe('allow');
  });

  it('does not read trust domains: alone they match nothing, beside others they do not count', () => {
    expect(decide('{action: DENY, rules: [{from: [{source: {trustDomains: ["*"]}}]}]}')).toBe('allow');
    expect(decide('{rules: [{from: [{source: {trustDomains: [other], namespaces: [bar]}}]}]}')).toBe('allow');
  });

  it('takes an identity of another form for none', () => {
    const peer = { uris: ['spiffe://cluster.local/ns/bar/x/y/sa/web'], dns: [], subject: '' };
    expect(decide('{rules: [{from: [{source: {principals: ["*"]}}]}]}', { peer })).toBe('deny');
    expect(decide('{action: DENY, rules: [{from: [{source: {notPrincipals: ["*"]}}]}]}', { peer })).toBe('deny');
  });

  it('is not sent AUDIT, CUSTOM, dry-run policies and those of waypoints', () => {
    expect(decide('{action: AUDIT, rules: [{}]}')).toBe('allow');
    expect(decide('{targetRefs: [{kind: Service, group: "", name: s}], rules: []}')).toBe('allow');
    expect(decide('{rules: []}')).toBe('deny');
    expect(decide('{rules: [{}]}')).toBe('allow');
  });
});
