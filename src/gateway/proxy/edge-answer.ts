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

/** As much of a connection as a record wants to know. */
export interface PeerSocket {
  readonly remoteAddress?: string | undefined;
}

/** Refuses what cannot be read as a request; the record keeps the code, and nothing of what was sent. */
export function refuseAtEdge(corridor: Corridor, problem: Problem, socket: PeerSocket): LocalAnswer {
  const id = uuidv7(corridor.clock, corridor.randomness);
  corridor.recorder.refusal({
    id,
    timeMs: corridor.clock.now(),
    target: '',
    door: 'proxy',
    peer: peerAddress(socket),
    code: problem.code,
    status: problem.status,
  });
  corridor.metrics.count('fairlead_refusals_total', { code: problem.code });
  return edgeAnswer(problem, id);
}

/** IPv4 as such, also when it came over a socket that speaks both versions. */
export function peerAddress(socket: PeerSocket): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}

/** What Node's HTTP parser refused: its code as one of ours. */
const PARSER_PROBLEMS: Readonly<Record<string, { readonly code: string; readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { code: 'HEADERS_TOO_LARGE', status: 431, message: 'the request has too many or too large headers' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { code: 'BODY_TOO_LARGE', status: 413, message: 'the body has too many chunk extensions' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'REQUEST_TIMEOUT', status: 408, message: 'the request did not arrive in time' },
};

export function parserProblem(error: NodeJS.ErrnoException): Problem {
  const known = PARSER_PROBLEMS[error.code ?? ''] ?? {
    code: 'REQUEST_MALFORMED',
    status: 400,
    message: 'this is not a valid HTTP request',
  };
  return new Problem({ ...known, kind: 'invalid' });
}
