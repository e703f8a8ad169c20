import { type ClientHttp2Session, connect as connectHttp2, type SecureClientSessionOptions } from 'node:http2';
import type { Socket } from 'node:net';
import { PATIENCE_MS } from './socket.ts';

/** An answer, or how its absence showed. Header values are latin-1. */
export interface Reply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

export interface RawRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** A connection that requests of one protocol go through, one at a time. */
export interface Channel {
  /** Undefined: the request was refused without an answer. */
  ask(request: RawRequest): Promise<Reply | undefined>;
  /** Whether the next request can go through it. */
  isOpen(): boolean;
  close(): void;
}

/** HTTP/1.1 with every byte as given, since clients repair what the test is about. */
export function http1Channel(socket: Socket): Channel {
  let isOpen = true;
  let wake: (() => void) | undefined;
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    wake?.();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isOpen = false;
    wake?.();
  });
  return {
    isOpen: () => isOpen,
    close: () => socket.destroy(),
    async ask(request) {
      received = '';
      const lines = [`${request.method} ${request.path} HTTP/1.1`, `host: ${request.authority}`];
      for (const [name, value] of request.headers) lines.push(`${name}: ${value}`);
      socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
      const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
      try {
        while (true) {
          const reply = parseReply(received, request.method);
          if (reply !== undefined) {
            if (reply.headers.get('connection') === 'close') {
              isOpen = false;
              socket.destroy();
            }
            return reply;
          }
          if (!isOpen) return undefined;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function parseReply(text: string, method: string): Reply | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line): [string, string] => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const length = method === 'HEAD' ? 0 : Number(headers.get('content-length') ?? 0);
  if (text.length < end + 4 + length) return undefined;
  return { status: Number(statusLine.split(' ')[1]), headers };
}

/** HTTP/2 by Node's own client, which sends method, path and values as they are. */
export function http2Channel(socket: Socket): Channel {
  const options: SecureClientSessionOptions & { readonly strictSingleValueFields: boolean } = {
    createConnection: () => socket,
    // Two tokens in two `authorization` fields are a case. The types do not know the option yet.
    strictSingleValueFields: false,
  };
  const session: ClientHttp2Session = connectHttp2('http://oracle', options);
  let isOpen = true;
  session.on('error', () => undefined);
  for (const event of ['close', 'goaway'] as const) {
    session.on(event, () => {
      isOpen = false;
    });
  }
  return {
    isOpen: () => isOpen && !session.closed && !session.destroyed,
    close: () => session.destroy(),
    ask: (request) =>
      new Promise((resolve) => {
        const fields = [':method', request.method, ':scheme', 'http', ':authority', request.authority, ':path', request.path];
        const stream = session.request([...fields, ...request.headers.flat()], { endStream: true });
        const timer = setTimeout(() => stream.close(), PATIENCE_MS);
        let reply: Reply | undefined;
        stream.on('response', (headers) => {
          const values = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
          reply = { status: Number(headers[':status']), headers: new Map(values) };
        });
        stream.on('error', () => undefined);
        stream.on('close', () => {
          clearTimeout(timer);
          resolve(reply);
        });
        stream.resume();
      }),
  };
}

/** Whether a byte comes back: a TCP chain decides on the first ones. */
export function askTcp(socket: Socket): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error('neither an echo nor an end'));
    }, PATIENCE_MS);
    const finish = (isAllowed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isAllowed);
    };
    socket.on('data', () => finish(true));
    socket.on('error', () => undefined);
    socket.on('close', () => finish(false));
    socket.write('oracle\n');
  });
}
