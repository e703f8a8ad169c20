import type { Clock, Log, Metrics } from '../core/ports.ts';
import type { Revocations } from '../identity/port.ts';
import type { ActivePolicy } from '../policy/port.ts';
import type { LiveCall, LiveCalls } from './port.ts';
import { Roster } from './roster.ts';

const SWEEP_MS = 500;

export interface LiveCallsParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly revocations: Revocations;
  readonly policy: ActivePolicy;
}

/**
 * Keeps every open call and cuts those that lost their ground: at once on revocation and on a new policy revision, within half
 * a second when a person's credential ends, or when an answer becomes a stream that policy took back before it had begun. A workload's credential that ends in mid-socket is left alone: cutting it would
 * break the run that it carries, and its next call is held anyway.
 */
export function openLiveCalls(parts: LiveCallsParts): LiveCalls & { close(): void } {
  const calls = new Roster<LiveCall>();

  /** One call that fails to end does not keep the others open; a doubt about its ground ends it too. */
  const cutWhere = (reason: Parameters<LiveCall['cut']>[0], holds: (call: LiveCall) => boolean): void => {
    for (const call of calls.all()) {
      try {
        if (isTrueOrFails(() => holds(call))) call.cut(reason);
      } catch (error) {
        parts.log.error('call_not_cut', { target: call.target, reason, error: String(error) });
      }
    }
  };

  const stopRevoked = parts.revocations.onRevoked((isRevoked) => {
    cutWhere('revoked', (call) => call.credential !== undefined && isRevoked(call.caller, call.credential));
  });
  const cutDenied = (): void => cutWhere('policy', (call) => call.isStream && !call.stillAllowed());
  const stopPolicy = parts.policy.onChange(cutDenied);
  const sweep = setInterval(() => {
    const now = parts.clock.now();
    cutWhere('expired', (call) => {
      const end = call.credential?.expiresAtMs;
      return call.isStream && end !== undefined && end <= now && call.caller.subject.kind === 'user';
    });
    cutDenied();
  }, SWEEP_MS);
  sweep.unref();

  return {
    add(call) {
      const leave = calls.add(call);
      parts.metrics.gauge('fairlead_open_calls', calls.size);
      return () => {
        if (leave()) parts.metrics.gauge('fairlead_open_calls', calls.size);
      };
    },
    count: () => calls.size,
    cutAll: (reason, which) => cutWhere(reason, (call) => which === 'all' || call.isSocket),
    close() {
      clearInterval(sweep);
      stopRevoked();
      stopPolicy();
    },
  };
}

function isTrueOrFails(test: () => boolean): boolean {
  try {
    return test();
  } catch {
    return true;
  }
}
