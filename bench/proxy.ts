// The proxy door side by side with its peers: small JSON from a stub upstream, one core for the server under test (taskset), the
// other for load and upstream. Turns alternate; medians of all turns; the machine's load is printed with them. What a call costs in
// processor time, all threads together, says more than calls per second where something else is running.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startIssuer } from './issuer.ts';
import { load, median, Stage, until } from './support.ts';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 3);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const CONNECTIONS = 32;
/**
 * A program that has served few calls is still being compiled, which takes calls rather than time; that is shown by `start-up.ts`,
 * not here. Given up after a minute, on a machine that is busy.
 */
const WARM_UP_CALLS = 60_000;
const WARM_UP_TURNS = 12;
const WARM_UP_SECONDS = 5;
const stage = new Stage();

interface Subject {
  readonly name: string;
  readonly port: number;
  readonly pid: () => number;
}

async function main(): Promise<void> {
  const issuer = await startIssuer(19_090);
  const upstream = 'http://127.0.0.1:19081';
  startNginx();
  await until('the upstream', () => answers(19_081, ''));
  const subjects: Subject[] = [
    { name: 'nginx, no checks', port: 19_082, pid: () => nginxWorker() },
    node('node:http + undici, no checks', 19_083, ['bench/bare-proxy.ts', '19083', upstream]),
    { name: 'nginx auth_request, static decision', port: 19_084, pid: () => nginxWorker() },
    fairlead(issuer.url, upstream),
  ];
  const other = oauth2Proxy(issuer.url, upstream);
  if (other !== undefined) subjects.push(other);
  for (const { name, port } of subjects) await until(name, () => answers(port, issuer.token));

  const results = new Map<string, { rps: number[]; p50: number[]; p99: number[]; cpu: number[] }>(
    subjects.map(({ name }) => [name, { rps: [], p50: [], p99: [], cpu: [] }]),
  );
  for (const { port } of subjects) warmUp(port, issuer.token);
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of round % 2 === 0 ? subjects : [...subjects].reverse()) {
      const before = cpuMicroseconds(subject.pid());
      const measured = wrk(subject.port, issuer.token, SECONDS);
      const kept = results.get(subject.name);
      kept?.cpu.push((cpuMicroseconds(subject.pid()) - before) / measured.calls);
      kept?.rps.push(measured.rps);
      kept?.p50.push(measured.p50);
      kept?.p99.push(measured.p99);
    }
  }
  const floor = median(results.get('nginx auth_request, static decision')?.rps ?? []);
  const peer = median(results.get('oauth2-proxy 7.15.6, bearer JWT')?.rps ?? []);
  console.log(`proxy, small JSON, ${CONNECTIONS} connections, one core, ${ROUNDS} x ${SECONDS} s; load ${load()}`);
  console.log(
    row([
      'server',
      'rps',
      'best rps',
      'p50 ms',
      'p99 ms',
      'of auth_request',
      'of oauth2-proxy',
      'CPU us a call',
      'least',
      'RSS MB',
    ]),
  );
  for (const { name, pid } of subjects) {
    const { rps, p50, p99, cpu } = results.get(name) ?? { rps: [], p50: [], p99: [], cpu: [] };
    const mine = median(rps);
    console.log(
      row([
        name,
        mine.toFixed(0),
        Math.max(...rps).toFixed(0),
        median(p50).toFixed(2),
        median(p99).toFixed(2),
        ratio(mine, floor),
        ratio(mine, peer),
        median(cpu).toFixed(1),
        Math.min(...cpu).toFixed(1),
        rss(pid()),
      ]),
    );
  }
  issuer.close();
}

function warmUp(port: number, token: string): void {
  let calls = 0;
  for (let turn = 0; turn < WARM_UP_TURNS && calls < WARM_UP_CALLS; turn++) calls += wrk(port, token, WARM_UP_SECONDS).calls;
}

function fairlead(issuer: string, upstream: string): Subject {
  const child = stage.fairlead({
    issuer,
    port: 19_444,
    cpu: '0',
    targets: [`{name: web, port: 19085, http: {url: "${upstream}"}}`],
    rules: ['{name: engineers, who: [group:engineers], can: [http.get], on: ["web/**"]}'],
  });
  return { name: 'Fairlead: identity, policy, record', port: 19_085, pid: () => child.pid ?? 0 };
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
  const file = join(stage.folder, 'oauth2-proxy.cfg');
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
  const child = stage.start(binary, ['--config', file], { cpu: '0', env: { GOMAXPROCS: '1' } });
  return { name: 'oauth2-proxy 7.15.6, bearer JWT', port: 19_086, pid: () => child.pid ?? 0 };
}

function node(name: string, port: number, args: readonly string[]): Subject {
  const child = stage.start(process.execPath, args, { cpu: '0' });
  return { name, port, pid: () => child.pid ?? 0 };
}

function startNginx(): void {
  const answer = `'{"ok":true,"items":[1,2,3],"note":"a small answer"}'`;
  stage.nginx(
    'upstream',
    `server { listen 127.0.0.1:19081; location / { default_type application/json; return 200 ${answer}; } }`,
    '1',
  );
  const pass = 'proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";';
  stage.nginx(
    'proxy',
    `upstream app { server 127.0.0.1:19081; keepalive 64; } upstream decide { server 127.0.0.1:19087; keepalive 64; }
server { listen 127.0.0.1:19082; location / { ${pass} } }
server { listen 127.0.0.1:19087; location / { return 200; } }
server { listen 127.0.0.1:19084; location / { auth_request /_decide; ${pass} }
  location = /_decide { internal; proxy_pass http://decide/; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_http_version 1.1; proxy_set_header Connection ""; } }`,
    '0',
  );
}

function nginxWorker(): number {
  const master = readFileSync(join(stage.folder, 'proxy.pid'), 'utf8').trim();
  return Number(execFileSync('pgrep', ['-P', master], { encoding: 'utf8' }).split('\n')[0]);
}

interface Measured {
  readonly calls: number;
  readonly rps: number;
  readonly p50: number;
  readonly p99: number;
}

function wrk(port: number, token: string, seconds: number): Measured {
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
    calls: Number(/(\d+) requests in/.exec(text)?.[1]),
    rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    p50: milliseconds(/^\s+50%\s+(\S+)/m.exec(text)?.[1]),
    p99: milliseconds(/^\s+99%\s+(\S+)/m.exec(text)?.[1]),
  };
}

function milliseconds(text = ''): number {
  const number = Number.parseFloat(text);
  return text.endsWith('us') ? number / 1000 : text.endsWith('ms') ? number : number * 1000;
}

async function answers(port: number, token: string): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: token === '' ? {} : { authorization: `Bearer ${token}` } });
  return answer.status === 200;
}

function ratio(a: number, b: number): string {
  return Number.isNaN(b) ? '-' : (a / b).toFixed(2);
}

/** Of all threads that the process has now. */
function cpuMicroseconds(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const spent = readdirSync(folder).map((task) => {
    const file = join(folder, task, 'schedstat');
    return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[0]) : 0;
  });
  return spent.reduce((sum, nanoseconds) => sum + nanoseconds / 1000, 0);
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
  stage.end();
}
