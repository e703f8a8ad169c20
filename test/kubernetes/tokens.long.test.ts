import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningGateway } from '../../src/start-gateway.ts';
import { policyOf, startFromFile } from '../support/fairlead.ts';
import { type Kubernetes, startKubernetes } from '../support/kubernetes.ts';
import { BUILD_MS, findKubernetes } from '../support/kubernetes-build.ts';
import { freePort } from '../support/ports.ts';
import { type Upstream, upstreamServer } from '../support/upstream.ts';

/** An answer of a review counts for 30 s, and the API server itself keeps what it found of a token for 10 s. */
const REVIEW_KEPT_MS = 45_000;
const programs = await findKubernetes();

describe.skipIf(programs === undefined)('tokens of a real cluster', () => {
  let cluster: Kubernetes;
  let upstream: Upstream;
  const gateways: { gateway: RunningGateway; folder: string }[] = [];

  beforeAll(async () => {
    cluster = await startKubernetes(programs ?? '');
    upstream = await upstreamServer();
    await made(cluster.api('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } }));
    for (const role of ['system:service-account-issuer-discovery', 'system:auth-delegator']) {
      await made(
        cluster.api('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
          metadata: { name: `fairlead-${role.replaceAll(':', '-')}` },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
          subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'fairlead' }],
        }),
      );
    }
  }, BUILD_MS);

  afterAll(async () => {
    for (const { gateway, folder } of gateways) {
      await gateway.close();
      rmSync(folder, { recursive: true, force: true });
    }
    await upstream?.close();
    await cluster?.close();
  });

  /** A gateway in front of a web service that every workload of `shop` may read and write. */
  async function gatewayWith(more: { readonly tokenReview?: boolean; readonly keysToken?: boolean } = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-kube-'));
    const ports = { control: await freePort(), web: await freePort(), admin: await freePort() };
    const file = join(folder, 'fairlead.yaml');
    mkdirSync(join(folder, 'policies'));
    writeFileSync(join(folder, 'token'), cluster.fairleadToken, { mode: 0o600 });
    writeFileSync(
      join(folder, 'policies', 'web.yaml'),
      policyOf('- {name: shop, who: ["workload:shop/*"], can: [http.get, http.post], on: ["web/**"]}'),
    );
    const token = more.keysToken === false ? '' : `, jwksToken: {secret: "file://${join(folder, 'token')}"}`;
    const review = more.tokenReview === true ? `, tokenReview: true, apiServer: "${cluster.url}"` : '';
    writeFileSync(
      file,
      `origin: http://127.0.0.1:${ports.control}
listen: {control: "127.0.0.1:${ports.control}", admin: "127.0.0.1:${ports.admin}"}
store: sqlite:./data
administrators: [group:platform]
drain: 1s
observe: {decisions: none}
identity:
  - name: prod
    home: true
    disclose: rule
    kubernetes: {issuer: "${cluster.url}", audience: [fairlead], caFile: "${cluster.caFile}"${token}${review}}
targets:
  - {name: web, port: ${ports.web}, http: {url: "${upstream.url}"}}
policies: [{path: ./policies}]
`,
    );
    gateways.push({ gateway: await startFromFile(file, join(folder, 'gateway.log')), folder });
    return {
      /** Code of the refusal, or `ok`, with the status before it. */
      async call(method: 'GET' | 'POST', token: string): Promise<string> {
        const answer = await fetch(`http://127.0.0.1:${ports.web}/orders`, {
          method,
          headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
        });
        const body = (await answer.json()) as { readonly code?: string; readonly ok?: boolean };
        return `${answer.status} ${body.ok === true ? 'ok' : body.code}`;
      },
      async whoami(token: string): Promise<unknown> {
        const answer = await fetch(`http://127.0.0.1:${ports.control}/api/v1/whoami`, {
          headers: { authorization: `Bearer ${token}` },
        });
        return answer.json();
      },
    };
  }

  async function account(name: string): Promise<void> {
    await made(cluster.api('POST', '/api/v1/namespaces/shop/serviceaccounts', { metadata: { name } }));
  }

  /** A token as the kubelet projects it. */
  async function tokenOf(name: string, audiences: readonly string[] = ['fairlead'], pod?: { readonly uid: string }) {
    const boundObjectRef = pod === undefined ? {} : { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid: pod.uid } };
    const { body } = await made(
      cluster.api('POST', `/api/v1/namespaces/shop/serviceaccounts/${name}/token`, {
        spec: { audiences, expirationSeconds: 3600, ...boundObjectRef },
      }),
    );
    return body.status.token as string;
  }

  it('are verified offline by keys that are fetched with a token, and name their service account', async () => {
    await account('worker');
    expect((await cluster.api('GET', '/openid/v1/jwks', undefined, '')).status).toBe(403);
    const gateway = await gatewayWith();
    const token = await tokenOf('worker');
    expect(await gateway.call('GET', token)).toBe('200 ok');
    expect(await gateway.call('POST', token)).toBe('200 ok');
    expect(await gateway.whoami(token)).toMatchObject({ subject: 'workload:shop/worker', source: 'prod' });
  });

  it('are in doubt, never refused, while the keys cannot be fetched for want of a token', async () => {
    const gateway = await gatewayWith({ keysToken: false });
    expect(await gateway.call('GET', await tokenOf('worker'))).toBe('503 IDENTITY_UNAVAILABLE');
  });

  it('are refused when they are for somebody else, for the API server, or signed by another key', async () => {
    const token = await tokenOf('worker');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forged = await new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
    for (const gateway of [await gatewayWith(), await gatewayWith({ tokenReview: true })]) {
      for (const audiences of [['billing'], [], ['fairlead', cluster.url]]) {
        expect(await gateway.call('POST', await tokenOf('worker', audiences))).toBe('401 TOKEN_AUDIENCE');
      }
      expect(await gateway.call('POST', forged)).toBe('401 TOKEN_SIGNATURE');
      expect(await gateway.call('POST', token)).toBe('200 ok');
    }
  });

  it('under `tokenReview` are refused for writes soon after their service account is gone, also when it was made anew', async () => {
    await account('gone');
    const token = await tokenOf('gone');
    const live = await gatewayWith({ tokenReview: true });
    const offline = await gatewayWith();
    expect(await live.call('POST', token)).toBe('200 ok');
    await made(cluster.api('DELETE', '/api/v1/namespaces/shop/serviceaccounts/gone'));
    await eventually(() => live.call('POST', token), '401 CREDENTIAL_REVOKED');
    await account('gone');
    expect(await live.call('POST', token)).toBe('401 CREDENTIAL_REVOKED');
    expect(await live.call('POST', await tokenOf('gone'))).toBe('200 ok');
    // What the review is for: reads and offline verification go on until the token expires.
    expect(await live.call('GET', token)).toBe('200 ok');
    expect(await offline.call('POST', token)).toBe('200 ok');
  });

  it('under `tokenReview` are refused for writes soon after the pod that they are bound to is gone', async () => {
    await account('bound');
    const pod = await made(
      cluster.api('POST', '/api/v1/namespaces/shop/pods', {
        metadata: { name: 'bound' },
        spec: { serviceAccountName: 'bound', containers: [{ name: 'c', image: 'none.invalid/none' }] },
      }),
    );
    const token = await tokenOf('bound', ['fairlead'], pod.body.metadata);
    const gateway = await gatewayWith({ tokenReview: true });
    expect(await gateway.call('POST', token)).toBe('200 ok');
    await made(cluster.api('DELETE', '/api/v1/namespaces/shop/pods/bound?gracePeriodSeconds=0'));
    await eventually(() => gateway.call('POST', token), '401 CREDENTIAL_REVOKED');
    expect(await gateway.call('POST', await tokenOf('bound'))).toBe('200 ok');
  });

  it('are in doubt, never refused, for what needs an API server that is away; reads go on by the kept keys', async () => {
    const tokens = [await tokenOf('worker'), await tokenOf('worker')] as const;
    const gateway = await gatewayWith({ tokenReview: true });
    const late = await gatewayWith({ tokenReview: true });
    expect(await gateway.call('POST', tokens[0])).toBe('200 ok');
    await cluster.stop();
    try {
      expect(await gateway.call('POST', tokens[1])).toBe('503 IDENTITY_UNAVAILABLE');
      expect(await gateway.call('GET', tokens[1])).toBe('200 ok');
      expect(await late.call('GET', tokens[1])).toBe('503 IDENTITY_UNAVAILABLE');
    } finally {
      await cluster.start();
    }
    await eventually(() => gateway.call('POST', tokens[1]), '200 ok');
    await eventually(() => late.call('POST', tokens[1]), '200 ok');
  });
});

async function made<T extends { readonly status: number; readonly body: unknown }>(answer: Promise<T>): Promise<T> {
  const got = await answer;
  if (got.status >= 300) throw new Error(`${got.status} ${JSON.stringify(got.body)}`);
  return got;
}

/** Waits for an answer; each other one on the way must be one of ours to give: never a refusal that is not meant. */
async function eventually(ask: () => Promise<string>, wanted: string): Promise<void> {
  const end = performance.now() + REVIEW_KEPT_MS;
  for (;;) {
    const got = await ask();
    if (got === wanted) return;
    expect(['200 ok', '503 IDENTITY_UNAVAILABLE']).toContain(got);
    if (performance.now() > end) throw new Error(`still ${got} in place of ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
