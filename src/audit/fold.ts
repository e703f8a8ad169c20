import type { Outcome } from '../core/decision.ts';
import type { Fold } from './port.ts';

export interface FoldTableOptions<R> {
  readonly windowMs: number;
  /** Folds open at once; `add` yields false beyond it. */
  readonly maxOpen: number;
  /** Folds open at once in one group. */
  readonly maxOfGroup?: number;
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
  readonly group: string | undefined;
  readonly isMixed: boolean;
}

/** Where a call is folded: with those of the same key. A group is the many keys of one source, and has a bound of its own. */
export interface FoldPlace {
  readonly key: string;
  readonly group?: string;
  /** Calls of this key may differ in what they were about; the entry says so. */
  readonly isMixed?: boolean;
  /** For the few keys that stand for all the rest: folded though there is no room. */
  readonly isForced?: boolean;
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
  readonly #ofGroup = new Map<string, number>();
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
    this.#start({ key }, nowMs);
  }

  /** False when there is no room to fold. */
  add(place: FoldPlace, record: R, nowMs: number): boolean {
    const fold = this.#open.get(place.key) ?? (this.#hasRoom(place) ? this.#start(place, nowMs) : undefined);
    if (fold === undefined) return false;
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
      this.#end(key, fold);
      if (fold.record !== undefined) this.#options.onClose(fold.record, foldOf(fold));
    }
  }

  #hasRoom({ group, isForced = false }: FoldPlace): boolean {
    const { maxOpen, maxOfGroup = maxOpen } = this.#options;
    if (isForced) return true;
    return this.#open.size < maxOpen && (group === undefined || (this.#ofGroup.get(group) ?? 0) < maxOfGroup);
  }

  #start({ key, group, isMixed = false }: FoldPlace, nowMs: number): OpenFold<R> {
    const counts = { count: 0, lastTimeMs: 0, ids: [], outcomes: new Map() };
    const fold = { ...counts, openedMs: nowMs, record: undefined, group, isMixed };
    this.#open.set(key, fold);
    if (group !== undefined) this.#ofGroup.set(group, (this.#ofGroup.get(group) ?? 0) + 1);
    return fold;
  }

  #end(key: string, { group }: OpenFold<R>): void {
    this.#open.delete(key);
    if (group === undefined) return;
    const left = (this.#ofGroup.get(group) ?? 0) - 1;
    if (left > 0) this.#ofGroup.set(group, left);
    else this.#ofGroup.delete(group);
  }

  #remember(id: string, fold: OpenFold<R>): void {
    this.#recent.set(id, fold);
    if (this.#recent.size < MAX_REMEMBERED) return;
    this.#older = this.#recent;
    this.#recent = new Map();
  }
}

function foldOf(fold: OpenFold<unknown>): Fold | undefined {
  const { count, lastTimeMs, ids, outcomes, isMixed } = fold;
  if (count === 1 && outcomes.size === 0) return undefined;
  return { count, lastTimeMs, ids, outcomes: Object.fromEntries(outcomes), ...(isMixed && count > 1 ? { isMixed } : {}) };
}

/** `200`, `not_forwarded:403`, `broken:client`. */
function outcomeKind(outcome: Outcome): string {
  if (outcome.kind === 'answered') return String(outcome.status);
  if (outcome.kind === 'not_forwarded') return `${outcome.kind}:${outcome.status}`;
  return outcome.kind === 'broken' ? `${outcome.kind}:${outcome.reason}` : outcome.kind;
}
