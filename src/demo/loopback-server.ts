import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';

export interface LoopbackServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * A small HTTP server on 127.0.0.1 for the demo's own pages. It answers only when it is called by a loopback address, so that no
 * page of another site can reach it through a name that was pointed here (DNS rebinding). `port` 0 lets the system choose.
 * Rejects with the system's own error (`EADDRINUSE`) when it cannot listen.
 */
export function serveLoopback(
  port: number,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void,
): Promise<LoopbackServer> {
  const listener: RequestListener = (request, response) => {
    if (!isLoopbackHost(request.headers.host)) {
      response.writeHead(421, { 'content-type': 'text/plain' }).end('this server answers on 127.0.0.1 only\n');
      return;
    }
    void (async () => handle(request, response))().catch(() => {
      // What failed may hold what was sent, so it stays here.
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'content-type': 'text/plain' }).end('the demo could not answer this\n');
    });
  };
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 5_000, maxHeaderSize: 32_768 },
    listener,
  );
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.removeListener('error', reject);
      const address = server.address();
      resolve({ port: typeof address === 'object' && address !== null ? address.port : port, close: () => close(server) });
    });
  });
}

/** Any port: what stands in front may pass the host on that it was called by. */
function isLoopbackHost(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d{1,5})?$/.test(host ?? '');
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Could somebody listen on this port of 127.0.0.1 now? */
export async function isPortFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
