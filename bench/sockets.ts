// WebSocket relay: messages per second from a client to a stub upstream, direct, through nginx, spliced (a target whose frames mean
// nothing) and relayed (each frame of Prefect's event socket parsed, decided and recorded). Medians; nothing is asserted.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { startIssuer } from './issuer.ts';

const MESSAGES = Number(process.env['BENCH_MESSAGES'] ?? 5_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const children: ChildProcess[] = [];

const EVENT = JSON.stringify({
  id: '01a2114b-58fa-79ef-b9d5-38c6474be4ed',
  occurred: '2026-01-01T00:00:00Z',
  event: 'demo.tick',
  resource: { 'prefect.resource.id': 'demo.clock' },
  related: [],
  payload: { number: 1 },
});

async function main(): Promise<void> {
  const issuer = await startIssuer(19_190);
  let received = 0;
  let whenAll: () => void = () => {};
  const upstream = new WebSocketServer({ port: 19_181, host: '127.0.0.1', handleProtocols: (names) => [...names][0] ?? false });
  upstream.on('connection', (socket) => {
    socket.on('message', (data) => {
      if (String(data).includes('"auth"')) {
        socket.send('{"type":"auth_success"}');
        return;
      }
      received += 1;
      if (received === MESSAGES) whenAll();
    });
  });
  startNginx();
  startFairlead(issuer.url);
  const paths = [
    { name: 'direct', url: 'ws://127.0.0.1:19181/api/events/in' },
    { name: 'nginx', url: 'ws://127.0.0.1:19182/api/events/in' },
    { name: 'Fairlead, spliced', url: 'ws://127.0.0.1:19185/api/events/in' },
    { name: 'Fairlead, each frame decided', url: 'ws://127.0.0.1:19186/api/events/in' },
  ];
  const rates = new Map<string, number[]>(paths.map(({ name }) => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const { name, url } of paths) {
      const socket = await open(url, issuer.token);
      received = 0;
      const all = new Promise<void>((done) => {
        whenAll = done;
      });
      const started = performance.now();
      for (let sent = 0; sent < MESSAGES; sent++) socket.send(EVENT);
      await all;
      if (round >= 0) rates.get(name)?.push((MESSAGES / (performance.now() - started)) * 1000);
      socket.terminate();
    }
  }
  const direct = median(rates.get('direct') ?? []);
  console.log(
    `WebSocket, ${MESSAGES} messages of ${EVENT.length} bytes, ${ROUNDS} rounds; load ${loadavg()
      .map((one) => one.toFixed(2))
      .join(' ')}`,
  );
  for (const { name } of paths) {
    const rate = median(rates.get(name) ?? []);
    console.log(
      `${name.padEnd(32)}${rate.toFixed(0).padStart(10)} messages/s${(rate / direct).toFixed(2).padStart(8)} of direct`,
    );
  }
  upstream.close();
  issuer.close();
}

async function open(url: string, token: string): Promise<WebSocket> {
  for (let attempt = 0; attempt < 60; attempt++) {
    const socket = new WebSocket(url, 'prefect', { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
    const isOpen = await new Promise<boolean>((done) => {
      socket.on('error', () => done(false));
      socket.on('open', () => {
        socket.on('message', () => done(true));
        socket.send('{"type":"auth","token":null}');
      });
    });
    if (isOpen) return socket;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`${url} did not open`);
}

function startFairlead(issuer: string): void {
  mkdirSync(join(folder, 'policies'), { recursive: true });
  writeFileSync(
    join(folder, 'fairlead.yaml'),
    `origin: http://127.0.0.1:19194
listen: {control: "127.0.0.1:19194", admin: "127.0.0.1:19195"}
store: sqlite:./data
administrators: [group:platform]
observe: {decisions: none, logLevel: error}
identity:
  - name: bench
    oidc: {issuer: "${issuer}", clientId: fairlead, audience: [fairlead]}
    owns: {users: ["*@acme.example"], groups: ["*"]}
targets:
  - {name: web, port: 19185, http: {url: "http://127.0.0.1:19181"}}
  - {name: prefect, port: 19186, prefect: {url: "http://127.0.0.1:19181"}}
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
    - {name: sockets, who: [group:engineers], can: [http.get, http.connect_socket], on: ["web/**"]}
    - {name: events, who: [group:engineers], can: [prefect.role.worker, prefect.role.flow_run], on: ["prefect/**"]}
`,
  );
  const args = ['src/main.ts', 'up', '-c', join(folder, 'fairlead.yaml')];
  children.push(spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] }));
}

function startNginx(): void {
  const file = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ');
  writeFileSync(
    file,
    `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log stderr warn; events { worker_connections 1024; }
http { access_log off; ${temporary} server { listen 127.0.0.1:19182; location / { proxy_pass http://127.0.0.1:19181; proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; } } }`,
  );
  execFileSync('nginx', ['-t', '-q', '-p', folder, '-c', file, '-e', 'stderr'], { stdio: 'ignore' });
  children.push(spawn('nginx', ['-p', folder, '-c', file, '-e', 'stderr'], { stdio: 'ignore' }));
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
