import type { AccessRequest, NonEmptyList } from '../../core/access.ts';
import type { Caller } from '../../core/caller.ts';
import { callerText } from '../../core/caller.ts';
import type { Decision } from '../../core/decision.ts';
import { decide } from '../../decide/decide.ts';
import type { Classified, Decided } from '../passage.ts';
import type { BoundTarget, Corridor } from '../port.ts';

/** May it? Pure: no I/O, no clock beyond the time passed in, no counters. */
export function decideCall(classified: Classified): Decided {
  const { corridor, requests, problem, target } = classified;
  if (requests === undefined) {
    const decision = problem === undefined ? publicDecision() : unclearDecision(problem.code, corridor);
    return { ...classified, decision, attributesRead: {} };
  }
  const started = performance.now();
  const { decision, attributesRead } = decideRequests(corridor, target, classified.caller, requests);
  corridor.metrics.observe('fairlead_decision_duration_seconds', (performance.now() - started) / 1000);
  corridor.metrics.count('fairlead_decisions_total', {
    target: target.name,
    verdict: decision.verdict,
    mode: decision.mode,
    code: decision.code,
  });
  admit(classified, decision, requests);
  return { ...classified, decision, attributesRead };
}

/** The same function for calls, socket frames and the renewed decision about open streams. */
export function decideRequests(
  corridor: Corridor,
  target: BoundTarget,
  caller: Caller,
  requests: NonEmptyList<AccessRequest>,
): ReturnType<typeof decide> {
  const keys = requests.some((request) => request.continues !== undefined)
    ? requests.flatMap((request) => request.continues ?? [])
    : NONE;
  return decide({
    caller,
    requests,
    policy: corridor.policy.current(),
    access: target.access,
    mode: target.mode,
    now: new Date(corridor.clock.now()),
    admitted: corridor.admissions.held(target.name, callerText(caller), keys),
  });
}

const NONE: readonly string[] = [];

export function decisionPasses(decided: Decided): boolean {
  return decided.decision.verdict === 'allow' || decided.decision.mode === 'observe';
}

/** INVARIANT: only what policy itself allows admits; a continuation never extends itself to other work. */
function admit(classified: Classified, decision: Decision, requests: NonEmptyList<AccessRequest>): void {
  if (decision.verdict !== 'allow' || requests.every((request) => request.admits === undefined)) return;
  const keys = requests.flatMap((request, index) =>
    decision.requests[index]?.tier === 'admitted' ? [] : (request.admits ?? []),
  );
  if (keys.length > 0) classified.corridor.admissions.admit(classified.target.name, callerText(classified.caller), keys);
}

/** A probe or a public file: answered for anybody, decided by the catalogue alone. */
function publicDecision(): Decision {
  return {
    verdict: 'allow',
    mode: 'enforce',
    code: 'PUBLIC',
    requests: [],
    obligations: [],
    policyRevision: '',
    meshRevision: '',
  };
}

/** A call whose meaning is unclear would be refused; only an observing target gets here. */
function unclearDecision(code: string, corridor: Corridor): Decision {
  const policyRevision = corridor.policy.current().revision;
  return { verdict: 'deny', mode: 'observe', code, requests: [], obligations: [], policyRevision, meshRevision: '' };
}
