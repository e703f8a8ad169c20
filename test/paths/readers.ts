import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { startEnvoy } from '../support/envoy.ts';
import { freePort } from '../support/ports.ts';
import type { EnvoyReading, GoReading, Seen } from './verdict.ts';

export interface Readers {
  /** Sends each target as it stands to Go's net/http and to two settings of Envoy. */
  see(targets: readonly string[]): Promise<readonly Seen[]>;
  close(): Promise<void>;
}

/** Starts the program in `go/` and an Envoy with a listener for each setting, before a server that tells what it was sent. */
export async function startReaders(envoy: string): Promise<Readers> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-paths-'));
  const program = join(folder, 'paths');
  const env = { ...process.env, GOTOOLCHAIN: 'local', CGO_ENABLED: '0' };
  await promisify(execFile)('go', ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'go'), env });
  const go = spawn(program, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [goPort] = await once(createInterface(go.stdout), 'line');
  const echo = await echoServer();
  const ports = [await freePort(), await freePort()] as const;
  const merging = { merge_slashes: true, path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' };
  const running = await startEnvoy(envoy, bootstrap(echo.port, [listener(ports[0], {}), listener(ports[1], merging)]), ports[1]);
  return {
    async see(targets) {
      const seen: Seen[] = [];
      const see = async (target: string, index: number): Promise<void> => {
        const [asGo, asEnvoy, asMerging] = await Promise.all([
          askGo(Number(goPort), target),
          askEnvoy(ports[0], target),
          askEnvoy(ports[1], target),
        ]);
        seen[index] = { target, go: asGo, envoy: asEnvoy, envoyMerging: asMerging };
      };
      const rest = targets.entries();
      const lane = async (): Promise<void> => {
        for (const [index, target] of rest) await see(target, index);
      };
      await Promise.all(Array.from({ length: 8 }, lane));
      return seen;
    },
    async close() {
      go.kill('SIGKILL');
      await running.close();
      await echo.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function askGo(port: number, target: string): Promise<GoReading> {
  const { status, body } = await sendTarget(port, target);
  if (status !== 200) return status;
  const { path, query, mux } = JSON.parse(body);
  return [path, query, mux];
}

async function askEnvoy(port: number, target: string): Promise<EnvoyReading> {
  const { status, body } = await sendTarget(port, target);
  return status === 200 ? body : status;
}

/** `GET TARGET`, byte for byte, on a connection of its own. */
function sendTarget(port: number, target: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const late = setTimeout(() => socket.destroy(new Error(`no answer to ${JSON.stringify(target)}`)), 20_000);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(late);
      const text = Buffer.concat(chunks).toString('utf8');
      const start = text.indexOf('\r\n\r\n');
      resolve({
        status: Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(text)?.[1] ?? 0),
        body: start < 0 ? '' : text.slice(start + 4),
      });
    });
    socket.write(`GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`, 'latin1');
  });
}

/** Answers with the target of the request line, as the bytes say it. */
async function echoServer() {
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      const target = text.slice(text.indexOf(' ') + 1, text.lastIndexOf(' HTTP/1.', text.indexOf('\r\n')));
      const body = Buffer.from(target, 'latin1');
      socket.end(
        Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`), body]),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

function bootstrap(upstream: number, listeners: readonly unknown[]): unknown {
  const endpoint = { address: socketAddress(upstream) };
  return {
    static_resources: {
      listeners,
      clusters: [
        {
          name: 'echo',
          connect_timeout: '5s',
          load_assignment: { cluster_name: 'echo', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        },
      ],
    },
  };
}

function listener(port: number, more: Readonly<Record<string, unknown>>): unknown {
  const typed = 'type.googleapis.com/envoy.extensions.filters';
  return {
    address: socketAddress(port),
    filter_chains: [
      {
        filters: [
          {
            name: 'http',
            typed_config: {
              '@type': `${typed}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: 'http',
              normalize_path: true,
              ...more,
              http_filters: [{ name: 'router', typed_config: { '@type': `${typed}.http.router.v3.Router` } }],
              route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [ROUTE] }] },
            },
          },
        ],
      },
    ],
  };
}

const ROUTE = { match: { prefix: '/' }, route: { cluster: 'echo' } };

function socketAddress(port: number): unknown {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
