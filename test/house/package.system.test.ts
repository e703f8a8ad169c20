import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/ports.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const VERSION = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;

/** A folder with a blank in its name, in which only the packed package is installed. */
const base = mkdtempSync(join(tmpdir(), 'fairlead pack-'));
const folder = join(base, 'empty');
const bin = join(folder, 'node_modules', 'fairlead', 'bin', 'fairlead.cjs');
const children: ChildProcess[] = [];
let upstream: Server | undefined;

beforeAll(() => {
  mkdirSync(join(folder, 'policies'), { recursive: true });
  execFileSync(process.execPath, [join(ROOT, 'bootstrap', 'build.mjs'), join(base, 'package')], { cwd: ROOT });
  execFileSync('npm', ['pack', join(base, 'package'), '--silent'], { cwd: base });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', version: '1.0.0', private: true }));
  const archive = join(base, `fairlead-${VERSION}.tgz`);
  // Offline: what is not in the archive is not there.
  execFileSync('npm', ['install', archive, '--ignore-scripts', '--offline', '--no-audit', '--no-fund'], { cwd: folder });
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  upstream?.close();
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, NODE_OPTIONS: '', HOME: join(base, 'home'), XDG_CACHE_HOME: '', XDG_DATA_HOME: '', ...more };
}

function fairlead(...args: readonly string[]): Promise<Finished> {
  return run(process.execPath, [bin, ...args]);
}

function run(command: string, args: readonly string[]): Promise<Finished> {
  return new Promise((done) => {
    execFile(command, [...args], { cwd: folder, env: environment() }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: folder,
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  const exit = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return { child, exit, text: () => text };
}

/** The first answer of an address, waited for while `started` lives. */
async function answer(url: string, started: { readonly child: ChildProcess; text(): string }, headers = {}): Promise<Response> {
  for (;;) {
    const response = await fetch(url, { headers, redirect: 'manual' }).catch(() => undefined);
    if (response !== undefined) return response;
    if (started.child.exitCode !== null) throw new Error(`it ended: ${started.text()}`);
    await sleep(20);
  }
}

/** A gateway's configuration in front of a web service of ours; policy lets everybody read below `/open`. */
async function configure(): Promise<{ readonly control: number; readonly admin: number; readonly proxy: number }> {
  const [control, admin, proxy] = (await freePorts(3)) as [number, number, number];
  const server = createServer((request, response) => response.end(`upstream ${request.url}`)).listen(0, '127.0.0.1');
  upstream = server;
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(
    join(folder, 'fairlead.yaml'),
    [
      `origin: http://127.0.0.1:${control}`,
      `listen: {control: "127.0.0.1:${control}", admin: "127.0.0.1:${admin}"}`,
      'store: sqlite:./data',
      'administrators: [user:lee@acme.example]',
      'identity:',
      '  - name: acme',
      '    oidc: {issuer: "http://127.0.0.1:9/", clientId: fairlead, audience: [fairlead]}',
      '    owns: {users: ["*"]}',
      `targets: [{name: web, port: ${proxy}, http: {url: "${url}"}}]`,
      'policies: [{path: ./policies}]',
      'observe: {decisions: none}',
      '',
    ].join('\n'),
  );
  writeFileSync(
    join(folder, 'policies', 'web.yaml'),
    [
      'apiVersion: fairlead.dev/v1',
      'kind: AccessPolicy',
      'metadata: {name: web}',
      'spec:',
      '  owner: team@acme.example',
      '  rules:',
      '    - name: open',
      '      who: [anyone, anonymous]',
      '      can: [http.get]',
      '      on: ["web/open/**"]',
      '',
    ].join('\n'),
  );
  return { control, admin, proxy };
}

describe('the packed package, installed into an empty folder', () => {
  it('brings itself and nothing else', () => {
    const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as { packages: Record<string, object> };
    expect(Object.keys(lock.packages)).toEqual(['', 'node_modules/fairlead']);
    const manifest = readFileSync(join(folder, 'node_modules', 'fairlead', 'package.json'), 'utf8');
    expect(JSON.parse(manifest)).not.toHaveProperty('scripts');
    expect(JSON.parse(manifest)).not.toHaveProperty('dependencies');
  });

  it('names every library in it with its licence, each of a kind that allows this', () => {
    const text = readFileSync(join(folder, 'node_modules', 'fairlead', 'THIRD-PARTY.txt'), 'utf8');
    const heads = text.split(/\n-{78}\n\n/).map((part) => /^(\S+) (\S+) \((.+)\)\n/.exec(part));
    expect(heads.length).toBeGreaterThan(20);
    expect(heads.map((head) => head?.[1])).toContain('hono');
    const refused = heads.filter((head) => !/^(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0)$/.test(head?.[3] ?? ''));
    expect(refused.map((head) => head?.[0])).toEqual([]);
  });

  it('tells its version and its verbs through npx', async () => {
    const version = await run('npx', ['--offline', 'fairlead', '--version']);
    expect(version).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
    expect((await fairlead('--help')).stdout).toContain('run the gateway');
  });

  it('prints the schema and checks a policy', async () => {
    await configure();
    expect(JSON.parse((await fairlead('schema')).stdout)).toHaveProperty('properties.targets');
    expect(await fairlead('check')).toMatchObject({ code: 0, stdout: expect.stringContaining('0 failed') });
  });

  it('runs the gateway: decides, forwards, answers on its own origin, and ends when told to', async () => {
    const { control, admin, proxy } = await configure();
    const gateway = start(['up']);
    expect((await answer(`http://127.0.0.1:${admin}/readyz`, gateway)).status).toBe(200);
    const open = await fetch(`http://127.0.0.1:${proxy}/open/door`);
    expect([open.status, await open.text()]).toEqual([200, 'upstream /open/door']);
    const refused = await fetch(`http://127.0.0.1:${proxy}/private`, { headers: { accept: 'application/json' } });
    expect(refused.status).toBe(401);
    const page = await fetch(`http://127.0.0.1:${control}/`, { redirect: 'manual', headers: { accept: 'text/html' } });
    expect(page.status).toBeLessThan(500);
    const who = await fetch(`http://127.0.0.1:${control}/api/v1/whoami`);
    expect(who.status).toBe(401);
    gateway.child.kill('SIGTERM');
    expect(await gateway.exit).toBe(0);
    // Compiled code is kept where only this user writes.
    expect(existsSync(join(base, 'home', '.cache', 'fairlead', 'code'))).toBe(true);
  });

  it('runs the demo without a Python: identity provider, web service and gateway', async () => {
    const names = ['CONTROL', 'ADMIN', 'PREFECT', 'WEB', 'PROVIDER', 'PREFECT_SERVER', 'WEB_SERVICE'];
    const ports = await freePorts(names.length);
    const variables = Object.fromEntries(names.map((name, index) => [`FAIRLEAD_DEMO_${name}_PORT`, String(ports[index])]));
    const demo = start(['demo', '--dir', join(base, 'demo')], { ...variables, FAIRLEAD_PYTHON: join(base, 'no-python') });
    const provider = await answer(
      `http://127.0.0.1:${variables['FAIRLEAD_DEMO_PROVIDER_PORT']}/.well-known/openid-configuration`,
      demo,
    );
    expect(await provider.json()).toHaveProperty('authorization_endpoint');
    const web = await answer(`http://127.0.0.1:${variables['FAIRLEAD_DEMO_WEB_PORT']}/`, demo, { accept: 'application/json' });
    expect(web.status).toBe(401);
    const signIn = await fetch(`http://127.0.0.1:${variables['FAIRLEAD_DEMO_CONTROL_PORT']}/login/acme?return=%2F`, {
      redirect: 'manual',
    });
    expect(signIn.headers.get('location')).toContain('code_challenge=');
    while (!demo.text().includes('Gateway and sign-in are up')) await sleep(20);
    demo.child.kill('SIGTERM');
    expect(await demo.exit).toBe(0);
  });

  it('says under an older Node which one it needs', async () => {
    const pretend = `Object.defineProperty(process.versions, 'node', { value: '22.20.0' });
      Object.defineProperty(process, 'version', { value: 'v22.20.0' }); require(${JSON.stringify(bin)});`;
    const { code, stderr } = await run(process.execPath, ['-e', pretend]);
    expect([code, stderr]).toEqual([
      1,
      'fairlead: Node 24.15 or newer is needed, this is v22.20.0. Install Node 24 and run again. The `istio` verbs run on Node 20 too.\n',
    ]);
    const older = olderNode();
    if (older === undefined) return;
    const real = await run(older, [bin, '--version']);
    expect([real.code, real.stderr]).toEqual([1, expect.stringContaining('Node 24.15 or newer is needed')]);
  });
});

describe('the verbs on Istio rules in the packed package', () => {
  const shop = join(folder, 'node_modules', 'fairlead', 'examples', 'istio');
  const explain = ['istio', 'explain', '-f', shop, '-n', 'shop', '--to', 'svc/cart', '--from', 'web/front', '--path', '/cart/1'];
  const aCase = JSON.stringify({
    id: 'one',
    mesh: {},
    workload: { namespace: 'shop', labels: { app: 'cart' } },
    objects: [
      {
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'p', namespace: 'shop' },
        spec: { rules: [{ to: [{ operation: { methods: ['GET'] } }] }] },
      },
    ],
    requests: [
      { method: 'GET', authority: 'a', path: '/', peer: null },
      { method: 'PUT', authority: 'a', path: '/', peer: null },
    ],
  });

  /** Under every Node of this machine that may run them: this one, and the oldest, where it is there. */
  const nodes = [process.execPath, olderNode(20)].filter((node) => node !== undefined);

  for (const node of nodes) {
    const istio = (...args: readonly string[]) => run(node, [bin, ...args]);
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();

    it(`explain, list, compare, lint and evaluate under Node ${version}`, async () => {
      const allowed = await istio(...explain, '--method', 'GET');
      expect(allowed).toMatchObject({ code: 0, stdout: expect.stringContaining('ALLOW shop/cart-readers rule[0]'), stderr: '' });
      const denied = await istio(...explain, '--method', 'POST', '-o', 'yaml');
      expect(denied).toMatchObject({ code: 2, stdout: expect.stringContaining('decided: no-allow-rule'), stderr: '' });
      const who = await istio('istio', 'who-can', 'GET', '/cart/1', '-f', shop, '-n', 'shop', '--to', 'svc/cart');
      expect(who).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('principal cluster.local/ns/web/sa/front'),
        stderr: '',
      });
      const change = join(shop, '..', 'istio-change', 'policies.yaml');
      const diff = await istio('istio', 'diff', '-f', join(shop, 'mesh.yaml'), join(shop, 'policies.yaml'), change);
      expect(diff).toMatchObject({ code: 1, stdout: expect.stringContaining('GAINED  POST /cart/*'), stderr: '' });
      const lint = await istio('istio', 'lint', '-f', shop);
      expect(lint).toMatchObject({ code: 1, stdout: expect.stringContaining('[http-field-on-tcp]') });
      writeFileSync(join(folder, 'cases.jsonl'), `${aCase}\n`);
      const evaluated = await istio('istio', 'eval', 'cases.jsonl');
      expect(evaluated).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(evaluated.stdout)).toMatchObject({ id: 'one', verdicts: [{ v: 'allow' }, { v: 'deny', id: 'none' }] });
    });

    it(`tell usage and unreadable files by their exit codes under Node ${version}`, async () => {
      expect((await istio('istio')).code).toBe(64);
      expect((await istio('istio', 'explain')).code).toBe(64);
      expect((await istio('istio', '--help')).code).toBe(0);
      expect(await istio('istio', 'explain', '-f', 'nowhere', '--to', 'svc/x')).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('[MESH_UNREADABLE]'),
      });
    });
  }
});

/** A real older Node, where the host has one: older than 24, and not older than `floor`. */
function olderNode(floor = 0): string | undefined {
  const candidates = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'].map((one) => join(one, 'node'));
  return candidates.filter(existsSync).find((file) => {
    const major = /^v(\d+)/.exec(execFileSync(file, ['--version'], { encoding: 'utf8' }))?.[1];
    return Number(major) < 24 && Number(major) >= floor;
  });
}
