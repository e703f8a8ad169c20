import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Problem } from '../core/problem.ts';
import { problemBody, problemHeaders, type Refused, refuse, STANDING_HEADERS } from './answer.ts';
import type { ControlCall } from './call.ts';
import { isLoopbackName } from './config.ts';
import type { ControlParts } from './parts.ts';
import type { ControlListener } from './request-listener.ts';

export interface ControlOptions {
  /** An empty host is every address. */
  readonly listen: { readonly host: string; readonly port: number };
  /** PEM texts; absent for plain HTTP, on loopback or behind an external TLS end. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly limits: { readonly headBytes: number; readonly connections: number };
  /** Public keys of the assertions that targets get. */
  jwks?(): Promise<unknown>;
}

export interface ControlServer {
  readonly port: number;
  /** New certificate for new connections. */
  reloadTls(tls: { readonly cert: string; readonly key: string }): void;
  close(): Promise<void>;
}

const HEAD_MS = 10_000;
const REQUEST_MS = 30_000;
const IDLE_MS = 75_000;
const CLOSE_MS = 5_000;

/** Opens the control origin: sign-in, pages and API, under its own host name and no other. */
export async function openControl(parts: ControlParts, options: ControlOptions): Promise<ControlServer> {
  const isServed = servedHosts(parts.origin);
  // Node's second HTTP stack comes with the web framework, 10 MB: loaded by the first call.
  let listener: Promise<ControlListener> | undefined;
  const answer = async (call: ControlCall, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    listener ??= import('./request-listener.ts').then(({ createControlListener }) => createControlListener(parts, options));
    await (await listener)(call, incoming, outgoing);
  };
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    let call: ControlCall;
    try {
      call = callOf(parts, incoming, isServed);
    } catch (thrown) {
      writeRefusal(outgoing, refuse(parts, thrown, undefined, addressOf(incoming.socket)));
      return;
    }
    answer(call, incoming, outgoing).catch((thrown: unknown) => {
      parts.log.error('control_request_failed', { error: String(thrown) });
      outgoing.destroy();
    });
  };

  const server = serverOf(options, onRequest);
  server.maxConnections = options.limits.connections;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => answerBroken(parts, error, socket as Socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const { host, port } = options.listen;
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });

  return {
    // A TCP server's address is an AddressInfo.
    port: (server.address() as AddressInfo).port,
    reloadTls(tls) {
      if ('setSecureContext' in server) server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' });
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

function serverOf(
  options: ControlOptions,
  onRequest: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): Server | TlsServer {
  const settings = {
    maxHeaderSize: options.limits.headBytes,
    headersTimeout: HEAD_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: IDLE_MS,
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
  };
  return options.tls === undefined
    ? createServer(settings, onRequest)
    : createTlsServer({ ...settings, ...options.tls, minVersion: 'TLSv1.2' }, onRequest);
}

/** Throws the Problems of the strict head parser, HOST_UNKNOWN (421) and UPGRADE_REFUSED: nothing here speaks WebSocket. */
function callOf(parts: ControlParts, incoming: IncomingMessage, isServed: (host: string) => boolean): ControlCall {
  const head = parts.parseHead({
    method: incoming.method ?? '',
    target: incoming.url ?? '',
    rawHeaders: incoming.rawHeaders,
  });
  if (!isServed(head.host)) {
    throw new Problem({ code: 'HOST_UNKNOWN', kind: 'misdirected', message: 'this address serves another host' });
  }
  if (head.upgrade) {
    throw new Problem({ code: 'UPGRADE_REFUSED', kind: 'invalid', message: 'there are no sockets on this origin' });
  }
  return { head, address: addressOf(incoming.socket), startedMs: parts.clock.now(), decided: [] };
}

/** Under any other name a page elsewhere could reach a private listener (DNS rebinding). */
function servedHosts(origin: string): (host: string) => boolean {
  const own = new URL(origin).hostname;
  const isLoopback = isLoopbackName(own);
  return (host) => host === own || (isLoopback && isLoopbackName(host));
}

function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

function writeRefusal(outgoing: ServerResponse, refused: Refused): void {
  const body = JSON.stringify(problemBody(refused));
  outgoing.writeHead(refused.problem.status, {
    ...STANDING_HEADERS,
    ...problemHeaders(refused),
    connection: 'close',
    'content-length': Buffer.byteLength(body),
  });
  outgoing.end(body);
}

/** What Node's HTTP parser refused. What follows on the connection cannot be trusted to be another request. */
function answerBroken(parts: ControlParts, error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refused = refuse(parts, parserProblem(error.code), undefined, addressOf(socket));
  const body = JSON.stringify(problemBody(refused));
  const headers = {
    ...STANDING_HEADERS,
    ...problemHeaders(refused),
    connection: 'close',
    'content-length': Buffer.byteLength(body),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const { status } = refused.problem;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}

function parserProblem(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem({ code: 'HEADERS_TOO_LARGE', kind: 'too_large', status: 431, message: 'the request head is too large' });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem({
        code: 'REQUEST_TIMEOUT',
        kind: 'invalid',
        status: 408,
        message: 'the request did not arrive in time',
      });
    default:
      return new Problem({ code: 'REQUEST_MALFORMED', kind: 'invalid', message: 'this is not a valid HTTP request' });
  }
}
