// The proxy door side by side with its peers: small JSON from a stub upstream, one core for the server under test (taskset), the
// other for load and upstream. Turns alternate; medians of all turns; the machine's load is printed with them.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startIssuer } from './issuer.ts';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 3);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const CONNECTIONS = 32;
/** A just-started program is still being compiled; that is shown by `start-up.ts`, not here. */
const WARM_UP_SECONDS = 8;
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const children: ChildProcess[] = [];

interface Subject {
  readonly name: string;
  readonly port: number;
  readonly pid: () => number;
}

async function main(): Promise<void> {
  const issuer = await startIssuer(19_090);
  const upstream = 'http://127.0.0.1:19081';
  nginx();
  await until(`${upstream}/`);
  const subjects: Subject[] = [
    { name: 'nginx, no checks', port: 19_082, pid: () => nginxWorker() },
    node('node:http + undici, no checks', 19_083, ['bench/bare-proxy.ts', '19083', upstream]),
    { name: 'nginx auth_request, static decision', port: 19_084, pid: () => nginxWorker() },
    fairlead(issuer.url, upstream),
  ];
  const other = oauth2Proxy(issuer.url, upstream);
  if (other !== undefined) subjects.push(other);
  for (const { port } of subjects) await until(`http://127.0.0.1:${port}/`, issuer.token);

  const results = new Map<string, { rps: number[]; p50: number[]; p99: number[] }>(
    subjects.map(({ name }) => [name, { rps: [], p50: [], p99: [] }]),
  );
  for (let round = -1; round < ROUNDS; round++) {
    for (const subject of round % 2 === 0 ? subjects : [...subjects].reverse()) {
      const measured = wrk(subject.port, issuer.token, round < 0 ? WARM_UP_SECONDS : SECONDS);
      if (round < 0) continue;
      const kept = results.get(subject.name);
      kept?.rps.push(measured.rps);
      kept?.p50.push(measured.p50);
      kept?.p99.push(measured.p99);
    }
  }
  const floor = median(results.get('nginx auth_request, static decision')?.rps ?? []);
  const peer = median(results.get('oauth2-proxy 7.15.6, bearer JWT')?.rps ?? []);
  console.log(
    `proxy, small JSON, ${CONNECTIONS} connections, one core, ${ROUNDS} x ${SECONDS} s; load ${loadavg()
      .map((one) => one.toFixed(2))
      .join(' ')}`,
  );
  console.log(row(['server', 'rps', 'p50 ms', 'p99 ms', 'of auth_request', 'of oauth2-proxy', 'RSS MB']));
  for (const { name, pid } of subjects) {
    const { rps, p50, p99 } = results.get(name) ?? { rps: [], p50: [], p99: [] };
    const mine = median(rps);
    console.log(
      row([
        name,
        mine.toFixed(0),
        median(p50).toFixed(2),
        median(p99).toFixed(2),
        ratio(mine, floor),
        ratio(mine, peer),
        rss(pid()),
      ]),
    );
  }
  issuer.close();
}

function fairlead(issuer: string, upstream: string): Subject {
  mkdirSync(join(folder, 'policies'), { recursive: true });
  writeFileSync(
    join(folder, 'fairlead.yaml'),
    `origin: http://127.0.0.1:19444
listen: {control: "127.0.0.1:19444", admin: "127.0.0.1:19445"}
store: sqlite:./data
administrators: [group:platform]
observe: {decisions: none, logLevel: warn}
identity:
  - name: bench
    oidc: {issuer: "${issuer}", clientId: fairlead, audience: [fairlead]}
    owns: {users: ["*@acme.example"], groups: ["*"]}
targets:
  - {name: web, port: 19085, http: {url: "${upstream}"}}
policies: [{path: ./policies}]
`,
  );
  writeFileSync(
    join(folder, 'policies', 'web.yaml'),
    `apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: {name: web}
spec:
  rules:
    - {name: engineers, who: [group:engineers], can: [http.get], on: ["web/**"]}
`,
  );
  return node('Fairlead: identity, policy, record', 19_085, ['src/main.ts', 'up', '-c', join(folder, 'fairlead.yaml')]);
}

function oauth2Proxy(issuer: string, upstream: string): Subject | undefined {
  const binary = process.env['OAUTH2_PROXY'] ?? 'oauth2-proxy';
  try {
    execFileSync(binary, ['--version'], { stdio: 'ignore' });
  } catch {
    console.log(
      'oauth2-proxy is not there (go install github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6, or OAUTH2_PROXY=path): left out',
    );
    return undefined;
  }
  const file = join(folder, 'oauth2-proxy.cfg');
  writeFileSync(
    file,
    `http_address = "127.0.0.1:19086"
provider = "oidc"
oidc_issuer_url = "${issuer}"
client_id = "fairlead"
client_secret = "unused"
redirect_url = "http://127.0.0.1:19086/oauth2/callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
cookie_secure = false
email_domains = ["*"]
upstreams = ["${upstream}/"]
skip_jwt_bearer_tokens = true
pass_authorization_header = true
request_logging = false
auth_logging = false
`,
  );
  const child = pinned(binary, ['--config', file], { GOMAXPROCS: '1' });
  return { name: 'oauth2-proxy 7.15.6, bearer JWT', port: 19_086, pid: () => child.pid ?? 0 };
}

function node(name: string, port: number, args: readonly string[]): Subject {
  const child = pinned(process.execPath, args);
  return { name, port, pid: () => child.pid ?? 0 };
}

function pinned(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn('taskset', ['-c', '0', command, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
  children.push(child);
  return child;
}

function nginx(): void {
  const worker = (body: string, cpu: string, name: string): void => {
    const file = join(folder, `${name}.conf`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`)
      .join(' ');
    writeFileSync(
      file,
      `worker_processes 1; daemon off; pid ${folder}/${name}.pid; error_log stderr warn; events { worker_connections 1024; }
http { access_log off; ${temporary} keepalive_requests 1000000; ${body} }`,
    );
    children.push(
      spawn('taskset', ['-c', cpu, 'nginx', '-p', folder, '-c', file, '-e', 'stderr'], {
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    );
  };
  worker(
    `server { listen 127.0.0.1:19081; location / { default_type application/json; return 200 '{"ok":true,"items":[1,2,3],"note":"a small answer"}'; } }`,
    '1',
    'upstream',
  );
  const pass = 'proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";';
  worker(
    `upstream app { server 127.0.0.1:19081; keepalive 64; } upstream decide { server 127.0.0.1:19087; keepalive 64; }
server { listen 127.0.0.1:19082; location / { ${pass} } }
server { listen 127.0.0.1:19087; location / { return 200; } }
server { listen 127.0.0.1:19084; location / { auth_request /_decide; ${pass} }
  location = /_decide { internal; proxy_pass http://decide/; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_http_version 1.1; proxy_set_header Connection ""; } }`,
    '0',
    'proxy',
  );
}

function nginxWorker(): number {
  const master = readFileSync(join(folder, 'proxy.pid'), 'utf8').trim();
  return Number(execFileSync('pgrep', ['-P', master], { encoding: 'utf8' }).split('\n')[0]);
}

function wrk(port: number, token: string, seconds: number): { rps: number; p50: number; p99: number } {
  const text = execFileSync(
    'taskset',
    [
      '-c',
      '1',
      'wrk',
      '-t1',
      `-c${CONNECTIONS}`,
      `-d${seconds}s`,
      '--latency',
      '-H',
      `Authorization: Bearer ${token}`,
      `http://127.0.0.1:${port}/api/items?limit=3`,
    ],
    { encoding: 'utf8' },
  );
  if (/Non-2xx/.test(text)) throw new Error(`port ${port} refused calls:\n${text}`);
  return {
    rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    p50: milliseconds(/50%\s+(\S+)/.exec(text)?.[1]),
    p99: milliseconds(/99%\s+(\S+)/.exec(text)?.[1]),
  };
}

function milliseconds(text = ''): number {
  const number = Number.parseFloat(text);
  return text.endsWith('us') ? number / 1000 : text.endsWith('ms') ? number : number * 1000;
}

async function until(url: string, token?: string): Promise<void> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      if ((await fetch(url, { headers })).status === 200) return;
    } catch {
      // not up yet
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${url} did not come up`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function ratio(a: number, b: number): string {
  return Number.isNaN(b) ? '-' : (a / b).toFixed(2);
}

function rss(pid: number): string {
  const file = `/proc/${pid}/status`;
  const kilobytes = existsSync(file) ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(file, 'utf8'))?.[1]) : Number.NaN;
  return (kilobytes / 1024).toFixed(0);
}

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => (index === 0 ? cell.padEnd(40) : cell.padStart(16))).join('');
}

try {
  await main();
} finally {
  for (const child of children) child.kill('SIGTERM');
}
