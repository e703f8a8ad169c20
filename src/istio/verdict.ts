import type { CompiledRule } from './chain.ts';
import type { FieldPath } from './objects.ts';

/** What the proxy does with one request. The fields are those of the answers of `fairlead istio eval`. */
export interface Verdict {
  /** `reject`: refused by the proxy before any policy (codec, normalisation). `unknown`: cannot be told exactly; `reason` says why. */
  readonly v: 'allow' | 'deny' | 'reject' | 'unknown';
  /** HTTP status; absent on TCP, and on `unknown`. */
  readonly s?: number;
  /** `rbac`, `ext_authz_denied`, `ext_authz_error`, `jwt_authn_access_denied{…}`, or the detail of the codec. */
  readonly by?: string;
  /** The id that Envoy logs; `none` when no ALLOW rule matched. */
  readonly id?: string;
  /** Present and true when an AUDIT rule matched. */
  readonly audit?: boolean;
  readonly dryAllow?: DryRunResult;
  readonly dryDeny?: DryRunResult;
  /** The CUSTOM rule that triggered. */
  readonly ext?: string;
  /** The external authoriser was asked. */
  readonly asked?: boolean;
  /** The path that was matched and forwarded. */
  readonly path?: string;
  /** The client address that was matched by remoteIpBlocks. */
  readonly remote?: string;
  /** A stable word for an `unknown`; listed in the docs. */
  readonly reason?: UnknownReason;
}

export interface DryRunResult {
  readonly result: 'allowed' | 'denied';
  readonly id?: string;
}

/** Why a verdict cannot be exact. Each has a row in the reference. */
export type UnknownReason = 'authoriser-not-asked' | 'token-text' | 'proxy-text';

/** Which part of which rule did what, on one request: the whole evaluation, not only the first match. */
export interface RuleTrace {
  readonly rule: CompiledRule;
  readonly matched: boolean;
  /** The terms that failed, nearest first; empty when the rule matched. */
  readonly lacking: readonly TermTrace[];
  /** The terms that held. */
  readonly held: readonly TermTrace[];
}

export interface TermTrace {
  /** The field, such as `spec.rules[0].from[0].source.principals`, as steps. */
  readonly path: FieldPath;
  /** Values in the policy that were compared. */
  readonly wanted: readonly string[];
  /** The attribute's value in the request; undefined: absent. */
  readonly observed: string | undefined;
  /** The term is negative (`notX`). */
  readonly negated: boolean;
  readonly holds: boolean;
}
