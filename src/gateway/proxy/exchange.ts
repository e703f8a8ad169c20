import type { Dispatcher } from 'undici';
import { asProblem, Problem } from '../../core/problem.ts';
import type { HeaderList } from '../../wire/headers.ts';
import { type CutReason, type Exit, openExit } from '../exit.ts';
import type { Passage } from '../passage.ts';
import { failureAnswer, refuseProblem } from '../station/refuse.ts';
import { type AnswerSink, answerSink } from './answer-sink.ts';
import { type ClientCall, dropRest, writeLocalAnswer } from './local-answer.ts';
import { answerHeaders, answerTrailers } from './upstream-answer.ts';
import { upstreamHeaders, upstreamPath } from './upstream-headers.ts';

export interface ExchangeParts {
  readonly dispatcher: Dispatcher;
  readonly scheme: 'http' | 'https';
  readonly answerTimeoutMs: number;
}

type Forward = Extract<Passage, { kind: 'forward' }>;

/**
 * The proxy door's exit: streams the call up and the answer down with backpressure both ways, cancels the upstream call when the
 * client leaves, and closes the record with what came back.
 */
export function exchange(call: ClientCall, passage: Forward, parts: ExchangeParts): void {
  const { response } = call;
  const { decided } = passage;
  let controller: Dispatcher.DispatchController | undefined;
  let sink: AnswerSink | undefined;
  let cutReason: CutReason | undefined;
  let bodyProblem: unknown;

  let exit: Exit;
  try {
    exit = openExit(decided, {
      isSocket: false,
      isStream: false,
      cut(reason) {
        cutReason = reason;
        response.destroy();
      },
    });
  } catch (thrown) {
    writeLocalAnswer(call, refuseProblem(decided, thrown).answer);
    return;
  }

  const onGone = (): void => {
    controller?.abort(new Error('the client left'));
    exit.end({ kind: 'broken', reason: brokenBy(cutReason) });
  };
  // The client may have left while the call walked: then nobody would tell us any more.
  if (response.destroyed) {
    onGone();
    return;
  }
  response.on('close', () => {
    if (!response.writableFinished) onGone();
  });

  const fail = (thrown: unknown): void => {
    if (response.destroyed) return;
    if (response.headersSent) {
      exit.end({ kind: 'broken', reason: 'upstream', status: response.statusCode });
      response.destroy();
      return;
    }
    const problem = thrown instanceof Problem ? thrown : unavailable(thrown);
    const answer = failureAnswer(decided, problem);
    exit.end({ kind: 'broken', reason: isClients(problem) ? 'client' : 'upstream', status: answer.status });
    writeLocalAnswer(call, answer);
  };

  const send = (request: Dispatcher.DispatchOptions, mayRetry: boolean): void => {
    const started = performance.now();
    parts.dispatcher.dispatch(request, {
      onRequestStart(given) {
        controller = given;
        if (response.destroyed) given.abort(new Error('the client left'));
      },
      onResponseStart(given, status) {
        if (status < 200) return;
        const { metrics, isOwnCookie } = decided.corridor;
        metrics.observe('fairlead_upstream_duration_seconds', (performance.now() - started) / 1000, {
          target: decided.target.name,
        });
        const headers = answerHeaders(given.rawHeaders, isOwnCookie);
        exit.isStream = !headers.has('content-length');
        sink = answerSink({ response, status, headers, passage, resume: () => given.resume() });
      },
      onResponseData(given, chunk) {
        if (sink?.write(chunk) === false) given.pause();
      },
      onResponseEnd(given) {
        finish(call, sink, exit, fail, answerTrailers(given.rawTrailers));
      },
      onResponseError(_given, error) {
        if (mayRetry && sink === undefined && isStaleConnection(error) && !response.destroyed) send(request, false);
        else fail(bodyProblem ?? error);
      },
    });
  };

  try {
    const request = upstreamRequest(call, passage, parts, (thrown) => {
      bodyProblem = thrown;
    });
    send(request, request.body === null && SAFE.has(request.method));
  } catch (thrown) {
    // A head that cannot be written is our own fault, unless the client's is what made it too long.
    fail(
      thrown instanceof Problem && thrown.kind === 'too_large' ? thrown : asProblem(new Error('no request', { cause: thrown })),
    );
  }
}

/** The dispatcher opens connections anew when this changes, and would take it from the client's `Host`; the pool knows the real one. */
const SAME_FOR_ALL = 'upstream';

type UpstreamRequest = Dispatcher.DispatchOptions & {
  readonly body: NonNullable<Dispatcher.DispatchOptions['body']> | null;
  readonly servername: string;
};

function upstreamRequest(
  call: ClientCall,
  { decided, changes }: Forward,
  parts: ExchangeParts,
  onBodyProblem: (thrown: unknown) => void,
): UpstreamRequest {
  const { target, incoming, bytes } = decided;
  const headers = upstreamHeaders(decided, changes, parts.scheme);
  const isWhole = bytes !== undefined && call.body.isPresent;
  return {
    path: upstreamPath(target.upstream, changes.path, incoming.head),
    method: incoming.head.method as Dispatcher.HttpMethod, // any token: undici checks it itself
    headers: (isWhole ? headers.with('content-length', String(bytes.length)) : headers).toRaw(),
    body: isWhole ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bodySource(call, onBodyProblem),
    headersTimeout: parts.answerTimeoutMs,
    bodyTimeout: 0,
    servername: SAME_FOR_ALL,
  };
}

/** The body as the upstream is able to take it; what breaks it is kept, because the dispatcher only reports that something did. */
function bodySource({ body }: ClientCall, onProblem: (thrown: unknown) => void): UpstreamRequest['body'] {
  if (!body.isPresent) return null;
  const source = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* body.chunks();
    } catch (thrown) {
      onProblem(thrown);
      throw thrown;
    }
  };
  // undici takes any async iterable; its types name only Readable.
  return source() as unknown as NonNullable<UpstreamRequest['body']>;
}

function finish(
  call: ClientCall,
  sink: AnswerSink | undefined,
  exit: Exit,
  fail: (thrown: unknown) => void,
  trailers: HeaderList,
): void {
  if (sink === undefined) {
    fail(new Error('the answer had no head'));
    return;
  }
  sink.end(trailers).then(
    (outcome) => {
      exit.end(outcome);
      dropRest(call);
    },
    (thrown: unknown) => fail(thrown),
  );
}

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The upstream closed a kept connection just as it was used again: a safe call without a body may be sent once more (RFC 9110 §9.2.2). */
function isStaleConnection(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

function isClients(problem: Problem): boolean {
  return problem.kind === 'invalid';
}

function brokenBy(reason: CutReason | undefined): 'client' | 'revoked' | 'drained' {
  if (reason === undefined) return 'client';
  return reason === 'drained' ? 'drained' : 'revoked';
}

function unavailable(cause: unknown): Problem {
  return new Problem({
    code: 'UPSTREAM_UNAVAILABLE',
    kind: 'upstream',
    message: 'the service behind this gateway did not answer',
    cause,
  });
}
