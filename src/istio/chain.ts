import type { Matcher } from './matcher.ts';
import type { AuthorizationPolicy, ExtensionProvider, PathNormalization, RequestAuthentication, WorkloadRef } from './objects.ts';
import type { Profile } from './profile.ts';

/** What one proxy enforces on one kind of connection, in the order in which it does. */
export interface Chain {
  readonly transport: 'http' | 'tcp';
  readonly workload: WorkloadRef;
  readonly profile: Profile;
  readonly normalization: PathNormalization;
  /** In the order of the filters (provider names sorted). */
  readonly custom: readonly CustomStep[];
  /** CUSTOM policies that became enforced DENY rules because their provider cannot be used. One filter each, before `jwt`. */
  readonly badCustom: readonly RbacStep[];
  /** Sorted by issuer; empty when none is attached. HTTP only. */
  readonly jwt: readonly JwtStepRule[];
  readonly audit: RbacStep | undefined;
  readonly deny: RbacStep | undefined;
  /** Undefined when no ALLOW policy is attached; without enforced rules but with a policy it denies everything. */
  readonly allow: RbacStep | undefined;
}

export interface RbacStep {
  readonly action: 'ALLOW' | 'DENY' | 'AUDIT';
  /** False when only dry-run policies are in it: then nothing is enforced, not even the default denial. */
  readonly enforced: boolean;
  /** Sorted by id as Envoy does: the first that matches is the one that it logs. */
  readonly rules: readonly CompiledRule[];
  readonly dryRun: readonly CompiledRule[];
  /** Rules that the translation lost, dry-run ones too. */
  readonly vanished: readonly VanishedRule[];
}

export interface CustomStep {
  readonly provider: ExtensionProvider;
  readonly rules: readonly CompiledRule[];
  readonly vanished: readonly VanishedRule[];
}

/** One rule of one policy as the proxy has it. */
export interface CompiledRule {
  /** `ns[foo]-policy[name]-rule[0]`, with the provider's prefix on CUSTOM rules. */
  readonly id: string;
  readonly policy: AuthorizationPolicy;
  /** Index in `policy.rules`; -1 for the never-matching rule of an ALLOW policy without rules. */
  readonly index: number;
  readonly permissions: Matcher;
  readonly principals: Matcher;
  /** Terms that the translation lost or widened, in words, for explanation and lint. */
  readonly dropped: readonly DroppedTerm[];
}

/** A rule of a policy that the proxy does not have: an unknown key, or an ALLOW rule with a term that cannot be translated. */
export interface VanishedRule {
  readonly id: string;
  readonly policy: AuthorizationPolicy;
  readonly index: number;
  readonly dropped: readonly DroppedTerm[];
}

export interface DroppedTerm {
  /** Field path in the policy, as steps. */
  readonly path: readonly (string | number)[];
  readonly reason: 'http-only' | 'bad-cidr' | 'bad-port' | 'bad-key' | 'unknown-key';
}

export interface JwtStepRule {
  readonly source: RequestAuthentication;
  /** Index in `source.jwtRules`. */
  readonly index: number;
}
