import type { Clock, Metrics } from '../core/ports.ts';
import type { Revocations } from '../identity/port.ts';
import type { ActivePolicy } from '../policy/port.ts';
import type { LiveCall, LiveCalls } from './port.ts';

const SWEEP_MS = 500;

export interface LiveCallsParts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly revocations: Revocations;
  readonly policy: ActivePolicy;
}

/**
 * Keeps every open call and cuts those that lost their ground: at once on revocation and on a new policy revision, within half
 * a second when a person's credential ends. A workload's credential that ends in mid-socket is left alone: cutting it would
 * break the run that it carries, and its next call is held anyway.
 */
export function openLiveCalls(parts: LiveCallsParts): LiveCalls & { close(): void; cutAll(reason: 'drained'): void } {
  const calls = new Set<LiveCall>();

  const stopRevoked = parts.revocations.onRevoked((isRevoked) => {
    for (const call of [...calls]) {
      if (call.credential !== undefined && isRevoked(call.caller, call.credential)) call.cut('revoked');
    }
  });
  const stopPolicy = parts.policy.onChange(() => {
    for (const call of [...calls]) if (call.isStream && !call.stillAllowed()) call.cut('policy');
  });
  const sweep = setInterval(() => {
    const now = parts.clock.now();
    for (const call of [...calls]) {
      const end = call.credential?.expiresAtMs;
      if (call.isStream && end !== undefined && end <= now && call.caller.subject.kind === 'user') call.cut('expired');
    }
  }, SWEEP_MS);
  sweep.unref();

  return {
    add(call) {
      calls.add(call);
      parts.metrics.gauge('fairlead_open_calls', calls.size);
      return () => {
        if (calls.delete(call)) parts.metrics.gauge('fairlead_open_calls', calls.size);
      };
    },
    count: () => calls.size,
    cutAll(reason) {
      for (const call of [...calls]) if (call.isStream) call.cut(reason);
    },
    close() {
      clearInterval(sweep);
      stopRevoked();
      stopPolicy();
    },
  };
}
