/**
 * What went wrong, in one stable word. The same code stands in every protocol, in the record and in the docs
 * (`docs/reference/errors.md`). Expected outcomes of a decision are values; a Problem is a fault or a refusal of input.
 */
export type ProblemKind =
  /** the caller's bytes are not acceptable: 400-class */
  | 'invalid'
  /** a presented credential is not acceptable: 401 */
  | 'unauthenticated'
  /** refused by decision: 403 */
  | 'denied'
  /** the object does not exist, or the caller may not know that it does: 404 */
  | 'not_found'
  /** host or port names no target: 421 */
  | 'misdirected'
  /** a limit of size or rate that the caller hit: 413, 431 */
  | 'too_large'
  /** our own fault or doubt; never looks like a denial: 503 */
  | 'fault'
  /** the system behind the gateway failed: 502 */
  | 'upstream';

export interface ProblemInit {
  readonly code: string;
  readonly kind: ProblemKind;
  /** Safe to show to the caller: no secret, no token, no internal address. */
  readonly message: string;
  readonly cause?: unknown;
  /** HTTP status when the kind's own does not fit. */
  readonly status?: number;
  /** What to do next, one sentence. */
  readonly hint?: string;
}

/** HTTP status of each kind. */
const STATUS: Readonly<Record<ProblemKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  not_found: 404,
  misdirected: 421,
  too_large: 413,
  fault: 503,
  upstream: 502,
};

export class Problem extends Error {
  readonly code: string;
  readonly kind: ProblemKind;
  readonly status: number;
  readonly hint: string | undefined;

  constructor(init: ProblemInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'Problem';
    this.code = init.code;
    this.kind = init.kind;
    this.status = init.status ?? STATUS[init.kind];
    this.hint = init.hint;
  }
}

/** Any thrown value as a Problem; what is not one already is our own fault, with its text kept out of the message. */
export function asProblem(thrown: unknown, code = 'INTERNAL'): Problem {
  if (thrown instanceof Problem) return thrown;
  return new Problem({ code, kind: 'fault', message: 'the gateway could not complete this call', cause: thrown });
}
