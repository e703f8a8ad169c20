import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { uuidv7 } from '../../core/id.ts';
import { Problem } from '../../core/problem.ts';
import type { LocalAnswer } from '../../targets/target.ts';
import type { Corridor } from '../port.ts';

/**
 * A refusal before any target is known: JSON that both RFC 9457 readers and Prefect's clients understand, which take a body that
 * is not JSON for a crash of their own.
 */
export function edgeAnswer(problem: Problem, decisionId: string): LocalAnswer {
  return {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', 'x-fairlead-decision': decisionId, connection: 'close' },
    body: JSON.stringify({
      type: 'about:blank',
      title: problem.code,
      status: problem.status,
      detail: `${problem.message} (${decisionId})`,
      code: problem.code,
      decisionId,
    }),
  };
}

/** What Node's HTTP parser refused: its code as one of ours. */
const PARSER_PROBLEMS: Readonly<Record<string, { readonly code: string; readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { code: 'HEADERS_TOO_LARGE', status: 431, message: 'the request has too many or too large headers' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'REQUEST_TIMEOUT', status: 408, message: 'the request did not arrive in time' },
};

/** Answers a connection whose bytes are no HTTP request, and ends it: what follows on it cannot be trusted to be another. */
export function writeEdgeAnswer(corridor: Corridor, error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const known = PARSER_PROBLEMS[error.code ?? ''] ?? {
    code: 'REQUEST_MALFORMED',
    status: 400,
    message: 'this is not a valid HTTP request',
  };
  const problem = new Problem({ ...known, kind: 'invalid' });
  const id = uuidv7(corridor.clock, corridor.randomness);
  corridor.recorder.refusal({
    id,
    timeMs: corridor.clock.now(),
    target: '',
    door: 'proxy',
    peer: socket.remoteAddress ?? '',
    code: problem.code,
    status: problem.status,
  });
  corridor.metrics.count('fairlead_refusals_total', { code: problem.code });
  const answer = edgeAnswer(problem, id);
  const body = Buffer.from(String(answer.body), 'utf8');
  const lines = Object.entries({ ...answer.headers, 'content-length': String(body.length) }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.end(
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body.toString('utf8')}`,
  );
}
