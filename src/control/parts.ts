import type { AuditSearch } from '../audit/port.ts';
import type { AccessRequest, NonEmptyList } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import type { Decision } from '../core/decision.ts';
import type { Clock, Log, Metrics, Randomness } from '../core/ports.ts';
import type { Recorder } from '../core/record.ts';
import type {
  Authenticator,
  CliLogin,
  Handoff,
  IdentifyInput,
  Login,
  ProgramTokens,
  ProviderLogout,
  Revocations,
  Sessions,
} from '../identity/port.ts';
import type { NearestRule } from '../policy/port.ts';
import type { Activation } from './activation.ts';

/** The head of a request, parsed strictly. */
export type RequestHead = IdentifyInput['head'];

/** What the control origin is built from; `main.ts` fills it. */
export interface ControlParts {
  /** `https://access.example.com`. */
  readonly origin: string;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly recorder: Recorder;
  readonly search: AuditSearch;
  readonly activation: Activation;
  readonly authenticator: Authenticator;
  readonly sessions: Sessions;
  readonly login: Login;
  readonly providerLogout: ProviderLogout;
  readonly handoff: Handoff;
  readonly cliLogin: CliLogin;
  readonly tokens: ProgramTokens;
  readonly revocations: Revocations;
  readonly targets: readonly TargetSummary[];
  /** One verdict from all tiers about Fairlead's own resources, or (`target` named) about a target's. */
  decide(
    caller: Caller,
    requests: NonEmptyList<AccessRequest>,
    target?: string,
  ): { readonly decision: Decision; readonly attributesRead: Readonly<Record<string, unknown>> };
  nearest(caller: Caller, request: AccessRequest): readonly NearestRule[];
  /** Speaks to `you` without a caller. */
  sentence(decision: Decision, disclose: 'rule' | 'none', caller?: Pick<Caller, 'subject' | 'actors'>): string;
  /** `wire/head.ts`. */
  parseHead(input: { method: string; target: string; rawHeaders: readonly string[] }): RequestHead;
  /** Text form of a resource as its segments; throws a Problem RESOURCE_INVALID. */
  parseResource(text: string): readonly string[];
}

export interface TargetSummary {
  readonly name: string;
  readonly kind: string;
  readonly origin: string;
  readonly mode: 'enforce' | 'observe';
}
