import { callerText } from '../../core/caller.ts';
import { asProblem, Problem } from '../../core/problem.ts';
import { sentence } from '../../decide/sentence.ts';
import type { LocalAnswer, RefusalReason } from '../../targets/target.ts';
import { closeRecord } from '../exit.ts';
import type { Decided, Entered, Known, Passage, Routed } from '../passage.ts';

/** A refusal by decision, in the target's own words. Somebody who showed no credential is asked for one instead. */
export function refuseDenied(decided: Decided): Passage {
  const { decision, caller } = decided;
  if (caller.subject.kind === 'anonymous') {
    return refuse(decided, {
      kind: 'problem',
      problem: new Problem({
        code: 'CREDENTIAL_REQUIRED',
        kind: 'unauthenticated',
        message: 'this call needs a credential and came without one',
        hint: 'sign in, or send a bearer token',
      }),
    });
  }
  return refuse(decided, { kind: 'denied', decision });
}

/** A Problem of any station. Our own fault keeps its cause in the log and out of the answer. */
export function refuseProblem(at: Entered | Routed | Known, thrown: unknown): Passage {
  const problem = asProblem(thrown);
  const { corridor, incoming } = at;
  if (problem.kind === 'fault') corridor.log.error('own_fault', { code: problem.code, error: describe(problem) });
  if (!at.trail.isRecorded) {
    corridor.recorder.refusal({
      id: at.decisionId,
      timeMs: at.startedAtMs,
      target: 'target' in at ? at.target.name : '',
      door: incoming.door.name,
      peer: incoming.peer.address,
      code: problem.code,
      status: problem.status,
      method: incoming.head.method,
      path: incoming.head.path.text,
      ...('caller' in at ? { caller: callerText(at.caller) } : {}),
    });
  }
  corridor.metrics.count('fairlead_refusals_total', { code: problem.code });
  return refuse(at, { kind: 'problem', problem });
}

function refuse(at: Entered | Routed | Known, reason: RefusalReason): Passage {
  const { decisionId } = at;
  const isPassing = reason.kind === 'problem' && (reason.problem.kind === 'fault' || reason.problem.kind === 'upstream');
  const answer = 'target' in at ? adapterAnswer(at, reason) : plainAnswer(reason, decisionId);
  closeRecord(at, { kind: 'not_forwarded', status: answer.status });
  return { kind: 'answer', decisionId, answer, isPassing };
}

function adapterAnswer(at: Routed | Known, reason: RefusalReason): LocalAnswer {
  const known = 'caller' in at ? at : undefined;
  const text =
    reason.kind === 'denied'
      ? sentence(reason.decision, known?.disclose ?? 'none', known?.caller)
      : [reason.problem.message, reason.problem.hint].filter((part) => part !== undefined).join('; ');
  return at.target.adapter.refuse({
    reason,
    decisionId: at.decisionId,
    head: at.incoming.head,
    operation: at.operation,
    sentence: text,
    ...(known === undefined ? {} : { caller: known.caller }),
  });
}

/** No target, so no form of its own: RFC 9457. */
export function plainAnswer(reason: RefusalReason, decisionId: string): LocalAnswer {
  const { status, code, message } =
    reason.kind === 'problem' ? reason.problem : { status: 403, code: reason.decision.code, message: 'refused' };
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'x-fairlead-decision': decisionId },
    body: JSON.stringify({ type: 'about:blank', title: code, status, detail: message, code, decisionId }),
  };
}

/** For the log: the chain of causes, which never holds what a caller sent. */
function describe(problem: Problem): string {
  const cause = problem.cause;
  return cause instanceof Error ? `${problem.message}: ${cause.stack ?? cause.message}` : problem.message;
}
