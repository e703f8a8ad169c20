import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../core/problem.ts';
import { modelOf } from '../testing.ts';
import { findTargets, type TargetOptions } from './target.ts';
import { treatmentOf } from './workload-port.ts';

const deployment = (name: string, labels: string, ports = '[{name: web, containerPort: 8080}]') => `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec: {template: {metadata: {labels: ${labels}}, spec: {serviceAccountName: ${name}-sa, containers: [{ports: ${ports}}]}}}
`;

const SHOP = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: web}, {name: tcp-admin, port: 9000, targetPort: 9001}]}
${deployment('cart-v1', '{app: cart, version: v1}')}
${deployment('cart-v2', '{app: cart, version: v2}', '[{name: web, containerPort: 8181}]')}
${deployment('other', '{app: other}')}
`;

const GATEWAYS = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: shop}
spec: {selector: {istio: ingressgateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: api, namespace: shop}
spec: {gatewayClassName: istio}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: way, namespace: shop}
spec: {gatewayClassName: istio-waypoint}
`;

const AMBIENT = `
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: way}}
`;

function targets(spec: string, text = SHOP, options: Partial<TargetOptions> = {}) {
  return findTargets(modelOf(text), spec, { namespace: 'shop', ...options });
}

function refusal(spec: string, options: Partial<TargetOptions> = {}): readonly [string, string] {
  try {
    targets(spec, SHOP, options);
  } catch (error) {
    if (error instanceof Problem) return [error.message, error.hint ?? ''];
  }
  return expect.fail('it was found');
}

describe('a target', () => {
  it('is each workload behind a Service, on the port to which it leads there', () => {
    const found = targets('svc/cart', SHOP, { port: 80 });
    expect(found.map(({ title, localPort, treatment, authority }) => [title, localPort, treatment, authority])).toEqual([
      ['Deployment shop/cart-v1', 8080, 'http', 'cart.shop.svc.cluster.local'],
      ['Deployment shop/cart-v2', 8181, 'http', 'cart.shop.svc.cluster.local'],
    ]);
    expect(targets('svc/cart', SHOP, { port: 9000 })[0]).toMatchObject({ localPort: 9001, treatment: 'tcp' });
    expect(targets('service/cart')[0]?.notes).toEqual(['the first of 2 ports of Service cart is taken']);
    expect(targets('svc/cart', SHOP, { port: 81 })[0]).toMatchObject({
      localPort: 81,
      notes: [expect.stringContaining('no port 81')],
    });
  });

  it('is a workload by its kind and name, or by its service account, on its own port', () => {
    expect(targets('deploy/cart-v1')[0]).toMatchObject({
      localPort: 8080,
      treatment: 'http',
      workload: { namespace: 'shop', labels: { app: 'cart', version: 'v1' }, kind: 'sidecar' },
    });
    expect(targets('sa/cart-v2-sa').map(({ title }) => title)).toEqual(['Deployment shop/cart-v2']);
    expect(targets('deploy/cart-v1', SHOP, { port: 80 })[0]?.notes).toEqual([expect.stringContaining('leads to 8080')]);
    expect(targets('deploy/other')[0]).toMatchObject({ localPort: 8080, treatment: 'sniffed' });
  });

  it('is pods with labels, which need not be in the files', () => {
    expect(targets('app=cart,version=v3')[0]).toMatchObject({
      workload: { labels: { app: 'cart', version: 'v3' } },
      authority: 'cart.shop.svc.cluster.local',
    });
    expect(targets('example.com/app=x', '')[0]).toMatchObject({
      workload: { labels: { 'example.com/app': 'x' } },
      localPort: 8080,
    });
  });

  it('is a gateway by the pods that it selects, else in the root namespace', () => {
    expect(targets('gateway/public', SHOP + GATEWAYS)[0]).toMatchObject({
      workload: { kind: 'gateway', namespace: 'istio-system', labels: { istio: 'ingressgateway' } },
      notes: [expect.stringContaining('taken to run in istio-system'), expect.any(String)],
    });
    const label = 'gateway.networking.k8s.io/gateway-name';
    expect(targets('gateway/api', SHOP + GATEWAYS)[0]?.workload).toEqual({
      kind: 'gateway',
      namespace: 'shop',
      labels: { [label]: 'api' },
    });
    expect(targets('gateway/way', SHOP + GATEWAYS)[0]?.workload).toMatchObject({ kind: 'waypoint', labels: { [label]: 'way' } });
    expect(targets('waypoint/way', SHOP + GATEWAYS)[0]?.workload).toMatchObject({ kind: 'waypoint', filterState: true });
  });

  it('of an ambient Service is its waypoint, then ztunnel before each workload, which sees the waypoint', () => {
    const found = targets('svc/cart', SHOP + GATEWAYS + AMBIENT, { port: 80 });
    expect(found.map(({ workload, localPort, seenAs }) => [workload.kind, localPort, seenAs])).toEqual([
      ['waypoint', 80, undefined],
      ['ztunnel', 8080, 'spiffe://cluster.local/ns/shop/sa/way'],
      ['ztunnel', 8181, 'spiffe://cluster.local/ns/shop/sa/way'],
    ]);
    expect(found[0]?.workload.service).toEqual({ name: 'cart', namespace: 'shop', registry: 'kubernetes' });
    expect(targets('deploy/cart-v1', SHOP + AMBIENT)[0]?.workload.kind).toBe('ztunnel');
    expect(targets('deploy/cart-v1', SHOP + AMBIENT, { proxy: 'sidecar' })[0]?.workload.kind).toBe('sidecar');
  });

  it('that is not there is refused with what is near, or where it is', () => {
    expect(refusal('svc/carts')).toEqual([
      'there is no Service `carts` in namespace `shop` of these files',
      'did you mean `cart`?',
    ]);
    expect(refusal('svc/cart', { namespace: 'web' })[1]).toContain('it is in `shop`');
    expect(refusal('deplyo/cart-v1')[1]).toContain('did you mean `deploy/cart-v1`?');
    expect(refusal('sa/nobody')[0]).toContain('runs as service account `nobody`');
    for (const spec of ['', 'cart', 'a/b/c', '=x', 'app=a b', 'app=a,b'])
      expect(refusal(spec)[1], spec).toContain('write deploy/NAME');
  });
});

describe('any text for a target', () => {
  it('ends in targets or in a known problem', () => {
    const model = modelOf(SHOP + GATEWAYS);
    const word = fc.oneof(
      fc.constantFrom('svc', 'deploy', 'sa', 'gateway', 'waypoint', 'cart', 'app', '=', '/', ',', 'public'),
      fc.string(),
    );
    const spec = fc.array(word, { maxLength: 5 }).map((words) => words.join(''));
    fc.assert(
      fc.property(spec, (text) => {
        try {
          expect(findTargets(model, text, { namespace: 'shop' }).length).toBeGreaterThan(0);
        } catch (error) {
          expect((error as Problem).code).toBe('WORKLOAD_UNKNOWN');
        }
      }),
    );
  });
});

describe('the treatment of a port', () => {
  const port = (name: string, appProtocol = '', protocol = 'TCP') =>
    treatmentOf({ name, port: 1, targetPort: undefined, protocol, appProtocol });

  it('comes from appProtocol, else from the beginning of the name', () => {
    expect(['http', 'http-web', 'grpc', 'grpc-web', 'HTTP2-x'].map((name) => port(name))).toEqual(Array(5).fill('http'));
    expect(['tcp', 'tcp-db', 'https', 'tls-x', 'mongo', 'redis-a'].map((name) => port(name))).toEqual(Array(6).fill('tcp'));
    expect(['', 'web', 'httpx', 'metrics'].map((name) => port(name))).toEqual(Array(4).fill('sniffed'));
    expect([port('tcp-x', 'http'), port('http', 'tcp'), port('x', 'kubernetes.io/h2c'), port('x', '', 'UDP')]).toEqual([
      'http',
      'tcp',
      'http',
      'tcp',
    ]);
  });
});
