import type { OperationClass } from '../core/access.ts';
import type { Decision, Outcome, Verdict } from '../core/decision.ts';

/** Search of the record. It runs on a thread and a read connection of its own, so a blocked writer never blocks it. */
export interface AuditSearch {
  /** Newest first. What was recorded before the call is found, also what is still in memory. */
  search(query: AuditQuery): Promise<AuditPage>;
  /**
   * The decision or refusal with this id, with its outcome; undefined when the record does not hold it.
   * `reveal` opens what the decision read; pass it for administrators alone.
   */
  get(decisionId: string, options?: { readonly reveal?: boolean }): Promise<AuditEntry | undefined>;
}

/** Each part narrows; an empty query is everything. Outcomes are never entries of a page: they stand with their decision. */
export interface AuditQuery {
  /** Exact text, as `callerText` writes it: `user:ada@acme.com`, `agent:x for user:y`. */
  readonly caller?: string;
  /** Exact action: `prefect.deployment.run`. */
  readonly action?: string;
  /** A resource or what is below it, in the text form of a path: `prefect/deployments/etl`. */
  readonly resource?: string;
  readonly verdict?: Verdict;
  readonly target?: string;
  /** Inclusive, milliseconds since the epoch. */
  readonly sinceMs?: number;
  /** Exclusive, milliseconds since the epoch. */
  readonly untilMs?: number;
  readonly decisionId?: string;
  /** From the page before. Refused with AUDIT_CURSOR_INVALID when it is not one. */
  readonly cursor?: string;
  /** 1 to 500; 50 when absent. */
  readonly limit?: number;
  /** Opens sealed attributes; pass it for administrators alone. */
  readonly reveal?: boolean;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /**
   * Present when older entries may match. A page looks at a bounded part of the record, so that it may hold fewer entries than
   * asked for, even none, and still have a cursor.
   */
  readonly cursor?: string;
}

export type AuditEntry = DecisionEntry | RefusalEntry | EventEntry | OutcomeEntry | GapEntry;

interface EntryHead {
  /** Place in the record; grows by time of writing. */
  readonly seq: number;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  /** Members of the canonical entry that were cut to keep it within its size: `decision.requests`. Empty as a rule. */
  readonly truncated: readonly string[];
}

/** How often the same thing happened, when one entry stands for several calls. */
export interface Fold {
  readonly count: number;
  readonly lastTimeMs: number;
  /** Ids of the first calls that it stands for, without its own; `get` finds the entry by each. */
  readonly ids: readonly string[];
  /** Outcomes seen while it was open: `200` -> 12, `broken:client` -> 1. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** True when the calls had only caller, verdict and code in common: what they were about is that of the first alone. */
  readonly isMixed?: boolean;
}

export interface DecisionEntry extends EntryHead {
  readonly type: 'decision.v1';
  readonly target: string;
  readonly door: string;
  readonly class: OperationClass;
  readonly caller: string;
  readonly source: string;
  readonly peer: string;
  readonly method: string;
  readonly path: string;
  readonly operation: string;
  /** `clauses[].observed` is the empty string unless revealed. */
  readonly decision: Decision;
  /** What the decision read; undefined unless revealed, or when the key that sealed it is gone. */
  readonly attributes: Readonly<Record<string, unknown>> | undefined;
  readonly traceparent?: string;
  readonly spiffe?: string;
  readonly fold?: Fold;
  /** Absent while the call is under way, for folded entries, and when the outcome was lost. */
  readonly outcome?: OutcomeSummary;
}

export interface OutcomeSummary {
  readonly outcome: Outcome;
  readonly timeMs: number;
  readonly durationMs: number;
}

export interface RefusalEntry extends EntryHead {
  readonly type: 'refusal.v1';
  readonly target: string;
  readonly door: string;
  /** Address of the source; `*` when there were too many to tell apart. IPv6 is folded by /64. */
  readonly peer: string;
  readonly code: string;
  readonly status: number;
  readonly method?: string;
  readonly path?: string;
  readonly fold?: Fold;
}

export interface EventEntry extends EntryHead {
  readonly type: 'event.v1';
  /** `policy.applied`, `audit.retention`; the word of the room that made it. */
  readonly event: string;
  readonly caller: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/** Only from `get`, for an outcome whose decision is not in the record any more. */
export interface OutcomeEntry extends EntryHead, OutcomeSummary {
  readonly type: 'outcome.v1';
}

/** Entries that were not kept, by kind and number: the record never has a silent hole. */
export interface GapEntry extends EntryHead {
  readonly type: 'gap.v1';
  readonly lost: Readonly<Record<string, number>>;
  readonly untilMs: number;
}
