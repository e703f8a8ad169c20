import { createServer as createHttp, type Server } from 'node:http';
import { createServer as createHttp2, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** Header that the oracle adds to every check, so that it knows which case asked. */
export const CASE_HEADER = 'x-oracle-case';

/**
 * The external authoriser of all cases, over HTTP and over gRPC (`envoy.service.auth.v3`). It denies with 401 where the header
 * `x-ext` says `deny`, denies every TCP connection, and counts who asked. One closed port stands for authorisers that are down.
 */
export class Authoriser {
  readonly #http: Server;
  readonly #grpc: Http2Server;
  readonly #asked = new Map<string, number>();

  constructor() {
    this.#http = createHttp((request, response) => {
      this.#count(request.headers[CASE_HEADER]);
      response.writeHead(request.headers['x-ext'] === 'deny' ? 401 : 200, { 'content-length': 0 });
      response.end();
    });
    // A client without a deadline for its connection: it stays open as long as Envoy lives.
    this.#http.keepAliveTimeout = 600_000;
    this.#grpc = createHttp2();
    this.#grpc.on('stream', (stream, headers) => {
      this.#count(headers[CASE_HEADER]);
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', () => undefined);
      stream.on('end', () => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(answer(Buffer.concat(chunks)));
      });
    });
  }

  async listen(): Promise<{ readonly http: number; readonly grpc: number }> {
    const ports = [];
    for (const server of [this.#http, this.#grpc]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      ports.push((server.address() as AddressInfo).port);
    }
    const [http = 0, grpc = 0] = ports;
    return { http, grpc };
  }

  /** How often a case has asked so far. */
  asked(id: string): number {
    return this.#asked.get(id) ?? 0;
  }

  close(): void {
    this.#http.close();
    this.#http.closeAllConnections();
    this.#grpc.close();
  }

  #count(id: string | readonly string[] | undefined): void {
    if (typeof id === 'string') this.#asked.set(id, (this.#asked.get(id) ?? 0) + 1);
  }
}

/** A `CheckResponse` in its gRPC frame. An empty one allows. */
function answer(framed: Buffer): Buffer {
  const http = fieldsAt(framed.subarray(5), [1, 4, 2]);
  const isDenied = http === undefined || extHeader(http) === 'deny';
  // status {code: 7}, denied_response {status {code: 401}}
  const message = isDenied ? Buffer.from([0x0a, 0x02, 0x08, 0x07, 0x12, 0x05, 0x0a, 0x03, 0x08, 0x91, 0x03]) : Buffer.alloc(0);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** `attributes.request.http.headers[x-ext]` (field 3, a map). */
function extHeader(http: Buffer): string | undefined {
  for (const [number, entry] of fields(http)) {
    if (number !== 3) continue;
    const pair = new Map(fields(entry));
    if (pair.get(1)?.toString() === 'x-ext') return pair.get(2)?.toString() ?? '';
  }
  return undefined;
}

function fieldsAt(message: Buffer, path: readonly number[]): Buffer | undefined {
  let at: Buffer | undefined = message;
  for (const number of path) at = at === undefined ? undefined : fields(at).find(([found]) => found === number)?.[1];
  return at;
}

/** Length-delimited fields of a protobuf message, in order. */
function fields(message: Buffer): [number, Buffer][] {
  const found: [number, Buffer][] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    if ((tag & 7) === 2) {
      const length = varint();
      found.push([tag >>> 3, message.subarray(at, at + length)]);
      at += length;
    } else if ((tag & 7) === 0) varint();
    else at += (tag & 7) === 5 ? 4 : 8;
  }
  return found;
}
