import { closeRecord } from '../exit.ts';
import type { Decided, Passage } from '../passage.ts';

/** Swaps the caller's identity for what the upstream takes, and settles how the answer will be treated. */
export async function lendCredential(decided: Decided): Promise<Passage> {
  const { target, call, decision } = decided;
  const plan = target.adapter.response(call, decision);
  if (plan?.kind === 'local') {
    closeRecord(decided, { kind: 'not_forwarded', status: plan.answer.status });
    return { kind: 'answer', decisionId: decided.decisionId, answer: plan.answer, isPassing: false };
  }
  const changes = await target.adapter.forward(call, decision);
  return { kind: 'forward', decided, changes, plan };
}
