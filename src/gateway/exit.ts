import type { AccessRequest } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import type { Outcome } from '../core/decision.ts';
import type { Credential } from '../identity/port.ts';
import type { PolicySet } from '../policy/port.ts';
import type { Decided, Entered } from './passage.ts';
import type { LiveCall } from './port.ts';
import { decideRequests } from './station/decide.ts';
import { revoked } from './station/identify.ts';

/** Writes how a recorded call ended, once. A call without a recorded decision has no outcome to write. */
export function closeRecord(entered: Entered, outcome: Outcome): void {
  if (!entered.trail.isRecorded || entered.trail.isClosed) return;
  entered.trail.isClosed = true;
  const timeMs = entered.corridor.clock.now();
  entered.corridor.recorder.outcome({ id: entered.decisionId, timeMs, outcome, durationMs: timeMs - entered.startedAtMs });
}

export type CutReason = Parameters<LiveCall['cut']>[0];

export interface ExitOptions {
  readonly isSocket: boolean;
  /** As `LiveCall` has it; may become true later. */
  readonly isStream: boolean;
  /** What messages of the call were allowed that lasts as long as the call: decided anew with it. */
  readonly standing?: readonly AccessRequest[];
  cut(reason: CutReason): void;
}

/**
 * From here on the call is open: revocation, policy change and drain reach it through `cut`. Throws when the credential was
 * revoked while the call walked.
 */
export function openExit(decided: Decided, options: ExitOptions): Exit {
  const exit = new Exit(decided, options);
  const { corridor, caller, credential } = decided;
  if (credential !== undefined && corridor.revocations.isRevoked(caller, credential)) {
    exit.leave();
    throw revoked();
  }
  return exit;
}

/** An open call: what the list of them sees, and the way to end it. */
export class Exit implements LiveCall {
  readonly target: string;
  readonly caller: Caller;
  readonly credential: Credential | undefined;
  readonly startedAtMs: number;
  readonly isSocket: boolean;
  isStream: boolean;
  readonly #decided: Decided;
  readonly #options: ExitOptions;
  readonly #leave: () => void;
  #isOpen = true;
  /** The policy by which the call was last allowed; undefined when that is none that is known here. */
  #allowedBy: PolicySet | undefined;

  constructor(decided: Decided, options: ExitOptions) {
    this.target = decided.target.name;
    this.caller = decided.caller;
    this.credential = decided.credential;
    this.startedAtMs = decided.startedAtMs;
    this.isSocket = options.isSocket;
    this.isStream = options.isStream;
    this.#decided = decided;
    this.#options = options;
    // The policy may have changed while the call walked: then it is decided anew as soon as it turns out to be a stream.
    const policy = decided.corridor.policy.current();
    this.#allowedBy = policy.revision === decided.decision.policyRevision ? policy : undefined;
    this.#leave = decided.corridor.live.add(this);
  }

  stillAllowed(): boolean {
    const { corridor, target, caller, requests } = this.#decided;
    const policy = corridor.policy.current();
    if (target.mode === 'observe' || requests === undefined || policy === this.#allowedBy) return true;
    const [first, ...rest] = requests;
    const all = [first, ...rest, ...(this.#options.standing ?? [])] as const;
    const isAllowed = decideRequests(corridor, target, caller, all).decision.verdict === 'allow';
    if (isAllowed) this.#allowedBy = policy;
    return isAllowed;
  }

  cut(reason: CutReason): void {
    this.#options.cut(reason);
  }

  /** Call once, when the answer has passed or the call is over. */
  end(outcome: Outcome): void {
    if (!this.#isOpen) return;
    this.leave();
    closeRecord(this.#decided, outcome);
  }

  /** The call is none of the open ones any more. */
  leave(): void {
    this.#isOpen = false;
    this.#leave();
  }
}
