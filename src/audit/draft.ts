/** An entry bundle of a tiled log counts bytes in 16 bits (c2sp.org/tlog-tiles), and entries are to become its leaves. */
export const MAX_ENTRY_BYTES = 65_535;

export type EntryType = 'decision.v1' | 'outcome.v1' | 'refusal.v1' | 'event.v1' | 'gap.v1';

/** An entry in its canonical text, but for the digest of its sealed part. */
export interface Draft {
  readonly type: EntryType;
  /** What comes before the member `sealed`. */
  readonly head: string;
  /** What comes after it; empty when the entry can have none. */
  readonly tail: string;
  /** Canonical text of what is kept sealed beside it: attributes that the decision read, and the values its clauses saw. */
  readonly secret?: string;
}

/** The entry's one text. `sealed` is the digest of its sealed part. */
export function entryText({ head, tail }: Pick<Draft, 'head' | 'tail'>, sealed?: string): string {
  return sealed === undefined ? head + tail : `${head}"sealed":"${sealed}",${tail}`;
}
