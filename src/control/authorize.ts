import type { OperationClass } from '../core/access.ts';
import { type Caller, callerText } from '../core/caller.ts';
import { uuidv7 } from '../core/id.ts';
import { Problem } from '../core/problem.ts';
import type { Credential } from '../identity/port.ts';
import type { RequestHead } from '../wire/call.ts';
import type { ControlParts } from './parts.ts';

/** A caller of the control origin, proved. */
export interface Known {
  readonly caller: Caller;
  readonly credential: Credential;
  readonly disclose: 'rule' | 'none';
  readonly head: RequestHead;
}

/** Who calls the control API? A credential that is absent, refused or revoked ends here. */
export async function requireCaller(parts: ControlParts, head: RequestHead, address: string): Promise<Known> {
  const known = await findCaller(parts, head, address);
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
export async function findCaller(parts: ControlParts, head: RequestHead, address: string): Promise<Known | undefined> {
  const identified = await parts.authenticator.identify({ head, peer: { address }, target: 'fairlead', origin: parts.origin });
  if (identified.kind === 'anonymous') return undefined;
  if (identified.kind === 'refused') throw identified.problem;
  const { caller, credential, disclose } = identified;
  if (parts.revocations.isRevoked(caller, credential)) {
    throw new Problem({ code: 'CREDENTIAL_REVOKED', kind: 'unauthenticated', message: 'this credential has been revoked' });
  }
  return { caller, credential, disclose, head };
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

/**
 * Decides like any call, and records before anything happens; `isOwn` is a right that everybody has over themselves. Throws the
 * denial as a Problem with its decision id.
 */
export async function authorize(parts: ControlParts, known: Known, asked: Asked, isOwn: boolean): Promise<string> {
  const id = uuidv7(parts.clock, parts.randomness);
  const { decision: decided, attributesRead } = decideAsked(parts, known.caller, asked);
  const decision =
    isOwn && decided.verdict !== 'allow'
      ? {
          ...decided,
          verdict: 'allow' as const,
          code: 'OWN',
          requests: decided.requests.map((one) => ({ ...one, verdict: 'allow' as const, code: 'OWN' })),
        }
      : decided;
  const timeMs = parts.clock.now();
  await parts.recorder.decision({
    id,
    timeMs,
    target: 'fairlead',
    door: 'control',
    class: asked.class,
    caller: callerText(known.caller),
    source: known.caller.source,
    peer: known.caller.peer.address,
    method: known.head.method,
    path: known.head.path.text,
    operation: asked.action.replace(/^fairlead\./, ''),
    decision,
    attributes: attributesRead,
  });
  const isAllowed = decision.verdict === 'allow';
  parts.recorder.outcome({
    id,
    timeMs: parts.clock.now(),
    outcome: isAllowed ? { kind: 'answered', status: 200 } : { kind: 'not_forwarded', status: 403 },
    durationMs: 0,
  });
  if (isAllowed) return id;
  throw new Problem({
    code: decision.code,
    kind: 'denied',
    message: `${parts.sentence(decision, known.disclose)} (${id})`,
    hint: `\`fairlead explain ${id}\``,
  });
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
