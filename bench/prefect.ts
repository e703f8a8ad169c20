// What the gateway adds to a call of a real Prefect server, one call at a time. Needs the path of a `prefect` 3.9.1 program in
// PREFECT_PROGRAM. Prefect itself answers in 1 to 150 ms, so only the added time is of interest. Medians.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { startIssuer } from './issuer.ts';

const CALLS = Number(process.env['BENCH_CALLS'] ?? 200);
const AUTH = 'bench:secret';
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const children: ChildProcess[] = [];

async function main(): Promise<void> {
  const program = process.env['PREFECT_PROGRAM'];
  if (program === undefined) {
    console.log('left out: set PREFECT_PROGRAM to a prefect 3.9.1 program');
    return;
  }
  const issuer = await startIssuer(19_290);
  const env = {
    ...process.env,
    PREFECT_HOME: join(folder, 'prefect'),
    PREFECT_SERVER_API_AUTH_STRING: AUTH,
    PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
    DO_NOT_TRACK: '1',
  };
  const server = spawn(program, ['server', 'start', '--host', '127.0.0.1', '--port', '19281'], { env, stdio: 'ignore' });
  children.push(server);
  startFairlead(issuer.url);
  const basic = `Basic ${Buffer.from(AUTH).toString('base64')}`;
  await until('http://127.0.0.1:19281/api/ready', basic);
  await until('http://127.0.0.1:19286/api/admin/version', `Bearer ${issuer.token}`);
  const calls = [
    { name: 'GET /admin/version', method: 'GET', path: '/api/admin/version', body: null },
    { name: 'POST /flows/filter', method: 'POST', path: '/api/flows/filter', body: '{"limit":5}' },
  ] as const;
  console.log(
    `real Prefect, one call at a time, ${CALLS} each in turn; load ${loadavg()
      .map((one) => one.toFixed(2))
      .join(' ')}`,
  );
  for (const { name, method, path, body } of calls) {
    const direct: number[] = [];
    const through: number[] = [];
    for (let index = 0; index < CALLS; index++) {
      direct.push(await timed(`http://127.0.0.1:19281${path}`, basic, method, body));
      through.push(await timed(`http://127.0.0.1:19286${path}`, `Bearer ${issuer.token}`, method, body));
    }
    const added = median(through) - median(direct);
    console.log(
      `${name.padEnd(24)} direct p50 ${median(direct).toFixed(2)} ms, through p50 ${median(through).toFixed(2)} ms, added ${added.toFixed(2)} ms`,
    );
  }
  issuer.close();
}

async function timed(url: string, authorization: string, method: 'GET' | 'POST', body: string | null): Promise<number> {
  const started = performance.now();
  const answer = await request(url, {
    method,
    body,
    headers: { authorization, ...(body === null ? {} : { 'content-type': 'application/json' }) },
  });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
  return performance.now() - started;
}

function startFairlead(issuer: string): void {
  mkdirSync(join(folder, 'policies'), { recursive: true });
  writeFileSync(join(folder, 'auth'), AUTH, { mode: 0o600 });
  writeFileSync(
    join(folder, 'fairlead.yaml'),
    `origin: http://127.0.0.1:19294
listen: {control: "127.0.0.1:19294", admin: "127.0.0.1:19295"}
store: sqlite:./data
administrators: [group:platform]
observe: {decisions: none, logLevel: error}
identity:
  - name: bench
    oidc: {issuer: "${issuer}", clientId: fairlead, audience: [fairlead]}
    owns: {users: ["*@acme.example"], groups: ["*"]}
targets:
  - {name: prefect, port: 19286, prefect: {url: "http://127.0.0.1:19281", auth: {secret: "file://${folder}/auth"}}}
policies: [{path: ./policies}]
`,
  );
  writeFileSync(
    join(folder, 'policies', 'all.yaml'),
    `apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: {name: all}
spec:
  rules:
    - {name: viewers, who: [group:engineers], can: [prefect.role.viewer], on: ["prefect/**"]}
`,
  );
  const args = ['src/main.ts', 'up', '-c', join(folder, 'fairlead.yaml')];
  children.push(spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] }));
}

async function until(url: string, authorization: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const answer = await request(url, { headers: { authorization } }).catch(() => undefined);
    await answer?.body.dump();
    if (answer?.statusCode === 200) return;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`${url} did not come up`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

try {
  await main();
} finally {
  for (const child of children) child.kill('SIGTERM');
}
