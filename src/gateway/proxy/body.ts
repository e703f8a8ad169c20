import type { IncomingMessage } from 'node:http';
import { Problem } from '../../core/problem.ts';

/** True when the head announces a body. */
export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || (request.headers['content-length'] ?? '0') !== '0';
}

/** The whole body, at most `maxBytes`; refused by its announced length before the first byte where it has one. */
export function readWholeBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (): void => {
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('error', onBroken);
      request.off('close', onBroken);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) {
        stop();
        request.pause();
        reject(tooLarge(maxBytes));
        return;
      }
      chunks.push(chunk);
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    };
    const onBroken = (): void => {
      stop();
      reject(new Problem({ code: 'BODY_INCOMPLETE', kind: 'invalid', message: 'the body ended before it was complete' }));
    };
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('error', onBroken);
    request.on('close', onBroken);
  });
}

function tooLarge(maxBytes: number): Problem {
  return new Problem({ code: 'BODY_TOO_LARGE', kind: 'too_large', message: `the body is longer than ${maxBytes} bytes` });
}
