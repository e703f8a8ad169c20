import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { HOST } from './gateway.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  json(): Record<string, unknown>;
}

/** A connection on which a test says byte for byte what it sends. */
export function rawConnection(port: number) {
  const socket: Socket = connect(port, '127.0.0.1');
  let bytes = Buffer.alloc(0);
  let isOver = false;
  const wakers = new Set<() => void>();
  const wake = (): void => {
    for (const waker of [...wakers]) waker();
  };
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  socket.on('error', () => undefined);
  const over = (): void => {
    isOver = true;
    wake();
  };
  socket.on('end', over);
  socket.on('close', over);

  async function wait<T>(take: () => T | undefined, withinMs: number): Promise<T | undefined> {
    const end = performance.now() + withinMs;
    for (;;) {
      const found = take();
      if (found !== undefined || isOver || performance.now() > end) return found ?? take();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 20);
        function done(): void {
          clearTimeout(timer);
          wakers.delete(done);
          resolve();
        }
        wakers.add(done);
      });
    }
  }

  return {
    socket,
    send(data: string | Buffer): void {
      socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    },
    /** The next whole answer; throws when none comes. 1xx are answers too. */
    async answer(withinMs = 5_000): Promise<RawAnswer> {
      const found = await wait(() => {
        const parsed = parseAnswer(bytes, isOver);
        if (parsed !== undefined) bytes = bytes.subarray(parsed.length);
        return parsed?.answer;
      }, withinMs);
      if (found === undefined) throw new Error(`no answer; so far: ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`);
      return found;
    },
    /** True when the other side ends the connection within this time. */
    async ended(withinMs = 5_000): Promise<boolean> {
      await wait(() => undefined as true | undefined, isOver ? 0 : withinMs);
      return isOver;
    },
    /** Bytes that no `answer` took. */
    rest: () => bytes.toString('latin1'),
    close: () => socket.destroy(),
  };
}

function parseAnswer(bytes: Buffer, isOver: boolean): { answer: RawAnswer; length: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(first.split(' ')[1]);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const start = end + 4;
  const make = (body: string, length: number) => ({
    answer: { status, headers, body, json: () => JSON.parse(body) as Record<string, unknown> },
    length,
  });
  if (status < 200 || status === 204 || status === 304) return make('', start);
  const stated = headers.get('content-length');
  if (stated !== undefined) {
    const length = start + Number(stated);
    return bytes.length < length ? undefined : make(bytes.subarray(start, length).toString('latin1'), length);
  }
  if (headers.get('transfer-encoding') !== 'chunked')
    return isOver ? make(bytes.subarray(start).toString('latin1'), bytes.length) : undefined;
  let at = start;
  let body = '';
  for (;;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    at = line + 2;
    if (size === 0) {
      const stop = bytes.indexOf('\r\n', at) === at ? at : bytes.indexOf('\r\n\r\n', at) + 2;
      if (stop < 2 || bytes.length < stop + 2) return undefined;
      headers.set(':trailers', bytes.subarray(at, stop).toString('latin1'));
      return make(body, stop + 2);
    }
    if (bytes.length < at + size + 2) return undefined;
    body += bytes.subarray(at, at + size).toString('latin1');
    at += size + 2;
  }
}

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  /** Name of the caller; undefined: no credential. */
  readonly as?: string | undefined;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Buffer | string;
}

export interface Got {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly text: string;
  readonly trailers: IncomingMessage['trailers'];
  json(): Record<string, unknown>;
}

/** One call over a connection of its own. */
export function call(port: number, sent: Sent = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = openCall(port, sent);
    request.on('error', reject);
    request.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const body = Buffer.concat(chunks);
        const text = body.toString('utf8');
        const { headers, trailers } = answer;
        resolve({
          status: answer.statusCode ?? 0,
          headers,
          body,
          text,
          trailers,
          json: () => JSON.parse(text) as Record<string, unknown>,
        });
      });
    });
    request.end(sent.body);
  });
}

/** A call that the test goes on with itself. */
export function openCall(port: number, sent: Sent = {}) {
  const { method = 'GET', path = '/open/x', host = HOST, headers = {} } = sent;
  const as = 'as' in sent ? sent.as : 'ada';
  return httpRequest({
    host: '127.0.0.1',
    port,
    method,
    path,
    agent: false,
    headers: {
      host,
      ...(as === undefined ? {} : { authorization: `Bearer tok-${as}` }),
      ...(sent.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent.body)) }),
      ...headers,
    },
  });
}

/** The head of a raw request: line, host, credential and what the test adds, each line ended. */
export function rawHead(line: string, lines: readonly string[] = [], as: string | undefined = 'ada'): string {
  const own = [`Host: ${HOST}`, ...(as === undefined ? [] : [`Authorization: Bearer tok-${as}`])];
  return `${[line, ...own, ...lines].join('\r\n')}\r\n\r\n`;
}
