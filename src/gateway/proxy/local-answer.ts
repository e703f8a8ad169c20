import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LocalAnswer } from '../../targets/target.ts';

/** A body that nobody reads is let run out up to this size, so that the client gets to read the answer. */
const DRAIN_BYTES = 1024 * 1024;

/** Writes an answer of our own. The unread body of a refused call is never parsed as another request. */
export function writeLocalAnswer(request: IncomingMessage, response: ServerResponse, answer: LocalAnswer): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body, 'utf8') : answer.body;
  const hasNoBody = answer.status === 204 || answer.status === 304;
  if (!request.complete && !(Number(request.headers['content-length'] ?? Number.NaN) <= DRAIN_BYTES)) {
    response.shouldKeepAlive = false;
  }
  response.writeHead(answer.status, {
    'cache-control': 'no-store',
    ...answer.headers,
    ...(hasNoBody ? {} : { 'content-length': String(body.length) }),
  });
  response.end(hasNoBody || request.method === 'HEAD' ? undefined : body);
}
