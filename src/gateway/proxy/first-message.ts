import type { RawData, WebSocket } from 'ws';

/** A frame that carries a token is short. */
const MAX_BYTES = 16 * 1024;

/**
 * The first message of a socket whose credential it holds. Undefined when the socket is over: nothing in time, binary, or too
 * long. The socket is paused again afterwards.
 */
export function firstMessage(client: WebSocket, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const settle = (text: string | undefined): void => {
      clearTimeout(timer);
      client.off('message', onMessage);
      client.off('close', onClose);
      client.pause();
      resolve(text);
    };
    const refuse = (reason: string): void => {
      client.close(1008, reason);
      settle(undefined);
    };
    const onMessage = (data: RawData, isBinary: boolean): void => {
      const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
      if (isBinary) refuse('the first message must be text');
      else if (bytes.length > MAX_BYTES) refuse('the first message is too long');
      else settle(bytes.toString('utf8'));
    };
    const onClose = (): void => settle(undefined);
    const timer = setTimeout(() => refuse('no credential came in time'), timeoutMs);
    client.on('message', onMessage);
    client.on('close', onClose);
    client.resume();
  });
}
