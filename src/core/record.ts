import type { OperationClass } from './access.ts';
import type { Decision, Outcome } from './decision.ts';

/** What the pipeline hands to the recorder. `audit/` turns it into the canonical, versioned entry. */
export interface DecisionRecord {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  readonly target: string;
  readonly door: string;
  readonly class: OperationClass;
  /** `agent:x for user:y`. */
  readonly caller: string;
  readonly source: string;
  /** Remote address of the connection. */
  readonly peer: string;
  readonly method: string;
  /** Normalised path without the query. */
  readonly path: string;
  /** The catalogue method. */
  readonly operation: string;
  readonly decision: Decision;
  /** Attributes that the decision read, sealed with the record: `resource.tags` -> value. */
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly traceparent?: string;
  readonly spiffe?: string;
}

/** A refusal before anybody could be named: malformed, forged, unknown host. Never holds what was refused. */
export interface RefusalRecord {
  readonly id: string;
  readonly timeMs: number;
  readonly target: string;
  readonly door: string;
  readonly peer: string;
  readonly code: string;
  readonly status: number;
  /** Present when the caller was proved and the call itself was at fault. */
  readonly caller?: string;
  readonly method?: string;
  readonly path?: string;
}

/** Something that happened to the gateway itself: a policy applied, a revocation, a sign-in, a search of this record. */
export interface EventRecord {
  readonly id: string;
  readonly timeMs: number;
  readonly type: string;
  readonly caller: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

export interface OutcomeRecord {
  readonly id: string;
  readonly timeMs: number;
  readonly outcome: Outcome;
  readonly durationMs: number;
}

/**
 * The record. `decision` resolves at once for classes kept in memory (written within 1 s) and when the entry is fsynced for
 * durable ones; it rejects with a Problem `AUDIT_UNAVAILABLE` when that cannot be promised.
 */
export interface Recorder {
  decision(record: DecisionRecord): Promise<void>;
  refusal(record: RefusalRecord): void;
  event(record: EventRecord): Promise<void>;
  outcome(record: OutcomeRecord): void;
}
