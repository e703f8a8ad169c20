import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from './translation.ts';

const START_TIMEOUT_MS = 120_000;

export interface Cluster {
  readonly name: string;
  readonly port: number;
  readonly isHttp2: boolean;
}

/** A running Envoy with a set of listeners on ports of its own choice. */
export class Envoy {
  /** Port by the listener's name; a listener that Envoy refused has none. */
  readonly ports: ReadonlyMap<string, number>;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, ports: ReadonlyMap<string, number>) {
    this.#process = process;
    this.ports = ports;
  }

  /** Starts `binary` in `folder`, which must be of its own, and waits until every listener that it accepts is there. */
  static async start(binary: string, folder: string, listeners: readonly Json[], clusters: readonly Cluster[]): Promise<Envoy> {
    await mkdir(folder, { recursive: true });
    const admin = join(folder, 'admin.sock');
    await writeFile(join(folder, 'lds.json'), JSON.stringify({ version_info: '1', resources: listeners }));
    await writeFile(join(folder, 'bootstrap.json'), JSON.stringify(bootstrap(folder, admin, clusters)));
    const log = openSync(join(folder, 'envoy.log'), 'w');
    const child = spawn(
      binary,
      [...['-c', join(folder, 'bootstrap.json'), '--disable-hot-restart', '--concurrency', '1'], ...['-l', 'warning']],
      { stdio: ['ignore', log, log] },
    );
    try {
      await untilReady(child, admin);
      return new Envoy(child, await listenerPorts(admin));
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`envoy did not start: ${(await readFile(join(folder, 'envoy.log'), 'utf8')).slice(-2000)}`, {
        cause: error,
      });
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }
}

function bootstrap(folder: string, admin: string, clusters: readonly Cluster[]): Json {
  return {
    node: { id: 'oracle', cluster: 'oracle' },
    admin: { address: { pipe: { path: admin } } },
    dynamic_resources: { lds_config: { resource_api_version: 'V3', path_config_source: { path: join(folder, 'lds.json') } } },
    // Istio's own bootstrap (pkg/bootstrap, extractRuntimeFlags).
    layered_runtime: {
      layers: [
        {
          name: 'istio',
          static_layer: {
            're2.max_program_size.error_level': 32768,
            'envoy.reloadable_features.http_reject_path_with_fragment': false,
          },
        },
      ],
    },
    static_resources: { clusters: clusters.map(cluster) },
  };
}

function cluster({ name, port, isHttp2 }: Cluster): Json {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '10s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] }],
    },
    ...(isHttp2
      ? {
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        }
      : {}),
  };
}

async function untilReady(child: ChildProcess, admin: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const answer = await ask(admin, '/ready').catch(() => '');
    if (answer.startsWith('LIVE')) return;
    await sleep(50);
  }
  throw new Error('it was not ready in time');
}

async function listenerPorts(admin: string): Promise<Map<string, number>> {
  const status: { listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[] } =
    JSON.parse(await ask(admin, '/listeners?format=json'));
  return new Map((status.listener_statuses ?? []).map((one) => [one.name, one.local_address.socket_address.port_value]));
}

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, timeout: 5000 }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}
