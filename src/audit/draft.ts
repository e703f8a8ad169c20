import type { CanonicalObject } from './canonical.ts';

/** An entry bundle of a tiled log counts bytes in 16 bits (c2sp.org/tlog-tiles), and entries are to become its leaves. */
export const MAX_ENTRY_BYTES = 65_535;

export type EntryType = 'decision.v1' | 'outcome.v1' | 'refusal.v1' | 'event.v1' | 'gap.v1';

/** An entry before its text is fixed. */
export interface Draft {
  readonly type: EntryType;
  readonly entry: CanonicalObject;
  /** What is kept sealed beside it: attributes that the decision read, and the values its clauses saw. */
  readonly secret?: CanonicalObject;
}
