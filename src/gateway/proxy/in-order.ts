import type { Valve } from './open-socket.ts';

/** What may wait for its verdict before the client is stopped. */
const MAX_WAITING = 64;
const MAX_WAITING_CHARS = 1024 * 1024;

/** One message after the other, however long each takes. An error drops what still waits. */
export function inOrder(
  handle: (text: string) => Promise<void>,
  source: Valve,
  onError: (thrown: unknown) => void,
): (text: string) => void {
  const waiting: string[] = [];
  let chars = 0;
  let isRunning = false;

  const run = async (): Promise<void> => {
    isRunning = true;
    try {
      for (let text = waiting.shift(); text !== undefined; text = waiting.shift()) {
        chars -= text.length;
        await handle(text);
        if (waiting.length <= MAX_WAITING / 2 && chars <= MAX_WAITING_CHARS / 2) source.release('undecided');
      }
    } catch (thrown) {
      waiting.length = 0;
      onError(thrown);
    }
    isRunning = false;
  };

  return (text) => {
    waiting.push(text);
    chars += text.length;
    if (waiting.length >= MAX_WAITING || chars >= MAX_WAITING_CHARS) source.hold('undecided');
    if (!isRunning) void run();
  };
}
