import type { AccessRequest } from '../../../core/access.ts';
import type { Call, FrameVerdict, SocketPlan } from '../../target.ts';
import { MAX_CONTROL_BYTES, parseFrame, textList } from './frame.ts';
import type { SocketContext } from './objects.ts';
import { asked, onlyOnce } from './plan-parts.ts';

const MAX_KEYS = 1000;

/**
 * `/task_runs/subscriptions/scheduled`: hands background task runs, parameters and all, to whoever names their task keys; after
 * that the client only acknowledges.
 */
export function taskSubscriptionFrames(call: Call, context: SocketContext): Pick<SocketPlan, 'maxMessageBytes' | 'fromClient'> {
  const isFirst = onlyOnce();
  return {
    maxMessageBytes: MAX_CONTROL_BYTES,
    async fromClient(text): Promise<FrameVerdict> {
      const frame = parseFrame(text, MAX_CONTROL_BYTES);
      if (!isFirst()) {
        return frame['type'] === 'ack' || frame['type'] === 'quit'
          ? { kind: 'forward' }
          : { kind: 'close', code: 4001, reason: "Protocol violation: expected 'ack' message" };
      }
      const keys = textList(frame['keys']);
      if (
        frame['type'] !== 'subscribe' ||
        keys === undefined ||
        keys.length === 0 ||
        keys.includes('') ||
        keys.length > MAX_KEYS
      ) {
        return { kind: 'close', code: 4001, reason: "Protocol violation: expected 'subscribe' message" };
      }
      const requests = [...new Set(keys)].map(
        (key): AccessRequest => ({
          action: 'prefect.task_run.poll',
          resource: { path: [context.name, 'task-keys', key.normalize('NFC')], attributes: {} },
          attributes: { method: call.operation.id },
        }),
      );
      return asked(requests, call.operation.id);
    },
  };
}
