// WebSocket relay: messages per second from a client to a stub upstream, direct, through nginx, spliced (a target whose frames mean
// nothing) and relayed (each frame of Prefect's event socket parsed, decided and recorded). Medians; nothing is asserted.
import { WebSocket, WebSocketServer } from 'ws';
import { startIssuer } from './issuer.ts';
import { load, median, Stage } from './support.ts';

const MESSAGES = Number(process.env['BENCH_MESSAGES'] ?? 5_000);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const stage = new Stage();

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
  stage.nginx(
    'proxy',
    `server { listen 127.0.0.1:19182; location / { proxy_pass http://127.0.0.1:19181; proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; } }`,
  );
  stage.fairlead({
    issuer: issuer.url,
    port: 19_194,
    targets: [
      '{name: web, port: 19185, http: {url: "http://127.0.0.1:19181"}}',
      '{name: prefect, port: 19186, prefect: {url: "http://127.0.0.1:19181"}}',
    ],
    rules: [
      '{name: sockets, who: [group:engineers], can: [http.get, http.connect_socket], on: ["web/**"]}',
      '{name: events, who: [group:engineers], can: [prefect.role.worker, prefect.role.flow_run], on: ["prefect/**"]}',
    ],
  });
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
  console.log(`WebSocket, ${MESSAGES} messages of ${EVENT.length} bytes, ${ROUNDS} rounds; load ${load()}`);
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

try {
  await main();
} finally {
  stage.end();
}
