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

/** A Problem of any station: the call ends here, and nothing was forwarded. */
export function refuseProblem(at: Entered | Routed | Known, thrown: unknown): Extract<Passage, { kind: 'answer' }> {
  const problem = noteProblem(at, thrown);
  return refuse(at, { kind: 'problem', problem });
}

/** The answer to a call that failed after it had left; its record is for the door to close. */
export function failureAnswer(at: Decided, thrown: unknown): LocalAnswer {
  return answerOf(at, { kind: 'problem', problem: noteProblem(at, thrown) });
}

/** Our own fault and the upstream's keep their cause in the log and out of the answer. */
function noteProblem(at: Entered | Routed | Known, thrown: unknown): Problem {
  const problem = asProblem(thrown);
  const { corridor, incoming } = at;
  if (problem.kind === 'fault') corridor.log.error('own_fault', { code: problem.code, error: describe(problem) });
  if (problem.kind === 'upstream') {
    const target = 'target' in at ? at.target.name : '';
    corridor.log.warn('upstream_failed', { target, code: problem.code, error: describe(problem) });
  }
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
  return problem;
}

function refuse(at: Entered | Routed | Known, reason: RefusalReason): Extract<Passage, { kind: 'answer' }> {
  const isPassing = reason.kind === 'problem' && (reason.problem.kind === 'fault' || reason.problem.kind === 'upstream');
  const answer = answerOf(at, reason);
  closeRecord(at, { kind: 'not_forwarded', status: answer.status });
  return { kind: 'answer', decisionId: at.decisionId, answer, isPassing };
}

/** In the target's own words; where even those fail, in ours, as our own fault. */
function answerOf(at: Entered | Routed | Known, reason: RefusalReason): LocalAnswer {
  if (!('target' in at)) return plainAnswer(reason, at.decisionId);
  try {
    return adapterAnswer(at, reason);
  } catch (thrown) {
    const problem = asProblem(thrown);
    at.corridor.log.error('own_fault', { code: problem.code, error: describe(problem) });
    return plainAnswer({ kind: 'problem', problem: asProblem(undefined) }, at.decisionId);
  }
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
  if (!(cause instanceof Error)) return problem.message;
  return `${problem.message}: ${problem.kind === 'fault' ? (cause.stack ?? cause.message) : cause.message}`;
}
