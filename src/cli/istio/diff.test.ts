import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runVerb } from '../../../test/support/cli.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const SHOP = ['-f', 'examples/istio/mesh.yaml', 'examples/istio/policies.yaml'];
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-diff-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const diff = (...argv: readonly string[]) => runVerb(['istio', 'diff', ...argv], { cwd: ROOT });

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

interface Printed {
  readonly isComplete: boolean;
  readonly findings: readonly {
    readonly change: string;
    readonly transport: string;
    readonly before: { readonly outcome: string };
    readonly after: { readonly outcome: string };
    readonly workloads: readonly { readonly title: string; readonly proxy: string }[];
    readonly example: { readonly text: string; readonly arguments: readonly string[] };
  }[];
}

describe('istio diff', () => {
  it('ends with 0 when nothing changes, 1 when something does, 3 for what cannot be read and 64 for misuse', async () => {
    expect(await diff(...SHOP, 'examples/istio/policies.yaml')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^No caller gains or loses a request: /),
    });
    expect(await diff(...SHOP, 'examples/istio-change/policies.yaml')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^4 gained, 0 lost, 0 changed: /),
    });
    expect(await diff('nowhere.yaml', 'examples/istio')).toMatchObject({ code: 3, stdout: '' });
    expect(await diff(write('broken.yaml', 'kind: [\n'), 'examples/istio')).toMatchObject({ code: 3, stdout: '' });
    const nothing = write('nothing.yaml', '# nothing\n');
    expect(await diff(nothing, nothing)).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('[MESH_EMPTY]') });
    expect(await diff(...SHOP, 'examples/istio', '--limit', '0')).toMatchObject({ code: 64 });
    expect(await diff('examples/istio')).toMatchObject({ code: 64 });
  });

  it('never says that nothing changed when the search was bounded', async () => {
    const result = await diff(...SHOP, 'examples/istio-change/policies.yaml', '--budget', '1');
    expect(result).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('Not everything was compared\n  the search ended after 1 steps'),
    });
    expect(result.stdout).not.toContain('No caller');
  });

  it('prints a table for a pull request, in which names from the files are no markup', async () => {
    const spec = (host: string) =>
      `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: shop}, spec: {action: DENY, rules: [{to: [{operation: {hosts: [${host}]}}]}]}}`;
    const old = write('old.yaml', spec('a.example'));
    const now = write('new.yaml', spec('"x|y\\u0060<b>@team"'));
    const { stdout } = await diff('-o', 'markdown', old, now);
    const rows = stdout.split('\n').filter((line) => line.startsWith('|'));
    expect(rows.slice(0, 2)).toEqual([
      '|  | callers | requests | workloads | before | after |',
      '| --- | --- | --- | --- | --- | --- |',
    ]);
    // The host is no host of HTTP, so that only the old one is told.
    expect(rows[2]).toContain('| **gained** | `any caller` | `any request, host a.example` |');
    expect(rows.every((row) => row.replaceAll('\\|', '').split('|').length === 8)).toBe(true);
    const claims = (value: string) =>
      write(
        `${value.length}.yaml`,
        `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: b, namespace: shop}, spec: {action: DENY, rules: [{when: [{key: "request.headers[x]", values: ["${value}"]}]}]}}`,
      );
    const hostile = await diff('-o', 'markdown', claims('1'), claims('a|b`@team <img>'));
    expect(hostile.stdout).toContain('``any request, header x a\\|b`@team <img>``');
  });

  it('prints JSON with a request that `istio eval` reads', async () => {
    const { stdout } = await diff('-o', 'json', ...SHOP, 'examples/istio-change/policies.yaml');
    const printed = JSON.parse(stdout) as Printed;
    expect(printed).toMatchObject({
      profile: 'envoy-1.40',
      isComplete: true,
      findings: [
        {
          change: 'gained',
          requests: 'POST /cart/* except /cart/admin*',
          before: { outcome: 'refused', status: 403, id: 'none' },
          after: {
            outcome: 'allowed',
            because: [{ text: 'ALLOW shop/cart-readers rule[0]', file: 'examples/istio-change/policies.yaml', line: 23 }],
          },
          example: {
            request: {
              kind: 'http',
              method: 'POST',
              path: '/cart/other',
              peer: { uri: ['spiffe://cluster.local/ns/web/sa/front'] },
            },
          },
        },
        {},
        {},
        {},
      ],
    });
  });
});

const OBJECTS = `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart, namespace: shop}, spec: {template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: c, ports: [{containerPort: 8080}]}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: deep, namespace: shop}, spec: {template: {metadata: {labels: {app: deep, istio.io/dataplane-mode: ambient}}, spec: {containers: [{name: c, ports: [{containerPort: 8080}]}]}}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: front, namespace: shop}, spec: {gatewayClassName: istio, listeners: []}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: wp, namespace: shop}, spec: {gatewayClassName: istio-waypoint, listeners: []}}
---
{apiVersion: v1, kind: Service, metadata: {name: api, namespace: shop, labels: {istio.io/use-waypoint: wp}}, spec: {selector: {app: api}, ports: [{name: http, port: 8080}]}}
`;
const CONFIG = '{extensionProviders: [{name: opa, envoyExtAuthzGrpc: {service: opa.opa.svc.cluster.local, port: 9191}}]}';

/** Policies before and after: each line of the list is one policy or object of the other side. */
const OLD = `
{kind: AuthorizationPolicy, metadata: {name: cart}, spec: {selector: {matchLabels: {app: cart}}, rules: [{from: [{source: {principals: [cluster.local/ns/web/sa/front], remoteIpBlocks: [203.0.113.0/24]}}], to: [{operation: {methods: [GET], hosts: [cart.example]}}], when: [{key: "request.headers[x-a]", values: ["1"]}]}]}}
---
{kind: AuthorizationPolicy, metadata: {name: all}, spec: {action: DENY, rules: [{to: [{operation: {ports: ["9090"]}}]}]}}
---
{kind: RequestAuthentication, metadata: {name: idp}, spec: {jwtRules: [{issuer: https://idp.example, jwks: "{}"}]}}
`;
const NEW = `
{kind: AuthorizationPolicy, metadata: {name: cart}, spec: {selector: {matchLabels: {app: cart}}, rules: [{from: [{source: {principals: [cluster.local/ns/web/sa/front], remoteIpBlocks: [203.0.0.0/16]}}], to: [{operation: {methods: [GET, BREW], hosts: [cart.example]}}], when: [{key: "request.headers[x-a]", values: ["1", "2*"]}, {key: connection.sni, values: [cart.example]}]}]}}
---
{kind: AuthorizationPolicy, metadata: {name: token}, spec: {action: DENY, rules: [{from: [{source: {requestPrincipals: ["*"]}}], when: [{key: "request.auth.claims[realm][roles]", values: [guest]}]}]}}
---
{kind: AuthorizationPolicy, metadata: {name: here}, spec: {action: DENY, rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}], when: [{key: destination.ip, values: [10.9.9.9]}]}]}}
---
{kind: AuthorizationPolicy, metadata: {name: brew}, spec: {action: DENY, rules: [{to: [{operation: {methods: [BREW]}}]}]}}
---
{kind: AuthorizationPolicy, metadata: {name: deep}, spec: {selector: {matchLabels: {app: deep}}, rules: [{from: [{source: {namespaces: [ops]}}]}]}}
---
{kind: AuthorizationPolicy, metadata: {name: ask}, spec: {selector: {matchLabels: {app: cart}}, action: CUSTOM, provider: {name: opa}, rules: [{to: [{operation: {paths: [/pay]}}]}]}}
---
{kind: AuthorizationPolicy, metadata: {name: front}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: front}], action: DENY, rules: [{to: [{operation: {paths: ["/{*}/admin"]}}]}]}}
---
{kind: AuthorizationPolicy, metadata: {name: api}, spec: {targetRefs: [{group: "", kind: Service, name: api}], action: DENY, rules: [{from: [{source: {notNamespaces: [web]}}]}]}}
---
{kind: RequestAuthentication, metadata: {name: idp}, spec: {jwtRules: [{issuer: https://idp.example, jwks: "{}", fromHeaders: [{name: x-token, prefix: "JWT "}], fromCookies: [session]}]}}
---
{kind: PeerAuthentication, metadata: {name: cart}, spec: {selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}}}
`;
const complete = (text: string) =>
  text
    .replaceAll('{kind: ', '{apiVersion: security.istio.io/v1, kind: ')
    .replaceAll('metadata: {', 'metadata: {namespace: shop, ');

describe('the example of each finding', () => {
  it('is explained by `istio explain` as the finding says, on both sides', { timeout: 60_000 }, async () => {
    const objects = write('objects.yaml', OBJECTS);
    const sides = { before: write('before.yaml', complete(OLD)), after: write('after.yaml', complete(NEW)) };
    const config = ['--mesh-config', write('config.yaml', CONFIG)];
    const { stdout, stderr } = await diff('-o', 'json', ...config, '-f', objects, sides.before, sides.after);
    expect(stderr).toBe('');
    const { findings } = JSON.parse(stdout) as Printed;
    const wrong: string[] = [];
    for (const { example, transport, workloads, ...outcomes } of findings) {
      for (const side of ['before', 'after'] as const) {
        const ran = await runVerb(
          [
            'istio',
            'explain',
            '-o',
            'json',
            '--authoriser',
            'allow',
            ...config,
            '-f',
            objects,
            '-f',
            sides[side],
            ...example.arguments,
          ],
          { cwd: ROOT },
        );
        const answers = ran.stdout === '' ? [] : (JSON.parse(ran.stdout) as { answers: { verdict: { v: string } }[] }).answers;
        const passes = answers[0]?.verdict.v === 'allow';
        const expected = outcomes[side].outcome === 'allowed' || outcomes[side].outcome === 'asks';
        if (passes !== expected)
          wrong.push(`${side} ${transport} ${workloads[0]?.title}: ${example.arguments.join(' ')}: ${ran.stderr}`);
      }
    }
    expect(wrong).toEqual([]);
    const proxies = new Set(findings.flatMap(({ workloads }) => workloads.map(({ proxy }) => proxy)));
    expect([...proxies].sort()).toEqual(['gateway', 'sidecar', 'waypoint', 'ztunnel']);
    const used = new Set(findings.flatMap(({ example }) => example.arguments.filter((word) => word.startsWith('--'))));
    for (const option of [
      '--jwt-claims',
      '--jwt-in',
      '--sni',
      '--to-ip',
      '--from-ip',
      '--client-ip',
      '--header',
      '--http2',
      '--tcp',
    ]) {
      expect(used, option).toContain(option);
    }
  });
});
