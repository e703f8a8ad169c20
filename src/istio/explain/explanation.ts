import type { MtlsMode, Place, PolicyAction, ProxyKind } from '../objects.ts';
import type { ProfileName } from '../profile.ts';
import type { Verdict } from '../verdict.ts';

/** Why one proxy answers one request as it does. All of it is data: the shape of `fairlead istio explain -o json`. */
export interface Explanation {
  readonly target: ExplainedTarget;
  readonly profile: ProfileName;
  readonly transport: 'http' | 'tcp';
  /** As `istio eval` answers; `unknown` where an external authoriser decides that nobody asked. */
  readonly verdict: Verdict;
  readonly decided: Decider;
  /** Rules of enforced steps that match, in the order in which the proxy asks them. */
  readonly matches: readonly RuleReport[];
  /** ALLOW policies that are attached: with one of them, what no rule allows is denied. */
  readonly allowPolicies: readonly PolicyReport[];
  /** ALLOW rules that do not match, the nearest first; empty when one matches. */
  readonly nearest: readonly RuleReport[];
  /** Who else may be asked, and what then; empty when no CUSTOM rule matches. */
  readonly custom: readonly CustomReport[];
  readonly token: TokenReport | undefined;
  readonly dryRun: DryRunReport | undefined;
  readonly mtls: MtlsReport;
  /** The path as sent, where the proxy matches and forwards another. */
  readonly sentPath: string | undefined;
  /** What the files lost on the way to the proxy, and what is uncertain. */
  readonly notes: readonly Note[];
}

export interface ExplainedTarget {
  readonly title: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly proxy: ProxyKind;
  readonly port: number;
  readonly place: Place | undefined;
}

/** What ended the walk. */
export type Decider =
  /** The proxy refuses the request before any policy. */
  | 'proxy'
  /** The connection does not come to be: strict mTLS, and no client certificate. */
  | 'mtls'
  | 'custom'
  /** A CUSTOM policy whose provider cannot be used denies what it matches. */
  | 'broken-custom'
  | 'token'
  | 'deny-rule'
  | 'allow-rule'
  | 'no-allow-rule'
  | 'no-allow-policy'
  | 'unknown';

export interface PolicyReport {
  /** `ns/name`. */
  readonly policy: string;
  readonly place: Place;
  readonly dryRun: boolean;
}

export interface RuleReport extends PolicyReport {
  readonly action: PolicyAction;
  /** Index in `spec.rules`; -1 when the policy has none. */
  readonly rule: number;
  /** As Envoy names it. */
  readonly id: string;
  /** The one that Envoy writes into its log. */
  readonly logged: boolean;
  /** The terms that held. */
  readonly held: readonly TermReport[];
  /** The terms that did not, of the branch that comes nearest. */
  readonly lacking: readonly TermReport[];
}

export interface TermReport {
  /** `from[0].source.principals`. */
  readonly field: string;
  readonly place: Place;
  readonly wanted: readonly string[];
  /** Undefined: the request has none. */
  readonly observed: string | undefined;
  readonly negated: boolean;
}

export interface CustomReport {
  readonly provider: string;
  /** `service:port`. */
  readonly asks: string;
  readonly rules: readonly RuleReport[];
  /** What the answer is if the authoriser allows, and if it denies; undefined for an answer that was given. */
  readonly branches: { readonly allowed: Verdict; readonly denied: Verdict } | undefined;
}

export interface TokenReport {
  /** `ns/name` of the RequestAuthentication that refuses. */
  readonly policy: string;
  readonly place: Place;
  readonly issuer: string;
  readonly why: string;
}

export interface DryRunReport {
  readonly rules: readonly RuleReport[];
  /** The answer if all dry-run policies were enforced. */
  readonly ifEnforced: Verdict;
}

export interface MtlsReport {
  readonly mode: Exclude<MtlsMode, 'UNSET'>;
  /** The PeerAuthentication that says so; undefined for Istio's default. */
  readonly policy: string | undefined;
  readonly place: Place | undefined;
  /** What that does to this request. */
  readonly effect: 'none' | 'refused' | 'identity-ignored';
}

export interface Note {
  readonly code: NoteCode;
  readonly text: string;
  readonly place: Place | undefined;
}

/** Stable words of notes. */
export type NoteCode = 'target' | 'assumed' | 'dropped-term' | 'vanished-rule' | 'validation';
