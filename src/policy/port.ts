import type { AccessRequest, Action, NonEmptyList } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import type { BodyMode, Catalogue } from '../core/catalogue.ts';
import type { Clause, Decision, Mode, Obligation, RuleRef, Verdict } from '../core/decision.ts';

/** A file as somebody else read it; `path` is what diagnostics and records show. */
export interface PolicyFile {
  readonly path: string;
  readonly text: string;
}

/** What names in policies may refer to: comes from the configuration and from the adapters. */
export interface Vocabulary {
  readonly targets: readonly { readonly name: string; readonly kind: string }[];
  readonly catalogues: readonly Catalogue[];
  readonly sources: readonly { readonly name: string; readonly home: boolean }[];
  /** `who` texts of the configuration; they hold `fairlead.*`. */
  readonly administrators: readonly string[];
}

/** A loaded policy: every rule checked and compiled. Immutable. */
export interface PolicySet {
  /** `sha256:…` over all files (by path) and the administrators. */
  readonly revision: string;
  readonly rules: readonly Rule[];
  readonly tests: readonly PolicyTestCase[];
  readonly files: readonly PolicyFile[];
  /** Implied action -> the actions that bring it along. */
  readonly implied: ReadonlyMap<Action, readonly Action[]>;
  /** Target name -> method id -> how its body is read; a method that is not listed counts as opaque. */
  readonly bodies: ReadonlyMap<string, ReadonlyMap<string, BodyMode>>;
}

export type Verb = 'can' | 'cannot' | 'must';

export interface Rule {
  readonly ref: RuleRef;
  readonly owner?: string;
  readonly verb: Verb;
  readonly mode: Mode;
  readonly who: readonly Who[];
  readonly actions: ActionSet;
  readonly on: readonly ResourcePattern[];
  readonly when?: Condition;
  readonly unless?: Condition;
  /** Only in `must` rules; `require` inside a `can` is a `must` rule of its own with the same reference. */
  readonly require: readonly Obligation[];
  /** `sha256:…` of the rule's meaning; approvals bind to it. */
  readonly digest: string;
}

/** One entry of a `who` list. */
export interface Who {
  readonly text: string;
  readonly line: number;
  readonly form: WhoForm;
}

/** Exact text, `prefix*`, `*suffix` or `*` (anything that is not empty). */
export type TextPattern =
  | { readonly kind: 'exact'; readonly text: string }
  | { readonly kind: 'prefix'; readonly text: string }
  | { readonly kind: 'suffix'; readonly text: string }
  | { readonly kind: 'any' };

/** A form that names one party. */
export type PartyForm =
  | { readonly kind: 'user'; readonly name: TextPattern }
  | { readonly kind: 'group'; readonly name: string }
  /** Without a cluster: of the home source. */
  | {
      readonly kind: 'workload';
      readonly cluster?: TextPattern;
      readonly namespace: TextPattern;
      readonly serviceAccount: TextPattern;
    }
  /** The pattern is over what follows `spiffe://`, as in Istio's `principals`. */
  | { readonly kind: 'spiffe'; readonly id: TextPattern }
  | { readonly kind: 'agent'; readonly name: TextPattern }
  | { readonly kind: 'anyone' }
  | { readonly kind: 'anonymous' };

export type WhoForm =
  | PartyForm
  | { readonly kind: 'for'; readonly actor: PartyForm; readonly subject: PartyForm }
  | { readonly kind: 'all'; readonly of: NonEmptyList<WhoForm> };

/** The actions of a rule, as written and as resolved against the catalogues. */
export interface ActionSet {
  readonly patterns: readonly { readonly text: string; readonly line: number }[];
  /** Names that are matched literally, bundles and closed wildcards expanded. */
  readonly names: ReadonlySet<Action>;
  /** `prefect.` for `prefect.*`: everything below matches (`cannot`, `must`); the empty string is `*`. */
  readonly prefixes: readonly string[];
}

export type SegmentPattern = TextPattern | { readonly kind: 'deep' };

export interface ResourcePattern {
  readonly text: string;
  readonly line: number;
  readonly segments: readonly SegmentPattern[];
}

export type Truth = 'true' | 'false' | 'error';

export interface Condition {
  readonly text: string;
  readonly line: number;
  evaluate(scope: ConditionScope): Truth;
}

/** What conditions read during one evaluation, and what they have read so far. */
export interface ConditionScope {
  /** `resource.tags` -> value, in JSON terms. */
  readonly attributesRead: Record<string, unknown>;
}

/* Obligation specs: what `Obligation.spec` holds for each kind. JSON-safe. */

export interface ApprovalSpec {
  /** `who` texts; read them with `parseWho`. */
  readonly from: readonly string[];
  readonly count: number;
  /** How long an approval serves the same digest; absent: once. */
  readonly forMs?: number;
  /** Body fields that the digest leaves out. */
  readonly unbound: readonly string[];
}
export interface MaskSpec {
  readonly fields: readonly string[];
  readonly direction: 'request' | 'response' | 'both';
}
export interface ScreenSpec {
  readonly detectors: readonly string[];
  readonly action: 'deny' | 'mask' | 'log';
}
export interface LimitSpec {
  readonly unit: 'requests' | 'tokens' | 'cost';
  readonly amount: number;
  readonly perMs: number;
  /** What has a counter of its own; `rule`: one for everybody. */
  readonly by: 'caller' | 'subject' | 'actor' | 'resource' | 'rule';
}
export interface CapSpec {
  readonly fields: Readonly<Record<string, CapBound>>;
}
export interface CapBound {
  readonly max?: number;
  readonly min?: number;
  readonly force?: string | number | boolean;
}
export interface LogSpec {
  readonly bodies: 'none' | 'hashed' | 'sealed';
  readonly durability: 'async' | 'durable';
}
export interface FreshSpec {
  readonly withinMs: number;
}

/** Why a request got its verdict; `decide/` adds codes of other tiers. */
export type PolicyCode =
  /** A `can` rule grants it and no `must` holds it. */
  | 'ALLOWED'
  /** No `can` rule grants it. */
  | 'NO_RULE'
  /** A `cannot` rule refuses it, or its condition could not be evaluated. */
  | 'RULE_DENIED'
  /** A `must` rule asks for an approval. */
  | 'APPROVAL_REQUIRED'
  /** `cap`, `mask` or `screen` applies and the method's body is not read. */
  | 'BODY_OPAQUE'
  /** Two rules force different values of one field. */
  | 'OBLIGATION_CONFLICT';

export interface EvaluationInput {
  readonly caller: Caller;
  readonly request: AccessRequest;
  readonly now: Date;
}

export interface NearestRule {
  readonly rule: RuleRef;
  readonly failing: readonly Clause[];
  /** ``needs group `data-engineers` ``; several joined by `; `. */
  readonly missing: string;
  /** The policy's owner, whom to ask. */
  readonly ask?: string;
}

export interface PolicyTestCase {
  /** `TEST/CASE` with file and line. */
  readonly ref: RuleRef;
  readonly caller: Caller;
  readonly requests: NonEmptyList<AccessRequest>;
  readonly now?: Date;
  readonly expect: PolicyTestExpectation;
}

export interface PolicyTestExpectation {
  readonly verdict: Verdict;
  /** `POLICY/RULE` that must be among the deciding rules. */
  readonly rule?: string;
  readonly code?: string;
}

export interface PolicyTestResult {
  readonly test: RuleRef;
  readonly passed: boolean;
  /** What differed, one sentence; empty when passed. */
  readonly message: string;
  readonly decision: Decision;
}

/** The running gateway's policy. */
export interface ActivePolicy {
  current(): PolicySet;
  onChange(listener: (policy: PolicySet) => void): () => void;
}
