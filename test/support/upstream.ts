import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case name and value, in order, duplicates as they came. */
  readonly headers: readonly (readonly [string, string])[];
  /** Values of one header. */
  all(name: string): readonly string[];
  /** Whole body once `isComplete`. */
  body(): Buffer;
  readonly trailers: readonly string[];
  readonly isComplete: boolean;
  readonly isAborted: boolean;
}

export type Upstream = Awaited<ReturnType<typeof upstreamServer>>;

/** A real server that keeps what it was sent: parsed requests, and the raw bytes of its connections. */
export async function upstreamServer(port = 0) {
  const requests: SeenRequest[] = [];
  const raw: Buffer[] = [];
  const sockets = new Set<Socket>();
  const made = {
    port,
    url: '',
    requests,
    sockets,
    rawText: () => Buffer.concat(raw).toString('latin1'),
    /** Answers; the body is collected beside it unless `reads` says no. */
    answer: (_request: IncomingMessage, response: ServerResponse): void => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"ok":true}');
    },
    /** Answer only after the body has come, as most servers do. */
    waits: true,
    reads: true,
    keepsRaw: true,
    onUpgrade: (_request: IncomingMessage, socket: Socket, _head: Buffer): void => {
      socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    const state = { isComplete: false, isAborted: false };
    const headers: [string, string][] = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      headers.push([(request.rawHeaders[i] ?? '').toLowerCase(), request.rawHeaders[i + 1] ?? '']);
    }
    requests.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers,
      all: (name) => headers.filter(([one]) => one === name).map(([, value]) => value),
      body: () => Buffer.concat(chunks),
      get trailers() {
        return request.rawTrailers;
      },
      get isComplete() {
        return state.isComplete;
      },
      get isAborted() {
        return state.isAborted;
      },
    });
    response.on('close', () => {
      if (!response.writableFinished) state.isAborted = true;
    });
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    if (!made.reads) return made.answer(request, response);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      state.isComplete = true;
      if (made.waits) made.answer(request, response);
    });
    if (!made.waits) made.answer(request, response);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      if (made.keepsRaw) raw.push(chunk);
    });
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('end', () => socket.destroy());
    made.onUpgrade(request, socket as Socket, head);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  made.port = (server.address() as AddressInfo).port;
  made.url = `http://127.0.0.1:${made.port}`;
  return made;
}
