import type { Action } from './access.ts';

export type Verdict = 'allow' | 'hold' | 'deny';
export type Mode = 'enforce' | 'observe';

/** Which stage settled a request (POLICY.md section 2); `admitted` is the continuation of a run admitted earlier. */
export type Tier = 'gate' | 'mesh' | 'cannot' | 'can' | 'must' | 'limits' | 'admitted';

export interface RuleRef {
  readonly file: string;
  /** 1-based line of the rule's name. */
  readonly line: number;
  /** `POLICY/RULE`. */
  readonly name: string;
}

/** One part of a rule held against what was seen. `result` is three-valued: an error resolves against access. */
export interface Clause {
  /** The rule this clause belongs to, `POLICY/RULE`. */
  readonly rule: string;
  /** `who`, `can` (also `cannot`, `must`), `on`, `when`, `unless`. */
  readonly part: 'who' | 'action' | 'on' | 'when' | 'unless';
  /** As written in the file. */
  readonly pattern: string;
  /** What was seen, as safe text; secrets never get here because attributes never hold them. */
  readonly observed: string;
  readonly result: 'true' | 'false' | 'error';
  readonly line: number;
}

export type Obligation =
  | { readonly kind: 'approval'; readonly rule: RuleRef; readonly spec: ObligationSpec }
  | { readonly kind: 'mask'; readonly rule: RuleRef; readonly spec: ObligationSpec }
  | { readonly kind: 'screen'; readonly rule: RuleRef; readonly spec: ObligationSpec }
  | { readonly kind: 'limit'; readonly rule: RuleRef; readonly spec: ObligationSpec }
  | { readonly kind: 'cap'; readonly rule: RuleRef; readonly spec: ObligationSpec }
  | { readonly kind: 'log'; readonly rule: RuleRef; readonly spec: ObligationSpec }
  | { readonly kind: 'fresh'; readonly rule: RuleRef; readonly spec: ObligationSpec };
export type ObligationKind = Obligation['kind'];
export type ObligationSpec = Readonly<Record<string, unknown>>;

export interface RequestDecision {
  readonly action: Action;
  /** Text form of the resource path. */
  readonly resource: string;
  readonly verdict: Verdict;
  readonly tier: Tier;
  readonly code: string;
  readonly rules: readonly RuleRef[];
  /** `ns/name/rule` of each mesh rule that decided. */
  readonly mesh: readonly string[];
  readonly clauses: readonly Clause[];
  /** What rules in `mode: observe` would have done; changes nothing. */
  readonly wouldDeny: readonly RuleRef[];
  readonly moment?: 'before' | 'after';
  readonly impliedBy?: Action;
}

/** Pure result of decide; the pipeline stamps id and times (see `audit/`). */
export interface Decision {
  /** What the rules say. */
  readonly verdict: Verdict;
  /** `observe`: the verdict is recorded and the call goes on all the same. */
  readonly mode: Mode;
  /** `ALLOWED`, `POLICY_DENIED`, `NO_RULE`, `APPROVAL_REQUIRED`, … */
  readonly code: string;
  readonly requests: readonly RequestDecision[];
  readonly obligations: readonly Obligation[];
  /** Digest of the active policy, `sha256:…`. */
  readonly policyRevision: string;
  readonly meshRevision: string;
}

/** How a call ended, as far as this gateway can tell. */
export type Outcome =
  /** The upstream answered. `detail` says what a status does not: a state rejected inside a 200, tokens used. */
  | { readonly kind: 'answered'; readonly status: number; readonly detail?: string }
  /** Nothing left the gateway: denied, held, refused, or answered here. */
  | { readonly kind: 'not_forwarded'; readonly status: number }
  /** The upstream failed or the client left before an answer was complete. */
  | { readonly kind: 'broken'; readonly reason: 'upstream' | 'client' | 'revoked' | 'drained'; readonly status?: number }
  /** Envoy forwarded; only its access log can say what came back. */
  | { readonly kind: 'delegated' }
  /** The process ended before the outcome was known. */
  | { readonly kind: 'unknown' };
