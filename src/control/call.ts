import type { RequestHead } from './parts.ts';

/** One call at the control origin, from its head to its answer. */
export interface ControlCall {
  readonly head: RequestHead;
  /** Remote address as seen on the socket. */
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  /** Decisions recorded for it so far; their outcome is told with the answer. */
  readonly decided: { readonly id: string; readonly isAllowed: boolean }[];
}

/** What Hono's handlers get beside the request. */
export type ControlEnv = { Bindings: { readonly call: ControlCall } };
