import type { OperationClass } from '../core/access.ts';
import { type Caller, callerText } from '../core/caller.ts';
import type { Decision } from '../core/decision.ts';
import { uuidv7 } from '../core/id.ts';
import { Problem } from '../core/problem.ts';
import type { Credential } from '../identity/port.ts';
import type { PolicyCode } from '../policy/port.ts';
import type { ControlCall } from './call.ts';
import type { ControlParts } from './parts.ts';

/** A caller of the control origin, proved. */
export interface Known {
  readonly caller: Caller;
  readonly credential: Credential;
  readonly disclose: 'rule' | 'none';
  readonly call: ControlCall;
}

/** Who calls the control API? A credential that is absent, refused or revoked ends here. */
export async function requireCaller(parts: ControlParts, call: ControlCall): Promise<Known> {
  const known = await findCaller(parts, call);
  if (known === undefined) {
    throw new Problem({
      code: 'CREDENTIAL_REQUIRED',
      kind: 'unauthenticated',
      message: 'this call needs a credential and came without one',
      hint: 'run `fairlead login`',
    });
  }
  return known;
}

/** As `requireCaller`, with undefined for nobody: for pages that then offer to sign in. */
export async function findCaller(parts: ControlParts, call: ControlCall): Promise<Known | undefined> {
  const { head, address } = call;
  const identified = await parts.authenticator.identify({ head, peer: { address }, target: 'fairlead', origin: parts.origin });
  if (identified.kind === 'anonymous') return undefined;
  if (identified.kind === 'refused') throw identified.problem;
  const { caller, credential, disclose } = identified;
  refuseRevoked(parts, caller, credential);
  return { caller, credential, disclose, call };
}

function refuseRevoked({ revocations }: ControlParts, caller: Caller, credential: Credential): void {
  if (!revocations.isRevoked(caller, credential)) return;
  throw new Problem({ code: 'CREDENTIAL_REVOKED', kind: 'unauthenticated', message: 'this credential has been revoked' });
}

/** For pages: a session that has ended or was revoked is nobody, who may sign in again. Other refusals and faults go on. */
export async function findVisitor(parts: ControlParts, call: ControlCall): Promise<Known | undefined> {
  try {
    return await findCaller(parts, call);
  } catch (error) {
    if (error instanceof Problem && error.kind === 'unauthenticated') return undefined;
    throw error;
  }
}

export interface Asked {
  readonly action: string;
  readonly class: OperationClass;
  /** Segments below `fairlead`. */
  readonly on: readonly string[];
}

/** May this caller do that? Nothing is recorded; for choosing a form. */
export function mayDo(parts: ControlParts, caller: Caller, asked: Pick<Asked, 'action' | 'on'>): boolean {
  return decideAsked(parts, caller, asked).decision.verdict === 'allow';
}

/** `fairlead.policy.apply`: who may change the rules could give themselves all the rest. */
export function isAdministrator(parts: ControlParts, caller: Caller): boolean {
  return mayDo(parts, caller, { action: 'fairlead.policy.apply', on: ['policy'] });
}

/**
 * Decides like any call, and records before anything happens; `isOwn` is a right that everybody has over themselves. The outcome is
 * recorded with the answer. Throws the denial as a Problem, of which the call knows the id, and CREDENTIAL_REVOKED.
 */
export async function authorize(parts: ControlParts, known: Known, asked: Asked, isOwn = false): Promise<string> {
  const { caller, call, credential } = known;
  // The call's body may have come long after its head.
  refuseRevoked(parts, caller, credential);
  const id = uuidv7(parts.clock, parts.randomness);
  const { decision: decided, attributesRead } = decideAsked(parts, caller, asked);
  const decision = isOwn ? asOwn(decided) : decided;
  await parts.recorder.decision({
    id,
    timeMs: parts.clock.now(),
    target: 'fairlead',
    door: 'control',
    class: asked.class,
    caller: callerText(caller),
    source: caller.source,
    peer: caller.peer.address,
    method: call.head.method,
    path: call.head.path.text,
    operation: asked.action.replace(/^fairlead\./, ''),
    decision,
    attributes: attributesRead,
  });
  const isAllowed = decision.verdict === 'allow';
  call.decided.push({ id, isAllowed });
  parts.metrics.count('fairlead_decisions_total', {
    target: 'fairlead',
    verdict: decision.verdict,
    mode: decision.mode,
    code: decision.code,
  });
  if (isAllowed) return id;
  throw new Problem({
    code: decision.code,
    kind: 'denied',
    message: parts.sentence(decision, known.disclose),
    hint: `\`fairlead explain ${id}\``,
  });
}

/** Something happened to the gateway itself; in the record before the answer leaves. */
export async function recordEvent(
  parts: ControlParts,
  type: string,
  caller: Pick<Caller, 'subject' | 'actors'>,
  detail: Readonly<Record<string, string | number | boolean>> = {},
): Promise<void> {
  const id = uuidv7(parts.clock, parts.randomness);
  await parts.recorder.event({ id, timeMs: parts.clock.now(), type, caller: callerText(caller), detail });
}

/** INVARIANT: it stands in for the rule that nobody wrote, and never against one that somebody did: a `cannot` refuses here too. */
function asOwn(decision: Decision): Decision {
  if (decision.verdict === 'allow' || decision.code !== ('NO_RULE' satisfies PolicyCode)) return decision;
  const requests = decision.requests.map((one) => ({ ...one, verdict: 'allow' as const, code: 'OWN' }));
  return { ...decision, verdict: 'allow', code: 'OWN', requests };
}

function decideAsked(parts: ControlParts, caller: Caller, asked: Pick<Asked, 'action' | 'on'>) {
  return parts.decide(caller, [
    {
      action: asked.action,
      resource: { path: ['fairlead', ...asked.on], attributes: {} },
      attributes: { method: asked.action.replace(/^fairlead\./, '') },
    },
  ]);
}
