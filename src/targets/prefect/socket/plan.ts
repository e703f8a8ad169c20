import { asProblem } from '../../../core/problem.ts';
import type { Call, FrameVerdict, SocketPlan } from '../../target.ts';
import { authFrame, authFrameFor } from './auth.ts';
import { eventsInFrames } from './events-in.ts';
import { eventsOutFrames } from './events-out.ts';
import { logsOutFrames } from './logs-out.ts';
import type { SocketContext } from './objects.ts';
import { taskSubscriptionFrames } from './task-subscription.ts';
import { workerChannelFrames } from './worker-channel.ts';

type Frames = Pick<SocketPlan, 'maxMessageBytes' | 'fromClient'>;

/**
 * What travels in each of the five sockets; undefined for a socket that the catalogue does not know. Every message of the client,
 * the first included, goes through `fromClient`; the first is then rewritten.
 */
export function socketPlan(call: Call, context: SocketContext): SocketPlan | undefined {
  const frames = framesOf(call, context);
  if (frames === undefined) return undefined;
  let isHandshake = true;
  return {
    maxMessageBytes: frames.maxMessageBytes,
    firstFrameToken: (text) => authFrame(text)?.token,
    forwardFirstFrame: (text, secret) => (authFrame(text) === undefined ? text : authFrameFor(secret)),
    async fromClient(text, caller): Promise<FrameVerdict> {
      const isFirst = isHandshake;
      isHandshake = false;
      // Clients in cloud mode send events with no handshake before them.
      if (isFirst && authFrame(text) !== undefined) return { kind: 'forward' };
      try {
        return await frames.fromClient(text, caller);
      } catch (thrown) {
        return closed(thrown);
      }
    },
    fromUpstream: () => ({ kind: 'forward' }),
  };
}

function framesOf(call: Call, context: SocketContext): Frames | undefined {
  switch (call.operation.id) {
    case 'WS /events/in':
      return eventsInFrames(call, context);
    case 'WS /events/out':
      return eventsOutFrames(call, context);
    case 'WS /logs/out':
      return logsOutFrames(call, context);
    case 'WS /task_runs/subscriptions/scheduled':
      return taskSubscriptionFrames(call, context);
    case 'WS /work_pools/{work_pool_name}/workers/connect':
      return workerChannelFrames(call, context);
    default:
      return undefined;
  }
}

/** Our own doubt brings clients back (1012, which every one of them takes so); what cannot be read ends the socket. */
function closed(thrown: unknown): FrameVerdict {
  const problem = asProblem(thrown);
  if (problem.kind === 'fault' || problem.kind === 'upstream')
    return { kind: 'close', code: 1012, reason: 'transient_server_error' };
  if (problem.kind === 'too_large') return { kind: 'close', code: 1009, reason: problem.code };
  return { kind: 'close', code: 1007, reason: problem.code };
}
