import type { Diagnostic } from '../../core/diagnostic.ts';
import type { RequestFacts } from '../facts.ts';
import type { WorkloadRef } from '../objects.ts';
import type { LintCode } from './codes.ts';

/** Something in a policy that likely does not do what its author means, with its consequence. */
export interface Finding extends Diagnostic {
  readonly code: LintCode;
  readonly help: string;
  readonly object: { readonly kind: string; readonly namespace: string; readonly name: string };
  /** A request that shows the consequence; it was evaluated, so that the verdict is what the proxy does. */
  readonly example?: LintExample;
}

export interface LintExample {
  /** `GET //admin from spiffe://…`. */
  readonly request: string;
  readonly verdict: 'allow' | 'deny';
  readonly workload: WorkloadRef;
  readonly facts: RequestFacts;
}
