import type { Call, FrameVerdict, SocketPlan } from '../../target.ts';
import { MAX_EVENT_BYTES, readEvent } from './event.ts';
import { eventRequests, isReserved } from './event-rights.ts';
import { parseFrame } from './frame.ts';
import type { SocketContext } from './objects.ts';

/**
 * `/events/in`: after the handshake every message is one event. A denied one is left out and the socket stays: clients take a
 * closed socket as a fault, send again what was not confirmed, and give up task-run history in the end.
 */
export function eventsInFrames(call: Call, context: SocketContext): Pick<SocketPlan, 'maxMessageBytes' | 'fromClient'> {
  return {
    maxMessageBytes: MAX_EVENT_BYTES,
    async fromClient(text): Promise<FrameVerdict> {
      const event = readEvent(parseFrame(text, MAX_EVENT_BYTES));
      if (isReserved(event)) return { kind: 'drop' };
      const requests = await eventRequests(event, call.operation.id, context);
      return { kind: 'ask', requests, onDeny: 'drop', operation: call.operation.id };
    },
  };
}
