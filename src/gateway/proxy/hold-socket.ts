import type { WebSocket } from 'ws';
import type { Passage } from '../passage.ts';
import type { Corridor } from '../port.ts';
import { type RelayParts, relay } from './relay.ts';

const RETRY_MS = 2000;

/** Sockets held at once; more would let a start-up storm eat the memory, so the oldest reason to hold is given up with 1012. */
const MAX_HELD = 2000;

export interface HoldInput {
  readonly client: WebSocket;
  readonly corridor: Corridor;
  /** Walks the corridor once more. */
  again(): Promise<Passage>;
  readonly parts: RelayParts;
}

/**
 * Keeps an accepted socket until the passing reason is gone. The client is paused, so that what it sends waits in its own buffers;
 * it never learns more than that the server is slow. A refusal that is no passing one ends it with 1008.
 */
export async function holdSocket(input: HoldInput): Promise<void> {
  const { client, corridor } = input;
  const { held } = input.parts;
  if (held.now >= MAX_HELD) {
    client.close(1012, 'try again later');
    return;
  }
  held.now += 1;
  corridor.metrics.gauge('fairlead_held_sockets', held.now);
  try {
    while (client.readyState === client.OPEN) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      if (client.readyState !== client.OPEN) return;
      const passage = await input.again();
      if (passage.kind === 'forward') {
        const plan = passage.decided.target.adapter.socket(passage.decided.call);
        if (plan === undefined) return client.close(1011);
        return await relay({ client, passage, plan, parts: input.parts, again: input.again });
      }
      if (!passage.isPassing) return client.close(1008, 'refused');
    }
  } finally {
    held.now -= 1;
    corridor.metrics.gauge('fairlead_held_sockets', held.now);
  }
}
