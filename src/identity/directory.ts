import { z } from 'zod';
import { subjectText } from '../core/caller.ts';
import type { Clock, Store } from '../core/ports.ts';
import type { KnownCaller } from './port.ts';

const KIND = 'membership';

const stored = z.strictObject({
  groups: z.array(z.string()),
  complete: z.boolean(),
  seenAtMs: z.number(),
});

/** What each person's groups were at the last sign-in, so that a long-lived program token does not keep groups that were left. */
export interface Directory {
  note(known: KnownCaller): Promise<void>;
  /** The caller with the groups seen after `sinceMs`, if there are any. */
  refreshed(known: KnownCaller, sinceMs: number): Promise<KnownCaller>;
}

export function createDirectory(options: { readonly store: Store; readonly clock: Clock; readonly keepMs: number }): Directory {
  const { store, clock, keepMs } = options;
  return {
    async note(known) {
      const seenAtMs = clock.now();
      await store.put(KIND, keyOf(known), { ...known.membership, seenAtMs }, { expiresAtMs: seenAtMs + keepMs });
    },
    async refreshed(known, sinceMs) {
      const value = await store.get(KIND, keyOf(known));
      if (value === undefined || value === null) return known;
      const { groups, complete, seenAtMs } = stored.parse(value);
      return seenAtMs > sinceMs ? { ...known, membership: { groups, complete } } : known;
    },
  };
}

function keyOf(known: KnownCaller): string {
  return `${known.source}/${subjectText(known.subject)}`;
}
