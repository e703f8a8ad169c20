import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { type ControlClient, createControlClient } from '../../src/control/client.ts';
import { diagnosticText } from '../../src/core/diagnostic.ts';
import { type TestIssuer, testIssuer } from '../../src/identity/fixture.ts';
import { type RunningGateway, startGateway } from '../../src/start-gateway.ts';
import { codeFlowIssuer } from './code-flow-issuer.ts';
import { freePort } from './ports.ts';
import { type Answer, call } from './prefect.ts';

/** A gateway in front of a Prefect server, with an OIDC issuer and a workload issuer that belong to nobody's demo. */
export interface TestGateway {
  /** Control origin. */
  readonly origin: string;
  /** The gateway's origin in front of Prefect: what stock clients are told, with `/api`. */
  readonly url: string;
  readonly folder: string;
  readonly configFile: string;
  /** A bearer token of a person of the OIDC issuer: `name@acme.example`. */
  person(name: string, groups?: readonly string[], options?: { readonly seconds?: number }): Promise<string>;
  /** Who a browser that is sent to the issuer comes back as, from now on. */
  signsIn(name: string, groups: readonly string[]): void;
  /** A bearer token of a workload: `namespace/name`. */
  workload(name: string, options?: { readonly seconds?: number }): Promise<string>;
  /** A call through the gateway. */
  api(
    token: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** The control API as an administrator. */
  readonly admin: ControlClient;
  control(token: string): ControlClient;
  /** Makes a policy of these rules (YAML list) the active one; fails the test when it does not activate. */
  apply(rules: string): Promise<void>;
  /** Ends the gateway as SIGTERM would, and starts it again on the same folder and ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const clock = { now: () => Date.now() };

/** A policy file of the given rules: a YAML list without indentation. */
export function policyOf(rules: string): string {
  const head = 'apiVersion: fairlead.dev/v1\nkind: AccessPolicy\nmetadata: {name: test}\nspec:\n  owner: lee@acme.example\n';
  const lines = rules.trim() === '' ? ' []' : `\n${rules.replace(/^(?=.)/gm, '    ')}`;
  return `${head}  rules:${lines}\n`;
}

/** Starts a gateway by a written `fairlead.yaml` in front of `prefectUrl`. */
export async function startFairlead(given: {
  readonly prefect: { readonly url: string; readonly authString: string };
  readonly rules: string;
  readonly mode?: 'enforce' | 'observe';
  readonly disclose?: 'rule' | 'none';
  /** YAML lines added to the configuration. */
  readonly more?: string;
}): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-system-'));
  const people = await codeFlowIssuer(clock);
  const cluster = await testIssuer(clock, '/cluster');
  const ports = { control: await freePort(), prefect: await freePort(), admin: await freePort() };
  const origin = `http://127.0.0.1:${ports.control}`;
  const url = `http://127.0.0.1:${ports.prefect}`;
  const configFile = join(folder, 'fairlead.yaml');
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'prefect-auth'), given.prefect.authString, { mode: 0o600 });
  writeFileSync(join(folder, 'policies', 'test.yaml'), policyOf(given.rules));
  writeFileSync(
    configFile,
    `origin: ${origin}
listen: {control: "127.0.0.1:${ports.control}", admin: "127.0.0.1:${ports.admin}"}
store: sqlite:./data
administrators: [group:platform]
drain: 2s
observe: {decisions: ./decisions.jsonl}
identity:
  - name: acme
    oidc: {issuer: "${people.issuer.issuer}", clientId: fairlead, audience: [fairlead]}
    owns: {users: ["*@acme.example"], groups: ["*"]}
    disclose: ${given.disclose ?? 'rule'}
  - name: cluster
    kubernetes: {issuer: "${cluster.issuer}", audience: [fairlead]}
    home: true
    disclose: rule
targets:
  - name: prefect
    port: ${ports.prefect}
    mode: ${given.mode ?? 'enforce'}
    prefect: {url: "${given.prefect.url}", auth: {secret: "file://${join(folder, 'prefect-auth')}"}}
policies: [{path: ./policies}]
${given.more ?? ''}`,
  );
  let gateway: RunningGateway | undefined;

  async function start(): Promise<void> {
    gateway = await startFromFile(configFile, join(folder, 'gateway.log'));
  }

  const claimsOf = (name: string, groups: readonly string[]) => ({
    sub: `id-${name}`,
    email: `${name}@acme.example`,
    email_verified: true,
    groups,
  });
  const person: TestGateway['person'] = (name, groups = [], { seconds = 3600 } = {}) =>
    people.issuer.sign({ ...claimsOf(name, groups), exp: Math.floor(clock.now() / 1000) + seconds });

  await start();
  const control = (token: string): ControlClient => createControlClient({ origin, token: async () => token });
  const admin = createControlClient({ origin, token: () => person('root', ['platform']) });
  return {
    origin,
    url,
    folder,
    configFile,
    person,
    signsIn(name, groups) {
      people.visitor = claimsOf(name, groups);
    },
    workload: (name, options) => workloadToken(cluster, name, options),
    api: (token, method, path, body, headers = {}) =>
      call(url, {
        method,
        path,
        body,
        headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      }),
    admin,
    control,
    async apply(rules) {
      const applied = await admin.applyPolicy({ files: [{ path: 'policies/test.yaml', text: policyOf(rules) }] });
      if (!applied.applied) throw new Error(applied.diagnostics.map(diagnosticText).join('\n'));
    },
    async restart() {
      await gateway?.close();
      await start();
    },
    async stop() {
      await gateway?.close();
      gateway = undefined;
    },
    start,
    async close() {
      await gateway?.close();
      await people.issuer.close();
      await cluster.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function startFromFile(configFile: string, logFile: string): Promise<RunningGateway> {
  const { readFile } = await import('node:fs/promises');
  const { config, diagnostics } = loadConfig(await readFile(configFile, 'utf8'), configFile);
  if (config === undefined) throw new Error(diagnostics.map(diagnosticText).join('\n'));
  return await startGateway(config, { logFile });
}

/** A token as a Kubernetes cluster binds it to a pod's service account. */
async function workloadToken(
  cluster: TestIssuer,
  name: string,
  { seconds = 3600 }: { readonly seconds?: number } = {},
): Promise<string> {
  const [namespace = '', account = ''] = name.split('/');
  const now = Math.floor(clock.now() / 1000);
  return await cluster.sign({
    sub: `system:serviceaccount:${namespace}:${account}`,
    // A token that ends in the past began before that.
    iat: Math.min(now, now + seconds - 60),
    exp: now + seconds,
    'kubernetes.io': { namespace, serviceaccount: { name: account, uid: `uid-${account}` } },
  });
}
