import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LocalAnswer } from '../../targets/target.ts';
import type { IncomingBody } from './body.ts';

/** One request of a client and the way to answer it. */
export interface ClientCall {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: IncomingBody;
}

/** The unread rest of a body of at most this announced length is read and dropped, and the connection goes on. */
const KEEP_BYTES = 1024 * 1024;
const KEEP_MS = 10_000;
/** A longer one is dropped up to this, so that a client that still sends gets to read its answer; then the connection ends. */
const LINGER_BYTES = 64 * 1024 * 1024;
const LINGER_MS = 2_000;

/** Writes an answer of our own. INVARIANT: the unread body of a refused call is never parsed as another request. */
export function writeLocalAnswer(call: ClientCall, answer: LocalAnswer): void {
  const { request, response, body } = call;
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body, 'utf8') : answer.body;
  const hasNoBody = answer.status === 204 || answer.status === 304;
  const rest = restOf(call);
  if (rest === 'ends') response.shouldKeepAlive = false;
  response.writeHead(answer.status, {
    'cache-control': 'no-store',
    ...answer.headers,
    ...(hasNoBody ? {} : { 'content-length': String(bytes.length) }),
  });
  const isBare = hasNoBody || request.method === 'HEAD';
  if (rest !== 'ends') {
    response.end(isBare ? undefined : bytes);
    if (rest === 'dropped') dropRest(call);
    return;
  }
  // All of the answer leaves now; the end, which closes the connection, waits until the client has stopped sending.
  if (isBare) response.flushHeaders();
  else response.write(bytes);
  const withinMs = isAwaitingContinue(call) ? 0 : LINGER_MS;
  void body.discard({ maxBytes: LINGER_BYTES, withinMs }).then(() => response.end());
}

/** After an upstream answered before it had read the whole body: the connection serves the next call only when the rest has come. */
export function dropRest({ request, body }: ClientCall): void {
  if (body.isComplete) return;
  const { socket } = request;
  void body.discard({ maxBytes: KEEP_BYTES, withinMs: KEEP_MS }).then((isAll) => {
    if (!isAll) socket.destroy();
  });
}

/** What becomes of the body that is not read yet. A client that still waits for `100 Continue` may never send it: that ends too. */
function restOf(call: ClientCall): 'none' | 'dropped' | 'ends' {
  const { body } = call;
  if (body.isComplete) return 'none';
  if (isAwaitingContinue(call)) return 'ends';
  return (body.length ?? Number.POSITIVE_INFINITY) <= KEEP_BYTES ? 'dropped' : 'ends';
}

function isAwaitingContinue({ request, body }: ClientCall): boolean {
  return request.headers.expect !== undefined && !body.isStarted;
}
