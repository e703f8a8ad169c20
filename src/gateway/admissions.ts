import type { Clock, Log, Store } from '../core/ports.ts';
import type { AdmissionTable } from './port.ts';

/** After its end a run still sends its last logs and events. */
const GRACE_MS = 10 * 60 * 1000;
/** A run that is never seen to end stops being admitted after this. */
const LIFETIME_MS = 14 * 24 * 60 * 60 * 1000;
/** Runs remembered per target and caller; the oldest go first. */
const MAX_KEYS = 10_000;
const KIND = 'admission';

/** Held with any admission: calls that name no run but that every run makes. */
const ANY = 'any-flow-run';
const EARLIER = 'earlier:';

interface Admission {
  readonly expiresAtMs: number;
  /** Number of changes of policy that came before; -1 for one of an earlier process, since then policy may have changed. */
  readonly era: number;
}

export interface AdmissionParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: { onChange(listener: () => void): unknown };
}

/**
 * Which caller was let in for which run. Kept in the store, so that a restart with a changed policy breaks no run either.
 * Reads come from memory; writes are queued and never hold a call up: what a crash loses is an admission of the last instant,
 * and the run's next allowed call admits it again.
 */
export async function openAdmissions(parts: AdmissionParts): Promise<AdmissionTable> {
  const held = new Map<string, Map<string, Admission>>();
  let era = 0;
  parts.policy.onChange(() => {
    era += 1;
  });
  for (const stored of await parts.store.list(KIND)) {
    const { holder, key } = stored.value as { holder: string; key: string };
    keysOf(held, holder).set(key, { expiresAtMs: stored.expiresAtMs ?? parts.clock.now() + LIFETIME_MS, era: -1 });
  }

  const save = (holder: string, key: string, expiresAtMs: number): void => {
    parts.store.put(KIND, `${holder}\n${key}`, { holder, key }, { expiresAtMs }).catch((error: unknown) => {
      parts.log.warn('admission_not_saved', { error: String(error) });
    });
  };

  return {
    held(target, caller, keys) {
      if (keys.length === 0) return NONE;
      const own = held.get(`${target}\n${caller}`);
      if (own === undefined) return NONE;
      const now = parts.clock.now();
      const found = new Set<string>();
      for (const key of keys) {
        const before = key.startsWith(EARLIER) ? era : Number.POSITIVE_INFINITY;
        const plain = key.startsWith(EARLIER) ? key.slice(EARLIER.length) : key;
        if (plain === ANY ? hasLive(own, now, before) : isLive(own.get(plain), now, before)) found.add(key);
      }
      return found;
    },
    admit(target, caller, keys) {
      const holder = `${target}\n${caller}`;
      const own = keysOf(held, holder);
      const now = parts.clock.now();
      const expiresAtMs = now + LIFETIME_MS;
      for (const key of keys) {
        // A run that was over and begins anew is admitted anew.
        const isFresh = (own.get(key)?.expiresAtMs ?? 0) > now + LIFETIME_MS / 2;
        if (key === ANY || key.startsWith(EARLIER) || isFresh) continue;
        own.delete(key);
        own.set(key, { expiresAtMs, era });
        save(holder, key, expiresAtMs);
        if (own.size > MAX_KEYS) own.delete(own.keys().next().value ?? key);
      }
    },
    end(target, keys) {
      const expiresAtMs = parts.clock.now() + GRACE_MS;
      for (const [holder, own] of held) {
        if (!holder.startsWith(`${target}\n`)) continue;
        for (const key of keys) {
          const one = own.get(key);
          if (one === undefined || one.expiresAtMs <= expiresAtMs) continue;
          own.set(key, { ...one, expiresAtMs });
          save(holder, key, expiresAtMs);
        }
      }
    },
  };
}

const NONE: ReadonlySet<string> = new Set();

function keysOf(held: Map<string, Map<string, Admission>>, holder: string): Map<string, Admission> {
  let own = held.get(holder);
  if (own === undefined) {
    own = new Map();
    held.set(holder, own);
  }
  return own;
}

function isLive(one: Admission | undefined, now: number, before: number): boolean {
  return one !== undefined && one.expiresAtMs > now && one.era < before;
}

function hasLive(own: Map<string, Admission>, now: number, before: number): boolean {
  for (const [key, one] of own) {
    if (isLive(one, now, before)) return true;
    if (one.expiresAtMs <= now) own.delete(key);
  }
  return false;
}
