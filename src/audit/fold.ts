import type { Outcome } from '../core/decision.ts';
import type { Fold } from './port.ts';

export interface FoldTableOptions<R> {
  readonly windowMs: number;
  /** Folds open at once; `add` yields false beyond it. */
  readonly maxOpen: number;
  /** A window has ended. `fold` is absent when it stands for one call alone. */
  onClose(record: R, fold: Fold | undefined): void;
}

interface OpenFold<R> {
  readonly openedMs: number;
  record: R | undefined;
  count: number;
  lastTimeMs: number;
  readonly ids: string[];
  readonly outcomes: Map<string, number>;
}

/** Ids that an entry names, and kinds of outcomes that it counts, beside its own. */
const MAX_IDS = 63;
const MAX_OUTCOMES = 16;
/** Ids that are remembered as folded, so that their outcomes join the fold or are known to need no entry. */
const MAX_REMEMBERED = 20_000;

/** Calls of one kind within a window become one entry with a count. Bounded in every way, whatever comes. */
export class FoldTable<R extends { readonly id: string; readonly timeMs: number }> {
  readonly #options: FoldTableOptions<R>;
  readonly #open = new Map<string, OpenFold<R>>();
  #recent = new Map<string, OpenFold<R>>();
  #older = new Map<string, OpenFold<R>>();

  constructor(options: FoldTableOptions<R>) {
    this.#options = options;
  }

  has(key: string): boolean {
    return this.#open.has(key);
  }

  /** Opens a window without a call in it: the first was written on its own, and those that follow are to be folded. */
  begin(key: string, nowMs: number): void {
    if (this.#open.has(key) || this.#open.size >= this.#options.maxOpen) return;
    this.#open.set(key, { openedMs: nowMs, record: undefined, count: 0, lastTimeMs: nowMs, ids: [], outcomes: new Map() });
  }

  /** False when there is no room to fold; `isForced` is for the few keys that stand for all the rest. */
  add(key: string, record: R, nowMs: number, isForced = false): boolean {
    let fold = this.#open.get(key);
    if (fold === undefined) {
      if (this.#open.size >= this.#options.maxOpen && !isForced) return false;
      fold = { openedMs: nowMs, record: undefined, count: 0, lastTimeMs: record.timeMs, ids: [], outcomes: new Map() };
      this.#open.set(key, fold);
    }
    if (fold.record === undefined) fold.record = record;
    else if (fold.ids.length < MAX_IDS) fold.ids.push(record.id);
    fold.count += 1;
    fold.lastTimeMs = Math.max(fold.lastTimeMs, record.timeMs);
    this.#remember(record.id, fold);
    return true;
  }

  /** True when the call was folded: its outcome is counted while the window is open, and has no entry of its own. */
  outcome(id: string, outcome: Outcome): boolean {
    const fold = this.#recent.get(id) ?? this.#older.get(id);
    if (fold === undefined) return false;
    const kind = outcomeKind(outcome);
    if (fold.outcomes.has(kind) || fold.outcomes.size < MAX_OUTCOMES) fold.outcomes.set(kind, (fold.outcomes.get(kind) ?? 0) + 1);
    return true;
  }

  /** Closes the windows that have ended; all of them when `nowMs` is absent. */
  close(nowMs?: number): void {
    for (const [key, fold] of this.#open) {
      // Windows stand in the order in which they were opened.
      if (nowMs !== undefined && nowMs - fold.openedMs < this.#options.windowMs) return;
      this.#open.delete(key);
      if (fold.record !== undefined) this.#options.onClose(fold.record, foldOf(fold));
    }
  }

  #remember(id: string, fold: OpenFold<R>): void {
    this.#recent.set(id, fold);
    if (this.#recent.size < MAX_REMEMBERED) return;
    this.#older = this.#recent;
    this.#recent = new Map();
  }
}

function foldOf(fold: OpenFold<unknown>): Fold | undefined {
  if (fold.count === 1 && fold.outcomes.size === 0) return undefined;
  return { count: fold.count, lastTimeMs: fold.lastTimeMs, ids: fold.ids, outcomes: Object.fromEntries(fold.outcomes) };
}

/** `200`, `not_forwarded:403`, `broken:client`. */
function outcomeKind(outcome: Outcome): string {
  if (outcome.kind === 'answered') return String(outcome.status);
  if (outcome.kind === 'not_forwarded') return `${outcome.kind}:${outcome.status}`;
  return outcome.kind === 'broken' ? `${outcome.kind}:${outcome.reason}` : outcome.kind;
}
