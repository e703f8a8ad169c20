import type { ObligationKind } from './core/decision.ts';

/** Obligations with an enforcer in this version; a policy that needs another one does not activate. */
export const ENFORCED: ReadonlySet<ObligationKind> = new Set<ObligationKind>();
