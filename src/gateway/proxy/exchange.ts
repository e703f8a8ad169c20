import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { Problem } from '../../core/problem.ts';
import { HeaderList } from '../../wire/headers.ts';
import { stripForClient, stripTrailers } from '../../wire/hop.ts';
import { type CutReason, type Exit, openExit } from '../exit.ts';
import type { Passage } from '../passage.ts';
import { refuseProblem } from '../station/refuse.ts';
import { type AnswerSink, answerSink } from './answer-sink.ts';
import { hasBody } from './body.ts';
import { writeLocalAnswer } from './local-answer.ts';
import { upstreamHeaders } from './upstream-headers.ts';

export interface ExchangeParts {
  readonly dispatcher: Dispatcher;
  readonly scheme: 'http' | 'https';
  readonly answerTimeoutMs: number;
  /** Longest silence inside a body; 0: none. */
  readonly bodyTimeoutMs: number;
}

type Forward = Extract<Passage, { kind: 'forward' }>;

/**
 * The proxy door's exit: streams the call up and the answer down with backpressure both ways, cancels the upstream call when the
 * client leaves, and closes the record with what came back.
 */
export function exchange(request: IncomingMessage, response: ServerResponse, passage: Forward, parts: ExchangeParts): void {
  const { decided, changes } = passage;
  const { target, incoming, bytes } = decided;
  const state = {
    controller: undefined as Dispatcher.DispatchController | undefined,
    isStream: false,
    sink: undefined as AnswerSink | undefined,
  };
  let cutReason: CutReason | undefined;
  const abort = (reason: string): void => state.controller?.abort(new Error(reason));

  let exit: Exit;
  try {
    exit = openExit(decided, {
      isStream: () => state.isStream,
      cut(reason) {
        cutReason = reason;
        abort(reason);
        response.destroy();
      },
    });
  } catch (thrown) {
    const refused = refuseProblem(decided, thrown);
    if (refused.kind === 'answer') writeLocalAnswer(request, response, refused.answer);
    return;
  }

  response.on('close', () => {
    if (response.writableFinished) return;
    abort('the client left');
    exit.end({ kind: 'broken', reason: brokenBy(cutReason) });
  });

  const fail = (thrown: unknown): void => {
    if (response.destroyed) return;
    if (response.headersSent) {
      exit.end({ kind: 'broken', reason: 'upstream', status: response.statusCode });
      response.destroy();
      return;
    }
    const refused = refuseProblem(decided, upstreamProblem(thrown));
    if (refused.kind !== 'answer') return;
    exit.end({ kind: 'broken', reason: 'upstream', status: refused.answer.status });
    writeLocalAnswer(request, response, refused.answer);
  };

  const headers = upstreamHeaders(decided, changes, parts.scheme);
  const body = bytes ?? (hasBody(request) ? request : null);
  if (bytes === undefined && body !== null) request.on('error', () => abort('the client left'));
  const started = performance.now();
  try {
    parts.dispatcher.dispatch(
      {
        origin: target.upstream.origin,
        path: upstreamPath(target.upstream, changes.path, incoming.head),
        method: incoming.head.method,
        headers: (bytes === undefined ? headers : headers.with('content-length', String(bytes.length))).toRaw(),
        body,
        headersTimeout: parts.answerTimeoutMs,
        bodyTimeout: parts.bodyTimeoutMs,
      },
      {
        onRequestStart(controller) {
          state.controller = controller;
          if (response.destroyed) abort('the client left');
        },
        onResponseStart(controller, status) {
          if (status < 200) return;
          decided.corridor.metrics.observe('fairlead_upstream_duration_seconds', (performance.now() - started) / 1000, {
            target: target.name,
          });
          const answerHeaders = stripForClient(HeaderList.fromRaw(rawStrings(controller.rawHeaders)));
          state.isStream = !answerHeaders.has('content-length');
          state.sink = answerSink({ response, status, headers: answerHeaders, passage, resume: () => controller.resume() });
        },
        onResponseData(controller, chunk) {
          if (state.sink?.write(chunk) === false) controller.pause();
        },
        onResponseEnd(controller) {
          finish(state.sink, exit, fail, trailersOf(controller.rawTrailers));
        },
        onResponseError(_controller, error) {
          fail(error);
        },
      },
    );
  } catch (thrown) {
    fail(thrown);
  }
}

function finish(sink: AnswerSink | undefined, exit: Exit, fail: (thrown: unknown) => void, trailers: HeaderList): void {
  if (sink === undefined) {
    fail(new Error('the answer had no head'));
    return;
  }
  sink.end(trailers).then(
    (outcome) => exit.end(outcome),
    (thrown: unknown) => fail(thrown),
  );
}

function upstreamPath(upstream: URL, changed: string | undefined, head: { path: { raw: string }; rawQuery: string }): string {
  const base = upstream.pathname === '/' ? '' : upstream.pathname.replace(/\/$/, '');
  if (changed !== undefined) return base + changed;
  return base + head.path.raw + (head.rawQuery === '' ? '' : `?${head.rawQuery}`);
}

function brokenBy(reason: CutReason | undefined): 'client' | 'revoked' | 'drained' {
  if (reason === undefined) return 'client';
  return reason === 'drained' ? 'drained' : 'revoked';
}

function upstreamProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem && thrown.kind !== 'invalid' && thrown.kind !== 'too_large') return thrown;
  return new Problem({
    code: 'UPSTREAM_UNAVAILABLE',
    kind: 'upstream',
    message: 'the service behind this gateway did not answer',
    cause: thrown,
  });
}

function rawStrings(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}

function trailersOf(raw: Dispatcher.DispatchController['rawTrailers']): HeaderList {
  try {
    return stripTrailers(HeaderList.fromRaw(rawStrings(raw)));
  } catch {
    return HeaderList.empty;
  }
}
