import type { PolicyCode } from '../policy/port.ts';

/** Why a decision came out as it did: the policy's own codes and those of the other tiers. Each has a line in the error reference. */
export type DecisionCode =
  | PolicyCode
  /** Policy would refuse now, but the work was admitted earlier and may end. */
  | 'CONTINUED'
  /** The target asks the mesh tier, and no mesh is bound to it. */
  | 'MESH_NOT_BOUND'
  /** The target asks no tier at all. */
  | 'NO_TIER';
