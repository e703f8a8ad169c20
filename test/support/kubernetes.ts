import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { type Child, startChild } from '../../src/demo/child.ts';
import { openLogFile } from '../../src/demo/log-file.ts';
import { findPython, probeWith } from '../../src/demo/python.ts';
import type { KubernetesPrograms } from './kubernetes-build.ts';
import { freePort } from './ports.ts';
import { ASSETS } from './prefect-environment.ts';
import { selfSigned } from './self-signed.ts';

export interface KubernetesAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a server answered is for the assertion to judge.
  readonly body: any;
}

/** A real control plane on loopback: etcd and kube-apiserver, as a cluster has them; no controllers, no nodes. */
export interface Kubernetes {
  /** `https://127.0.0.1:PORT`: API server and issuer of its service accounts. */
  readonly url: string;
  /** PEM file of the certificate authority. */
  readonly caFile: string;
  /** Private key that signs service-account tokens, PEM. */
  readonly signingKey: string;
  /** A user named `fairlead`, without any right until a binding gives it some. */
  readonly fairleadToken: string;
  /** A call as administrator, or with another token; `''` sends none. */
  api(method: string, path: string, body?: unknown, token?: string): Promise<KubernetesAnswer>;
  /** Ends the API server's process; `start` brings it up again on the same data and port. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const READY_MS = 240_000;

export async function startKubernetes(programs: KubernetesPrograms): Promise<Kubernetes> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-kubernetes-'));
  const ports = { api: await freePort(), etcd: await freePort(), peer: await freePort() };
  const url = `https://127.0.0.1:${ports.api}`;
  const { certFile, keyFile } = selfSigned(folder, '127.0.0.1');
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const accountKeys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: pem,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const tokens = { admin: randomBytes(16).toString('hex'), fairlead: randomBytes(16).toString('hex') };
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const flags = {
    'etcd-servers': `http://127.0.0.1:${ports.etcd}`,
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': ports.api,
    'endpoint-reconciler-type': 'none',
    'tls-cert-file': certFile,
    'tls-private-key-file': keyFile,
    'service-account-issuer': url,
    'service-account-signing-key-file': file('accounts.key', accountKeys.privateKey),
    'service-account-key-file': file('accounts.pub', accountKeys.publicKey),
    'service-cluster-ip-range': '198.18.0.0/24',
    'token-auth-file': file('tokens.csv', `${tokens.admin},admin,admin,"system:masters"\n${tokens.fairlead},fairlead,fairlead\n`),
    'authorization-mode': 'RBAC',
    // No controller makes the accounts and tokens that it would ask for.
    'disable-admission-plugins': 'ServiceAccount',
  };
  const log = openLogFile(join(folder, 'servers.log'));
  const python = await findPython({ wanted: process.env['FAIRLEAD_PYTHON'] || undefined, run: probeWith(process.env) });
  if (python.kind === 'missing') throw new Error(python.sentence);
  const run = (name: string, args: readonly string[]): Child =>
    startChild({
      name,
      python: python.path,
      watcher: ASSETS.watcher,
      command: [join(programs, name), ...args],
      env: { HOME: folder, PATH: process.env['PATH'] ?? '' },
      cwd: folder,
      log,
    });
  const dispatcher = new Agent({ connect: { ca: readFileSync(certFile, 'utf8') }, headersTimeout: 30_000 });
  const api: Kubernetes['api'] = async (method, path, body, token = tokens.admin) => {
    const answer = await request(`${url}${path}`, {
      dispatcher,
      method: method as 'GET',
      headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  const peer = `http://127.0.0.1:${ports.peer}`;
  const etcd = run('etcd', [
    ...['--data-dir', join(folder, 'etcd'), '--log-level', 'error', '--unsafe-no-fsync'],
    ...['--listen-client-urls', flags['etcd-servers'], '--advertise-client-urls', flags['etcd-servers']],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
  ]);
  let server: Child | undefined;

  async function start(): Promise<void> {
    server = run(
      'kube-apiserver',
      Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    );
    let ended: readonly string[] | undefined;
    void server.exited.then(({ lastLines }) => {
      ended = lastLines;
    });
    const end = performance.now() + READY_MS;
    while (!(await isReady())) {
      if (ended !== undefined) throw new Error(`kube-apiserver ended: ${ended.slice(-3).join(' ')}`);
      if (performance.now() > end) throw new Error(`kube-apiserver is not ready in time: see ${log.path}`);
      await sleep(250);
    }
  }

  const isReady = (): Promise<boolean> =>
    api('GET', '/readyz').then(
      ({ status }) => status === 200,
      () => false,
    );

  const close = async (): Promise<void> => {
    // Without etcd the API server's own end would hang.
    await server?.stop();
    await etcd.stop();
    await dispatcher.close();
    log.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url,
    caFile: certFile,
    signingKey: accountKeys.privateKey,
    fairleadToken: tokens.fairlead,
    api,
    async stop() {
      await server?.stop();
    },
    start,
    close,
  };
}
