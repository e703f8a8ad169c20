import { callerText } from '../../core/caller.ts';
import { sealInput } from '../../core/sealed-input.ts';
import type { Decided } from '../passage.ts';

/** Makes the decision durable where its class demands; resolves when the call may leave. Rejects with AUDIT_UNAVAILABLE. */
export async function recordDecision(decided: Decided): Promise<void> {
  const { corridor, incoming, decision, operation, caller } = decided;
  if (decision.code === 'PUBLIC') return;
  const traceparent = incoming.head.headers.getAll('traceparent')[0];
  decided.trail.isRecorded = true;
  await corridor.recorder.decision({
    id: decided.decisionId,
    timeMs: decided.startedAtMs,
    target: decided.target.name,
    door: incoming.door.name,
    class: operation.class,
    caller: callerText(caller),
    source: caller.source,
    peer: caller.peer.address,
    method: incoming.head.method,
    path: incoming.head.path.text,
    operation: operation.id,
    decision,
    attributes: sealed(decided),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(caller.spiffe === undefined ? {} : { spiffe: caller.spiffe }),
  });
}

/** What the decision read; a denial also keeps what it was about, so that the nearest rule can be told when somebody asks. */
function sealed(decided: Decided): Readonly<Record<string, unknown>> {
  const { decision, requests, caller, attributesRead } = decided;
  if (decision.verdict !== 'deny' || requests === undefined) return attributesRead;
  return { ...attributesRead, 'fairlead.input': sealInput(caller, requests) };
}
