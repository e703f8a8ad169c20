import type { Dispatcher } from 'undici';
import type { Outcome } from '../../core/decision.ts';
import { asProblem, Problem } from '../../core/problem.ts';
import { type CutReason, type Exit, type ExitOptions, openExit } from '../exit.ts';
import type { Forward } from '../passage.ts';
import { failureAnswer, refuseProblem } from '../station/refuse.ts';
import { type AnswerSink, answerSink } from './answer-sink.ts';
import { type ClientCall, dropRest, writeLocalAnswer } from './local-answer.ts';
import { answerHeaders, answerTrailers } from './upstream-answer.ts';
import { type UpstreamRequest, upstreamRequest } from './upstream-request.ts';

export interface ExchangeParts {
  readonly dispatcher: Dispatcher;
  readonly scheme: 'http' | 'https';
  readonly answerTimeoutMs: number;
}

/**
 * The proxy door's exit: streams the call up and the answer down with backpressure both ways, cancels the upstream call when the
 * client leaves, and closes the record with what came back.
 */
export function exchange(call: ClientCall, passage: Forward, parts: ExchangeParts): void {
  let opened: Exchange;
  try {
    opened = new Exchange(call, passage, parts);
  } catch (thrown) {
    writeLocalAnswer(call, refuseProblem(passage.decided, thrown).answer);
    return;
  }
  opened.begin();
}

/** One call on its way, as the dispatcher and the list of open calls see it. */
class Exchange implements Dispatcher.DispatchHandler, ExitOptions {
  readonly isSocket = false;
  readonly isStream = false;
  readonly #call: ClientCall;
  readonly #passage: Forward;
  readonly #parts: ExchangeParts;
  readonly #exit: Exit;
  #controller: Dispatcher.DispatchController | undefined;
  #sink: AnswerSink | undefined;
  #cutReason: CutReason | undefined;
  #bodyProblem: unknown;
  #request: UpstreamRequest | undefined;
  #mayRetry = false;
  #sentAt = 0;

  /** Throws when the credential was revoked while the call walked. */
  constructor(call: ClientCall, passage: Forward, parts: ExchangeParts) {
    this.#call = call;
    this.#passage = passage;
    this.#parts = parts;
    this.#exit = openExit(passage.decided, this);
  }

  begin(): void {
    const { response } = this.#call;
    // The client may have left while the call walked: then nobody would tell us any more.
    if (response.destroyed) {
      this.#leave();
      return;
    }
    response.on('close', () => {
      if (!response.writableFinished) this.#leave();
    });
    try {
      const request = upstreamRequest(this.#call, this.#passage, this.#parts, (thrown) => {
        this.#bodyProblem = thrown;
      });
      this.#request = request;
      this.#mayRetry = request.body === null && SAFE.has(request.method);
      this.#send(request);
    } catch (thrown) {
      // A head that cannot be written is our own fault, unless the client's is what made it too long.
      this.#fail(
        thrown instanceof Problem && thrown.kind === 'too_large' ? thrown : asProblem(new Error('no request', { cause: thrown })),
      );
    }
  }

  cut(reason: CutReason): void {
    this.#cutReason = reason;
    this.#call.response.destroy();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#call.response.destroyed) controller.abort(new Error('the client left'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    const { decided } = this.#passage;
    const { metrics, isOwnCookie } = decided.corridor;
    const seconds = (performance.now() - this.#sentAt) / 1000;
    metrics.observe('fairlead_upstream_duration_seconds', seconds, { target: decided.target.name });
    const headers = answerHeaders(controller.rawHeaders, isOwnCookie);
    this.#exit.isStream = !headers.has('content-length');
    this.#sink = answerSink({
      response: this.#call.response,
      status,
      headers,
      passage: this.#passage,
      resume: () => controller.resume(),
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#sink?.write(chunk) === false) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#sink === undefined) {
      this.#fail(new Error('the answer had no head'));
      return;
    }
    const outcome = this.#sink.end(answerTrailers(controller.rawTrailers));
    if (outcome instanceof Promise) {
      outcome.then(
        (known) => this.#finish(known),
        (thrown: unknown) => this.#fail(thrown),
      );
    } else this.#finish(outcome);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const mayRetry = this.#mayRetry && this.#sink === undefined && isStaleConnection(error) && !this.#call.response.destroyed;
    if (!mayRetry || this.#request === undefined) {
      this.#fail(this.#bodyProblem ?? error);
      return;
    }
    this.#mayRetry = false;
    this.#send(this.#request);
  }

  #send(request: UpstreamRequest): void {
    this.#sentAt = performance.now();
    this.#parts.dispatcher.dispatch(request, this);
  }

  #leave(): void {
    this.#controller?.abort(new Error('the client left'));
    this.#exit.end({ kind: 'broken', reason: brokenBy(this.#cutReason) });
  }

  #finish(outcome: Outcome): void {
    this.#exit.end(outcome);
    dropRest(this.#call);
  }

  #fail(thrown: unknown): void {
    const { response } = this.#call;
    if (response.destroyed) return;
    if (response.headersSent) {
      this.#exit.end({ kind: 'broken', reason: 'upstream', status: response.statusCode });
      response.destroy();
      return;
    }
    const problem = thrown instanceof Problem ? thrown : unavailable(thrown);
    const answer = failureAnswer(this.#passage.decided, problem);
    this.#exit.end({ kind: 'broken', reason: isClients(problem) ? 'client' : 'upstream', status: answer.status });
    writeLocalAnswer(this.#call, answer);
  }
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
