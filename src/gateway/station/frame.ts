import { callerText } from '../../core/caller.ts';
import { uuidv7 } from '../../core/id.ts';
import type { FrameVerdict } from '../../targets/target.ts';
import type { Decided } from '../passage.ts';
import { decideRequests } from './decide.ts';

/**
 * Decides one message of a socket. Frames are recorded folded: same caller, actions, resources, verdict and revision within ten
 * seconds is one entry with a count. True when it may pass.
 */
export async function decideFrame(decided: Decided, frame: Extract<FrameVerdict, { kind: 'ask' }>): Promise<boolean> {
  const { corridor, target, caller, incoming } = decided;
  const { decision, attributesRead } = decideRequests(corridor, target, caller, frame.requests);
  const now = corridor.clock.now();
  await corridor.recorder.decision({
    id: uuidv7(corridor.clock, corridor.randomness),
    timeMs: now,
    target: target.name,
    door: incoming.door.name,
    class: 'poll',
    caller: callerText(caller),
    source: caller.source,
    peer: caller.peer.address,
    method: 'WS',
    path: incoming.head.path.text,
    operation: frame.operation,
    decision,
    attributes: attributesRead,
  });
  corridor.metrics.count('fairlead_frames_total', { target: target.name, verdict: decision.verdict });
  if (decision.verdict === 'allow') {
    const admits = frame.requests.flatMap((request, index) =>
      decision.requests[index]?.tier === 'admitted' ? [] : (request.admits ?? []),
    );
    if (admits.length > 0) corridor.admissions.admit(target.name, callerText(caller), admits);
  }
  return decision.verdict === 'allow' || decision.mode === 'observe';
}
