import type { RequestFacts } from '../facts.ts';
import type { Place, WorkloadRef } from '../objects.ts';
import type { ProfileName } from '../profile.ts';
import type { Verdict } from '../verdict.ts';

/** What changed between two sets of mesh objects, for callers. */
export interface DiffResult {
  readonly profile: ProfileName;
  /** HTTP before plain TCP, what is rare last; gained, lost, changed; what concerns most workloads first. */
  readonly findings: readonly Finding[];
  /** Changes that no verdict hangs on, and what the comparison leaves out. */
  readonly notes: readonly Note[];
  /** Why the search did not cover everything, in words; empty when it did. */
  readonly bounds: readonly string[];
  readonly compared: {
    /** Kinds of workloads, each with one set of attached policies. */
    readonly workloads: number;
    /** Of those, the ones whose attached policies differ. */
    readonly different: number;
    readonly searches: number;
    readonly steps: number;
    /** Found requests for which both evaluations did not say what the search had found; left out. */
    readonly unconfirmed: number;
  };
}

export type Change = 'lost' | 'gained' | 'changed';

/** One kind of request that is answered differently. */
export interface Finding {
  readonly change: Change;
  readonly transport: 'http' | 'tcp';
  readonly workloads: readonly Subject[];
  /** The callers, in words: `service account shop/web`. */
  readonly callers: string;
  /** The requests, in words: `GET /orders/*`. */
  readonly requests: string;
  readonly before: SideOutcome;
  readonly after: SideOutcome;
  readonly example: Example;
  /** Something that the request needs and that is rare, in words. */
  readonly rare: string | undefined;
}

/** A workload, or the workloads that a selector would select. */
export interface Subject {
  /** `Deployment shop/cart`. */
  readonly title: string;
  readonly ref: WorkloadRef;
  /** How `fairlead istio explain` is told of it: `--to`, `-n`, `--proxy`. */
  readonly target: readonly string[];
  /** Who stands in the files; otherwise it stands for what a policy selects. */
  readonly isKnown: boolean;
}

export interface SideOutcome {
  readonly class: OutcomeClass;
  /** `allowed`, `refused with 403`, `decided by provider opa`. */
  readonly text: string;
  readonly verdict: Verdict;
  /** What decided, with its place. */
  readonly because: readonly Reason[];
}

/** What tells outcomes apart. `asks` hangs on an external authoriser. */
export type OutcomeClass = 'allowed' | 'asks' | 'refused' | 'unauthenticated' | 'audience' | 'transport' | 'rejected' | 'unknown';

export interface Reason {
  /** `AuthorizationPolicy shop/web rule 2`, or why no rule is the reason. */
  readonly text: string;
  /** Undefined when it stands in no file. */
  readonly place: Place | undefined;
}

export interface Example {
  readonly facts: RequestFacts;
  /** `GET /orders from spiffe://…`. */
  readonly text: string;
  /** The arguments of `fairlead istio explain` that ask for this request. */
  readonly args: readonly string[];
}

export interface Note {
  readonly text: string;
  readonly place: Place | undefined;
}

export interface DiffOptions {
  readonly profile: ProfileName;
  /** Findings that are given; more are counted as a bound. */
  readonly limit: number;
  /** Steps of the search, over everything. */
  readonly budget: number;
}

export const DIFF_DEFAULTS = { limit: 100, budget: 150_000 } as const;
