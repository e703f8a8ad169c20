import type { AccessRequest } from '../core/access.ts';
import type { Outcome } from '../core/decision.ts';
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

export interface Exit {
  /** Call once, when the answer has passed or the call is over. */
  end(outcome: Outcome): void;
}

export type CutReason = Parameters<LiveCall['cut']>[0];

export interface ExitOptions {
  readonly isSocket: boolean;
  isStream(): boolean;
  /** What messages of the call were allowed that lasts as long as the call: decided anew with it. */
  readonly standing?: readonly AccessRequest[];
  cut(reason: CutReason): void;
}

/**
 * From here on the call is open: revocation, policy change and drain reach it through `cut`. Throws when the credential was
 * revoked while the call walked.
 */
export function openExit(decided: Decided, options: ExitOptions): Exit {
  const { corridor, target, caller, credential, requests } = decided;
  const remove = corridor.live.add({
    target: target.name,
    caller,
    credential,
    startedAtMs: decided.startedAtMs,
    isSocket: options.isSocket,
    get isStream() {
      return options.isStream();
    },
    stillAllowed() {
      if (target.mode === 'observe' || requests === undefined) return true;
      const [first, ...rest] = requests;
      const all = [first, ...rest, ...(options.standing ?? [])] as const;
      return decideRequests(corridor, target, caller, all).decision.verdict === 'allow';
    },
    cut: options.cut,
  });
  if (credential !== undefined && corridor.revocations.isRevoked(caller, credential)) {
    remove();
    throw revoked();
  }
  let isOpen = true;
  return {
    end(outcome) {
      if (!isOpen) return;
      isOpen = false;
      remove();
      closeRecord(decided, outcome);
    },
  };
}
