import type { IncomingMessage, ServerResponse } from 'node:http';
import { Problem } from '../../core/problem.ts';

/**
 * A request's body, read by one reader at its own speed. Nothing here ends the connection: whoever gives up can still answer.
 * A class, as every call has one: an object literal with getters gets a hidden class of its own, which V8 keeps in the old
 * generation with all that the getters reach, and so keeps each call until the next full collection.
 */
export class IncomingBody {
  /** True when the head announces one. */
  readonly isPresent: boolean;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #silenceMs: number;
  #reader: Reader | undefined;
  #failed: Problem | undefined;
  #stopDiscarding: (() => void) | undefined;

  /** `silenceMs` is the longest wait between two parts. */
  constructor(request: IncomingMessage, response: ServerResponse, silenceMs: number) {
    const { headers } = request;
    this.isPresent = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
    this.#request = request;
    this.#response = response;
    this.#silenceMs = silenceMs;
  }

  /** True when nothing of it can stand in the way of the next request on this connection. */
  get isComplete(): boolean {
    return !this.isPresent || this.#request.readableEnded || (this.#request.complete && this.#reader === undefined);
  }

  /** True when somebody has asked for a byte of it. */
  get isStarted(): boolean {
    return this.#reader !== undefined;
  }

  /** Announced length in bytes; undefined for a chunked one. */
  get length(): number | undefined {
    const stated = this.#request.headers['content-length'];
    return this.isPresent && stated !== undefined ? Number(stated) : undefined;
  }

  /** The whole body; Problems BODY_TOO_LARGE (by its announced length before the first byte), BODY_INCOMPLETE, BODY_TIMEOUT. */
  async readWhole(maxBytes: number): Promise<Uint8Array> {
    if ((this.length ?? 0) > maxBytes) throw tooLarge(maxBytes);
    if (!this.isPresent) return new Uint8Array(0);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.chunks()) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  }

  /** As it comes; the source is paused while nobody asks. Problems BODY_INCOMPLETE, BODY_TIMEOUT. */
  async *chunks(): AsyncGenerator<Buffer> {
    if (this.#failed !== undefined) throw this.#failed;
    const { next } = this.#read();
    for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
  }

  /** What follows on the connection cannot be read: whoever reads the body, now or later, gets this Problem. */
  fail(problem: Problem): void {
    this.#failed = problem;
    this.#reader?.stop(problem);
    this.#stopDiscarding?.();
  }

  /** Takes the body from its reader and throws it away; true when its end came within these bounds. */
  async discard({ maxBytes, withinMs }: { readonly maxBytes: number; readonly withinMs: number }): Promise<boolean> {
    this.#reader?.stop(incomplete());
    if (this.#request.readableEnded || this.#failed !== undefined) return this.#failed === undefined;
    return await runOut(this.#request, maxBytes, withinMs, (stop) => {
      this.#stopDiscarding = stop;
    });
  }

  /** The moment for `100 Continue` is when the first byte is asked for. */
  #read(): Reader {
    if (this.#reader === undefined) {
      if (this.#request.headers.expect !== undefined && !this.#response.headersSent) this.#response.writeContinue();
      this.#reader = openReader(this.#request, this.#silenceMs);
    }
    return this.#reader;
  }
}

interface Reader {
  next(): Promise<Buffer | undefined>;
  stop(problem: Problem): void;
}

function openReader(request: IncomingMessage, silenceMs: number): Reader {
  let waiting: PromiseWithResolvers<Buffer | undefined> | undefined;
  let end: 'complete' | Problem | undefined;
  let timer: NodeJS.Timeout | undefined;

  const settle = (give: (to: PromiseWithResolvers<Buffer | undefined>) => void): void => {
    clearTimeout(timer);
    const to = waiting;
    waiting = undefined;
    if (to !== undefined) give(to);
  };
  const finish = (how: 'complete' | Problem): void => {
    end ??= how;
    settle((to) => (end === 'complete' ? to.resolve(undefined) : to.reject(end)));
  };
  const onData = (chunk: Buffer): void => {
    request.pause();
    settle((to) => to.resolve(chunk));
  };
  const onEnd = (): void => finish('complete');
  const onBroken = (): void => finish(incomplete());
  // Paused before somebody listens: a byte that nobody asked for would be lost.
  request.pause();
  request.on('data', onData);
  request.on('end', onEnd);
  request.on('error', onBroken);
  request.on('close', onBroken);

  return {
    next() {
      if (end === 'complete') return Promise.resolve(undefined);
      if (end !== undefined) return Promise.reject(end);
      if (request.destroyed) return Promise.reject(incomplete());
      waiting = Promise.withResolvers();
      timer = setTimeout(() => finish(timedOut()), silenceMs);
      request.resume();
      return waiting.promise;
    },
    stop(problem) {
      request.off('data', onData);
      finish(problem);
    },
  };
}

function runOut(
  request: IncomingMessage,
  maxBytes: number,
  withinMs: number,
  giveStop: (stop: () => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    let size = 0;
    const settle = (isAll: boolean): void => {
      clearTimeout(timer);
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onClose);
      if (!isAll) request.pause();
      resolve(isAll);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) settle(false);
    };
    const onEnd = (): void => settle(true);
    const onClose = (): void => settle(request.complete);
    const timer = setTimeout(() => settle(false), withinMs);
    giveStop(() => settle(false));
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('close', onClose);
    request.on('error', () => undefined);
    request.resume();
  });
}

function tooLarge(maxBytes: number): Problem {
  return new Problem({ code: 'BODY_TOO_LARGE', kind: 'too_large', message: `the body is longer than ${maxBytes} bytes` });
}

function incomplete(): Problem {
  return new Problem({ code: 'BODY_INCOMPLETE', kind: 'invalid', message: 'the body ended before it was complete' });
}

function timedOut(): Problem {
  return new Problem({ code: 'BODY_TIMEOUT', kind: 'invalid', status: 408, message: 'the body did not arrive in time' });
}
