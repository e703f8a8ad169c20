import type { AccessRequest, NonEmptyList } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import type { Decision } from '../core/decision.ts';
import type { Problem } from '../core/problem.ts';
import type { Credential } from '../identity/port.ts';
import type { Call, HeaderChanges, LocalAnswer, Operation, ResponsePlan } from '../targets/target.ts';
import type { BoundTarget, Corridor, Incoming } from './port.ts';

/** What each station adds to a call on its way. Every later state holds the earlier ones. */
export interface Entered {
  readonly corridor: Corridor;
  readonly incoming: Incoming;
  readonly decisionId: string;
  readonly startedAtMs: number;
  /** The one thing that changes on the way: whether the record holds a decision, and whether its outcome is written. */
  readonly trail: { isRecorded: boolean; isClosed: boolean };
}

export interface Routed extends Entered {
  readonly kind: 'routed';
  readonly target: BoundTarget;
  readonly operation: Operation;
}

export interface Known extends Routed {
  readonly caller: Caller;
  readonly credential: Credential | undefined;
  readonly disclose: 'rule' | 'none';
}

export interface Classified extends Known {
  readonly call: Call;
  /** The body's bytes as they came, when the corridor had to read them. */
  readonly bytes: Uint8Array | undefined;
  /** Absent when the call's meaning could not be told and the target only observes; `problem` says why. */
  readonly requests: NonEmptyList<AccessRequest> | undefined;
  readonly problem: Problem | undefined;
}

export interface Decided extends Classified {
  readonly decision: Decision;
  readonly attributesRead: Readonly<Record<string, unknown>>;
}

/** A call that goes upstream. */
export interface Forward {
  readonly kind: 'forward';
  readonly decided: Decided;
  readonly changes: HeaderChanges;
  readonly plan: Exclude<ResponsePlan, { kind: 'local' }> | undefined;
}

/** Where the walk ends: an answer from here, or a call that goes upstream. */
export type Passage =
  /** `isPassing`: for a reason of ours that may be gone in a moment. */
  { readonly kind: 'answer'; readonly decisionId: string; readonly answer: LocalAnswer; readonly isPassing: boolean } | Forward;
