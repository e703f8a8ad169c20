import type { IncomingMessage } from 'node:http';
import { Problem } from '../../core/problem.ts';

export interface BodyOptions {
  /** Longest wait between two parts. */
  readonly silenceMs: number;
  /** Called once before the first byte is asked for: the moment for `100 Continue`. */
  onFirstRead?(): void;
}

/** A request's body, read by one reader at its own speed. Nothing here ends the connection: whoever gives up can still answer. */
export interface IncomingBody {
  /** True when the head announces one. */
  readonly isPresent: boolean;
  /** True when nothing of it can stand in the way of the next request on this connection. */
  readonly isComplete: boolean;
  /** True when somebody has asked for a byte of it. */
  readonly isStarted: boolean;
  /** Announced length in bytes; undefined for a chunked one. */
  readonly length: number | undefined;
  /** The whole body; Problems BODY_TOO_LARGE (by its announced length before the first byte), BODY_INCOMPLETE, BODY_TIMEOUT. */
  readWhole(maxBytes: number): Promise<Uint8Array>;
  /** As it comes; the source is paused while nobody asks. Problems BODY_INCOMPLETE, BODY_TIMEOUT. */
  chunks(): AsyncGenerator<Buffer>;
  /** What follows on the connection cannot be read: whoever reads the body, now or later, gets this Problem. */
  fail(problem: Problem): void;
  /** Takes the body from its reader and throws it away; true when its end came within these bounds. */
  discard(bounds: { readonly maxBytes: number; readonly withinMs: number }): Promise<boolean>;
}

export function incomingBody(request: IncomingMessage, options: BodyOptions): IncomingBody {
  const isPresent = request.headers['transfer-encoding'] !== undefined || (request.headers['content-length'] ?? '0') !== '0';
  const stated = request.headers['content-length'];
  let reader: Reader | undefined;
  let failed: Problem | undefined;
  let stopDiscarding: (() => void) | undefined;
  const read = (): Reader => {
    if (reader === undefined) {
      options.onFirstRead?.();
      reader = openReader(request, options.silenceMs);
    }
    return reader;
  };

  return {
    isPresent,
    length: isPresent && stated !== undefined ? Number(stated) : undefined,
    get isComplete() {
      return !isPresent || request.readableEnded || (request.complete && reader === undefined);
    },
    get isStarted() {
      return reader !== undefined;
    },
    async readWhole(maxBytes) {
      if (Number(stated ?? 0) > maxBytes) throw tooLarge(maxBytes);
      if (!isPresent) return new Uint8Array(0);
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of this.chunks()) {
        size += chunk.length;
        if (size > maxBytes) throw tooLarge(maxBytes);
        chunks.push(chunk);
      }
      return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    },
    async *chunks() {
      if (failed !== undefined) throw failed;
      const { next } = read();
      for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
    },
    fail(problem) {
      failed = problem;
      reader?.stop(problem);
      stopDiscarding?.();
    },
    async discard({ maxBytes, withinMs }) {
      reader?.stop(incomplete());
      if (request.readableEnded || failed !== undefined) return failed === undefined;
      return await runOut(request, maxBytes, withinMs, (stop) => {
        stopDiscarding = stop;
      });
    },
  };
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
