import type { AuditEntry, AuditQuery } from '../audit/port.ts';
import type { Decision, RequestDecision } from '../core/decision.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { Credential, Revocation, SessionSummary } from '../identity/port.ts';
import type { NearestRule, PolicyFile, PolicyTestResult } from '../policy/port.ts';
import type { TargetSummary } from './parts.ts';

/** Bodies of the control API as JSON carries them: one statement for the server and for its client. */

/** RFC 9457, with Fairlead's own members. */
export interface ProblemBody {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable code: `NO_RULE`, `BODY_INVALID`. */
  readonly code: string;
  /** `fairlead explain` finds it under this id. */
  readonly decisionId: string;
  readonly hint?: string;
}

export interface LoginExchange {
  readonly code: string;
  readonly verifier: string;
}

export interface SignedInCommand {
  readonly token: string;
  readonly subject: string;
  readonly expiresAtMs: number;
}

export interface WhoAmI {
  readonly subject: string;
  /** Who acts for the subject, if somebody does. */
  readonly actor?: string;
  readonly source: string;
  readonly groups: readonly string[];
  readonly groupsComplete: boolean;
  /** Holds `fairlead.policy.apply`. */
  readonly administrator: boolean;
  readonly credential: { readonly kind: Credential['kind']; readonly expiresAtMs?: number };
}

export interface TokenRequest {
  /** Name of the only target that accepts the token; every target and this API when absent. */
  readonly target?: string;
  readonly ttlSeconds?: number;
  readonly label?: string;
}

export interface MadeToken {
  /** Shown once; only its digest is kept. */
  readonly token: string;
  readonly id: string;
  readonly subject: string;
  readonly expiresAtMs: number;
  readonly target?: Pick<TargetSummary, 'name' | 'kind' | 'origin'>;
}

export interface TokenSummary {
  readonly id: string;
  readonly subject: string;
  readonly label: string;
  /** Targets that accept it; empty means all. */
  readonly targets: readonly string[];
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** A browser's sign-in. */
export interface SessionBody extends Omit<SessionSummary, 'caller'> {
  readonly subject: string;
  readonly source: string;
  /** The one that this call came by, or from which its token was made. */
  readonly isCurrent: boolean;
}

export interface PolicyChecked {
  /** Absent when the files are no policy. */
  readonly revision?: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly tests: readonly PolicyTestResult[];
  readonly activatable: boolean;
}

export interface PolicyApplied extends PolicyChecked {
  readonly applied: boolean;
  /** True when another revision than the expected one was active. */
  readonly conflict: boolean;
}

export interface ActivePolicyBody {
  readonly revision: string;
  readonly files: readonly PolicyFile[];
}

/** `reveal` is for explanations alone, one decision at a time. */
export type DecisionQuery = { readonly [K in keyof Omit<AuditQuery, 'reveal'>]?: AuditQuery[K] | undefined };

export interface DecisionPage {
  /** Own entries of a caller who may not search the record come without rules, clauses and addresses. */
  readonly entries: readonly AuditEntry[];
  readonly cursor?: string;
}

export interface AccessQuery {
  readonly action: string;
  /** Text form of a resource: `prefect/deployments/etl/nightly`. */
  readonly resource: string;
  /** `tags` or `resource.tags`, `request.scheduled`, as conditions name them; JSON integers are ints. */
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** Somebody else: `user:NAME`, `workload:[CLUSTER:]NAMESPACE/NAME`, `agent:NAME`. Without `groups` none of theirs is known. */
  readonly caller?: { readonly subject: string; readonly groups?: readonly string[] };
}

export interface AccessAnswer {
  readonly verdict: Decision['verdict'];
  readonly code: string;
  readonly sentence: string;
  /** Empty for callers who may not ask about others. */
  readonly requests: readonly RequestDecision[];
  readonly nearest: readonly NearestRule[];
}

/** Exactly one of the three names. */
export interface RevocationRequest {
  readonly subject?: string;
  readonly session?: string;
  readonly token?: string;
  /** Refuses later credentials too, until it is lifted. */
  readonly block?: boolean;
}

export type RevocationBody = Revocation;
export type TargetBody = TargetSummary;
