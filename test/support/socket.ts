import { WebSocket } from 'ws';

/** One WebSocket, its messages and its end in the order in which they came. */
export interface OpenSocket {
  readonly socket: WebSocket;
  readonly messages: readonly string[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string; readonly atMs: number }>;
  send(message: unknown): void;
  /** The next message that has not been taken yet. */
  next(withinMs?: number): Promise<string>;
  end(): void;
}

export type Opened =
  | { readonly kind: 'open'; readonly open: OpenSocket }
  | { readonly kind: 'refused'; readonly status: number; readonly body: string };

/** Opens a WebSocket the way Prefect's clients do: subprotocol `prefect`, the token in a header or in the first message. */
export function openWebSocket(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Opened> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), ['prefect'], { headers, handshakeTimeout: 15_000 });
  const messages: string[] = [];
  let taken = 0;
  let wake: () => void = () => {};
  socket.on('message', (data) => {
    messages.push(String(data));
    wake();
  });
  const closed = new Promise<{ code: number; reason: string; atMs: number }>((resolve) => {
    socket.on('close', (code, reason) => {
      resolve({ code, reason: reason.toString(), atMs: Date.now() });
      wake();
    });
  });
  const open: OpenSocket = {
    socket,
    messages,
    closed,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async next(withinMs = 10_000) {
      const until = Date.now() + withinMs;
      while (messages.length <= taken) {
        if (socket.readyState !== WebSocket.OPEN) throw new Error('the socket has ended');
        if (Date.now() > until) throw new Error(`no message within ${withinMs} ms`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.max(1, until - Date.now()));
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      taken += 1;
      return messages[taken - 1] ?? '';
    },
    end: () => socket.close(),
  };
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve({ kind: 'open', open }));
    socket.once('unexpected-response', (_request, answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        socket.terminate();
        resolve({ kind: 'refused', status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') });
      });
    });
    socket.once('error', reject);
  });
}

/** As `openWebSocket`, and a refusal is an error. */
export async function mustOpen(url: string, headers?: Readonly<Record<string, string>>): Promise<OpenSocket> {
  const opened = await openWebSocket(url, headers);
  if (opened.kind === 'refused') throw new Error(`refused with ${opened.status}: ${opened.body}`);
  return opened.open;
}
