import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { WebSocketServer } from 'ws';
import { uuidv7 } from '../../core/id.ts';
import { asProblem } from '../../core/problem.ts';
import type { RequestHead } from '../../wire/call.ts';
import { parseHead } from '../../wire/head.ts';
import type { Limits, ListenAddress, Timeouts } from '../config.ts';
import { walk } from '../pipeline.ts';
import type { BoundTarget, Corridor, Door, Incoming } from '../port.ts';
import { readWholeBody } from './body.ts';
import { edgeAnswer, writeEdgeAnswer } from './edge-answer.ts';
import { exchange } from './exchange.ts';
import { writeLocalAnswer } from './local-answer.ts';
import { answerOwnPath, isOwnPath, type OwnPaths } from './own-paths.ts';
import { serveUpgrade } from './upgrade.ts';

/** What this door can keep of obligations. */
export const PROXY_DOOR: Door = {
  name: 'proxy',
  capabilities: new Set(['body', 'rewrite', 'response', 'hold', 'lend', 'outcome', 'cut']),
};

export interface ProxyParts {
  readonly corridor: Corridor;
  readonly listen: ListenAddress;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  /** PEM texts; absent for plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The scheme that clients use: `https` also when something in front ends TLS. */
  readonly scheme: 'http' | 'https';
  /** Connections to the upstreams, shared by all listeners. */
  dispatcherFor(target: BoundTarget): Dispatcher;
  readonly ownPaths: OwnPaths;
}

export interface ProxyDoor {
  readonly port: number;
  /** New certificate for new connections. */
  reloadTls(tls: { readonly cert: string; readonly key: string }): void;
  /** Stops taking calls; resolves when those under way have ended, or after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

/** Opens one listener of the proxy door. */
export async function openProxyDoor(parts: ProxyParts): Promise<ProxyDoor> {
  const { corridor, limits, timeouts } = parts;
  const state = { isDraining: false, active: 0 };
  const options = {
    maxHeaderSize: limits.headBytes,
    headersTimeout: timeouts.head,
    requestTimeout: 0,
    keepAliveTimeout: timeouts.idle,
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
    shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    state.active += 1;
    response.on('close', () => {
      state.active -= 1;
    });
    if (state.isDraining) response.shouldKeepAlive = false;
    request.setTimeout(timeouts.body);
    response.on('finish', () => request.setTimeout(0));
    serveRequest(parts, request, response).catch((thrown: unknown) => {
      corridor.log.error('request_failed', { error: String(thrown) });
      response.destroy();
    });
  };
  const server: Server =
    parts.tls === undefined
      ? createServer(options, onRequest)
      : createTlsServer({ ...options, ...parts.tls, minVersion: 'TLSv1.2' }, onRequest);
  server.maxConnections = limits.connections;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => writeEdgeAnswer(corridor, error, socket as Socket));

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes * 2,
    perMessageDeflate: { threshold: 1024, concurrencyLimit: 4, serverNoContextTakeover: true, clientNoContextTakeover: true },
    handleProtocols: (protocols) => [...protocols][0] ?? false,
  });
  const upgradeParts = {
    server: sockets,
    scheme: parts.scheme,
    connectTimeoutMs: timeouts.connect,
    firstFrameTimeoutMs: timeouts.firstFrame,
    held: { now: 0 },
  };
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, early: Buffer) => {
    socket.on('error', () => socket.destroy());
    const head = headOf(parts, request);
    if ('status' in head) return refuseSocket(socket, head.status);
    serveUpgrade(corridor, incomingOf(request, head), { request, socket, early }, upgradeParts).catch((thrown: unknown) => {
      corridor.log.error('upgrade_failed', { error: String(thrown) });
      socket.destroy();
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: parts.listen.port, ...(parts.listen.host === '' ? {} : { host: parts.listen.host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });

  return {
    port: (server.address() as AddressInfo).port,
    reloadTls(tls) {
      if ('setSecureContext' in server && typeof server.setSecureContext === 'function') server.setSecureContext(tls);
    },
    async drain(graceMs) {
      state.isDraining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A kept-alive connection may have a call on the wire already: the next answer on it says `close`, and only then it ends.
      const quiet = setInterval(() => {
        if (state.active === 0) server.closeIdleConnections();
      }, 250);
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearInterval(quiet);
      clearTimeout(timer);
    },
  };
}

async function serveRequest(parts: ProxyParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const head = headOf(parts, request);
  if ('status' in head) return writeLocalAnswer(request, response, head);
  const incoming = incomingOf(request, head);
  if (isOwnPath(head)) return await answerOwnPath(parts.corridor, parts.ownPaths, incoming, response);
  const passage = await walk(parts.corridor, incoming);
  if (response.destroyed) {
    if (passage.kind === 'forward') return exchange(request, response, passage, exchangeParts(parts, passage.decided.target));
    return;
  }
  if (passage.kind === 'answer') return writeLocalAnswer(request, response, passage.answer);
  exchange(request, response, passage, exchangeParts(parts, passage.decided.target));
}

function exchangeParts(parts: ProxyParts, target: BoundTarget) {
  return {
    dispatcher: parts.dispatcherFor(target),
    scheme: parts.scheme,
    answerTimeoutMs: parts.timeouts.answer,
    bodyTimeoutMs: 0,
  };
}

/** The parsed head, or the answer to one that cannot be read; nothing of it is kept but the code. */
function headOf(parts: ProxyParts, request: IncomingMessage): RequestHead | ReturnType<typeof edgeAnswer> {
  try {
    return parseHead({ method: request.method ?? '', target: request.url ?? '', rawHeaders: request.rawHeaders });
  } catch (thrown) {
    const { corridor } = parts;
    const problem = asProblem(thrown);
    const id = uuidv7(corridor.clock, corridor.randomness);
    corridor.recorder.refusal({
      id,
      timeMs: corridor.clock.now(),
      target: '',
      door: PROXY_DOOR.name,
      peer: request.socket.remoteAddress ?? '',
      code: problem.code,
      status: problem.status,
    });
    corridor.metrics.count('fairlead_refusals_total', { code: problem.code });
    return edgeAnswer(problem, id);
  }
}

function incomingOf(request: IncomingMessage, head: RequestHead): Incoming {
  return {
    door: PROXY_DOOR,
    head,
    peer: { address: (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '') },
    localPort: request.socket.localPort ?? 0,
    readBody: (maxBytes) => readWholeBody(request, maxBytes),
  };
}

function refuseSocket(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
