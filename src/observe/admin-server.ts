import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HealthBoard, healthText } from './health.ts';
import { METRICS_TYPE, type MetricsRegistry } from './metrics.ts';

export interface AdminServerOptions {
  readonly health: HealthBoard;
  readonly metrics: MetricsRegistry;
}

export interface AdminServer {
  /** Resolves with the port that was taken; rejects when the address cannot be had. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';

/** Health and metrics on a port of their own (never on a public listener): no sign-in, no secrets, nothing that changes anything. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const server = createServer(
    {
      requestTimeout: 10_000,
      headersTimeout: 5_000,
      keepAliveTimeout: 75_000,
      maxHeaderSize: 8 * 1024,
      insecureHTTPParser: false,
    },
    (request, response) => respond(request, response, answer(request, options)),
  );
  server.maxConnections = 256;
  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        // An empty host is every address.
        server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
          server.off('error', reject);
          // A TCP server's address is an AddressInfo.
          resolve((server.address() as AddressInfo).port);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(request: IncomingMessage, { health, metrics }: AdminServerOptions): Answer {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, type: TEXT, body: 'only GET and HEAD\n' };
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const isVerbose = new URLSearchParams(query).has('verbose');
  switch (path) {
    case '/livez':
      return { status: 200, type: TEXT, body: healthText(health.report(), 'livez', isVerbose) };
    case '/healthz':
    case '/healthz/ready':
    case '/readyz': {
      const report = health.report();
      return { status: report.isReady ? 200 : 503, type: TEXT, body: healthText(report, 'readyz', isVerbose) };
    }
    case '/metrics':
      return { status: 200, type: METRICS_TYPE, body: metrics.text() };
    default:
      return { status: 404, type: TEXT, body: 'not found: /livez, /readyz, /metrics\n' };
  }
}

function respond(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  // Bodies are of no use here; the connection goes, so that nobody waits for one to be read.
  if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
    response.setHeader('connection', 'close');
  }
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
