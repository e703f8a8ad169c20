import type { ExplainedTarget } from '../explain/explanation.ts';
import type { MtlsMode, Place } from '../objects.ts';
import type { ProfileName } from '../profile.ts';

/** Who may send one request to one proxy: the shape of `fairlead istio who-can -o json`. */
export interface WhoCanReport {
  readonly target: ExplainedTarget;
  readonly profile: ProfileName;
  readonly transport: 'http' | 'tcp';
  readonly mtls: Exclude<MtlsMode, 'UNSET'>;
  /** What the ALLOW rules grant; one without a rule when no ALLOW policy is attached. */
  readonly grants: readonly Grant[];
  /** DENY rules that can take some of it away. */
  readonly cuts: readonly Cut[];
  /** Every service account that the files know, asked one by one. */
  readonly accounts: readonly AccountAnswer[];
  /** Some search was given up: what is listed holds, and more may be possible. */
  readonly bounded: boolean;
}

export interface RuleRef {
  /** `ns/name`. */
  readonly policy: string;
  readonly rule: number;
  readonly place: Place;
}

/** One way in which one ALLOW rule grants: all of its terms must hold. */
export interface Grant {
  /** Undefined: all is allowed that is not denied. */
  readonly rule: RuleRef | undefined;
  /** Who: a line each, all of which were replayed and are allowed. */
  readonly entries: readonly Entry[];
  /** Who is named and is denied all the same, with what denies. */
  readonly refused: readonly Entry[];
  /** What else must be so. */
  readonly conditions: readonly TermText[];
}

export interface Entry {
  /** `principal cluster.local/ns/web/sa/front`; `anyone`. */
  readonly who: string;
  /** Of the value in the rule. */
  readonly place: Place | undefined;
  /** A request that was replayed: for `refused`, one that is denied. Undefined when no request is possible. */
  readonly example: Example | undefined;
  /** Why it is refused: the id that Envoy logs, `no token rule`, or the mode of mutual TLS. */
  readonly because?: string;
  /** The external authorisers that must allow it too. */
  readonly asks: readonly string[];
}

/** The parts of a request that matter; absent ones do not. */
export interface Example {
  readonly from: string | undefined;
  readonly headers: readonly string[];
  readonly claims: object | undefined;
  readonly fromIp: string | undefined;
  readonly clientIp: string | undefined;
  readonly host: string | undefined;
  readonly sni: string | undefined;
  readonly localIp: string | undefined;
}

export interface TermText {
  /** `header x-role: admin or owner`. */
  readonly text: string;
  readonly place: Place;
}

export interface Cut {
  readonly rule: RuleRef;
  /** All of them must hold for the rule to deny; none: it denies everybody. */
  readonly terms: readonly TermText[];
}

export interface AccountAnswer {
  /** `namespace/name`. */
  readonly account: string;
  /** `conditions`: not as it is, but with what the grant's conditions ask for. */
  readonly answer: 'allowed' | 'conditions' | 'denied';
  /** Index in `grants` of what allows it. */
  readonly grant: number | undefined;
  /** The workloads that run as it. */
  readonly workloads: readonly string[];
}
