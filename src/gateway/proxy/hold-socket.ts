import type { Passage } from '../passage.ts';
import type { Corridor } from '../port.ts';
import type { OpenSocket } from './open-socket.ts';

const RETRY_MS = 2_000;

/** Sockets held at once; more would let a start-up storm eat the memory, so a further one is sent away with 1012. */
const MAX_HELD = 2_000;

export interface HoldInput {
  readonly client: OpenSocket;
  readonly corridor: Corridor;
  /** Walks the corridor once more. */
  again(): Promise<Passage>;
  /** Counted over all held sockets of a listener. */
  readonly held: { now: number };
}

/**
 * Keeps an accepted socket until the passing reason is gone: what it sends waits, its pings are answered, and it never learns more
 * than that the server is slow. Yields the passage that lets it through; undefined when it is over: it left, or a refusal that is
 * no passing one ended it.
 */
export async function holdSocket(input: HoldInput): Promise<Extract<Passage, { kind: 'forward' }> | undefined> {
  const { client, corridor, held } = input;
  const { socket } = client;
  if (held.now >= MAX_HELD) {
    client.close(1012, 'try again later');
    return undefined;
  }
  held.now += 1;
  corridor.metrics.gauge('fairlead_held_sockets', held.now);
  try {
    while (await isOpenAfter(client, RETRY_MS)) {
      const passage = await input.again();
      if (passage.kind === 'forward') return passage;
      if (passage.isPassing) continue;
      client.close(passage.answer.closeCode ?? 1008, passage.answer.headers['x-fairlead-reason'] ?? 'refused');
    }
    return undefined;
  } finally {
    held.now -= 1;
    corridor.metrics.gauge('fairlead_held_sockets', held.now);
    if (socket.readyState !== socket.OPEN) client.close(1000, '');
  }
}

function isOpenAfter({ socket }: OpenSocket, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('close', settle);
      resolve(socket.readyState === socket.OPEN);
    };
    const timer = setTimeout(settle, waitMs);
    socket.once('close', settle);
    if (socket.readyState !== socket.OPEN) settle();
  });
}
