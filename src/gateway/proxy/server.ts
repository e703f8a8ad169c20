import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { asProblem, Problem } from '../../core/problem.ts';
import type { LocalAnswer } from '../../targets/target.ts';
import type { RequestHead } from '../../wire/call.ts';
import { parseHead } from '../../wire/head.ts';
import type { Limits, ListenAddress, Timeouts } from '../config.ts';
import { walk } from '../pipeline.ts';
import type { BoundTarget, Corridor, Door, Incoming } from '../port.ts';
import { IncomingBody } from './body.ts';
import { trackConnections } from './connections.ts';
import { parserProblem, peerAddress, refuseAtEdge } from './edge-answer.ts';
import { exchange } from './exchange.ts';
import { type ClientCall, writeLocalAnswer } from './local-answer.ts';
import { answerOwnPath, isOwnPath, type OwnPaths } from './own-paths.ts';
import { writeRawAnswer } from './raw-answer.ts';
import { openUpgrades } from './upgrade.ts';

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
  /** New certificate for new connections; throws, and keeps the old one, when it cannot be used. */
  reloadTls(tls: { readonly cert: string; readonly key: string }): void;
  /** Stops taking calls; resolves when those under way have ended, or after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

/** Opens one listener of the proxy door. */
export async function openProxyDoor(parts: ProxyParts): Promise<ProxyDoor> {
  const { corridor, limits, timeouts } = parts;
  const options = {
    maxHeaderSize: limits.headBytes,
    headersTimeout: timeouts.head,
    // Node looks for late heads only this often.
    connectionsCheckingInterval: Math.min(5_000, timeouts.head / 2),
    requestTimeout: 0,
    keepAliveTimeout: timeouts.idle,
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
    // A request without a body is not a stream that somebody must read to its end: a fifth of what the server itself costs.
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
  };
  const server =
    parts.tls === undefined
      ? createServer(options)
      : createTlsServer({ ...options, ...parts.tls, minVersion: 'TLSv1.2', handshakeTimeout: timeouts.head });
  server.maxConnections = limits.connections;
  const connections = trackConnections(server, corridor.live);

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const call = clientCall(parts, request, response);
    connections.opened(call);
    serveRequest(parts, call).catch((thrown: unknown) => {
      corridor.log.error('request_failed', { error: String(thrown) });
      response.destroy();
    });
  };
  server.on('request', onRequest);
  // The body is asked for when something reads it: a call that is refused by its head never gets to send one.
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const call = clientCall(parts, request, response);
    connections.opened(call);
    const problem = new Problem({
      code: 'EXPECTATION_FAILED',
      kind: 'invalid',
      status: 417,
      message: 'the gateway knows no expectation but `100-continue`',
    });
    writeLocalAnswer(call, refuseAtEdge(corridor, problem, request.socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
    const [open, ...others] = connections.callsOn(socket);
    if (open === undefined) return writeRawAnswer(socket, refuseAtEdge(corridor, parserProblem(error), socket as Socket));
    // It is the body of the one open call that is broken; anything else would be answered into the midst of another's answer.
    if (others.length > 0 || open.request.complete) return socket.destroy();
    open.body.fail(parserProblem(error));
  });

  const serveUpgrade = openUpgrades({ corridor, limits, timeouts, scheme: parts.scheme, connections });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, early: Buffer) => {
    connections.upgraded(socket);
    socket.on('error', () => socket.destroy());
    const head = headOf(corridor, request);
    if ('status' in head) return writeRawAnswer(socket, head);
    const incoming = incomingOf(request, head, async () => new Uint8Array(0));
    serveUpgrade(incoming, { request, socket, early }).catch((thrown: unknown) => {
      corridor.log.error('upgrade_failed', { error: String(thrown) });
      socket.destroy();
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: parts.listen.port, ...(parts.listen.host === '' ? {} : { host: parts.listen.host }) }, () => {
      server.off('error', reject);
      // A connection that could not be taken is no reason to end.
      server.on('error', (error) => corridor.log.error('listener_failed', { error: String(error) }));
      resolve();
    });
  });

  return {
    port: (server.address() as AddressInfo).port,
    reloadTls(tls) {
      if ('setSecureContext' in server) server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' });
    },
    drain: (graceMs) => connections.drain(graceMs),
  };
}

function clientCall(parts: ProxyParts, request: IncomingMessage, response: ServerResponse): ClientCall {
  return { request, response, body: new IncomingBody(request, response, parts.timeouts.body) };
}

async function serveRequest(parts: ProxyParts, call: ClientCall): Promise<void> {
  const { request, body } = call;
  const head = headOf(parts.corridor, request);
  if ('status' in head) return writeLocalAnswer(call, head);
  const incoming = incomingOf(request, head, (maxBytes) => body.readWhole(maxBytes));
  if (isOwnPath(head)) return await answerOwnPath(parts.corridor, parts.ownPaths, incoming, call);
  const passage = await walk(parts.corridor, incoming);
  if (passage.kind === 'answer') return writeLocalAnswer(call, passage.answer);
  exchange(call, passage, {
    dispatcher: parts.dispatcherFor(passage.decided.target),
    scheme: parts.scheme,
    answerTimeoutMs: parts.timeouts.answer,
  });
}

/** The parsed head, or the answer to one that cannot be read. */
function headOf(corridor: Corridor, request: IncomingMessage): RequestHead | LocalAnswer {
  try {
    const head = parseHead({ method: request.method ?? '', target: request.url ?? '', rawHeaders: request.rawHeaders });
    // What is decided as a socket leaves as one: HTTP's own reader must have seen the same handshake.
    if (head.upgrade === isUpgraded(request)) return head;
    throw new Problem({ code: 'WEBSOCKET_INVALID', kind: 'invalid', message: 'the WebSocket handshake is not complete' });
  } catch (thrown) {
    return refuseAtEdge(corridor, asProblem(thrown), request.socket);
  }
}

/** Node's own mark on a request that it hands to `upgrade`. */
function isUpgraded(request: IncomingMessage): boolean {
  return (request as { upgrade?: boolean | null }).upgrade === true;
}

function incomingOf(request: IncomingMessage, head: RequestHead, readBody: Incoming['readBody']): Incoming {
  return {
    door: PROXY_DOOR,
    head,
    peer: { address: peerAddress(request.socket) },
    localPort: request.socket.localPort ?? 0,
    readBody,
  };
}
