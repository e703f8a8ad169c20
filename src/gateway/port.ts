import type { DoorCapability } from '../core/access.ts';
import type { Caller, Peer } from '../core/caller.ts';
import type { Mode } from '../core/decision.ts';
import type { Clock, Log, Metrics, Randomness } from '../core/ports.ts';
import type { Recorder } from '../core/record.ts';
import type { Secret } from '../core/secret.ts';
import type { Authenticator, Credential, IsOwnCookie, Revocations } from '../identity/port.ts';
import type { ActivePolicy } from '../policy/port.ts';
import type { TargetAdapter } from '../targets/target.ts';
import type { RequestHead } from '../wire/call.ts';

/** One protected system as the corridor sees it. */
export interface BoundTarget {
  readonly name: string;
  readonly adapter: TargetAdapter;
  readonly mode: Mode;
  readonly access: readonly ('mesh' | 'policy')[];
  /** Where it listens: `http://127.0.0.1:4200`. Paths are appended to it as they come. */
  readonly upstream: URL;
  /** `scheme://host[:port]` that clients use; cookies and sessions are bound to it. */
  readonly origin: string;
  /** The target's own secret, for protocols that carry it in a socket's first message. */
  secret?(): Promise<Secret>;
  /** Longest body that is read for its meaning. */
  readonly maxBodyBytes: number;
}

/** Finds a target by the canonical host of a call, or by the port it came in on (demo). */
export interface Routes {
  find(host: string, localPort: number): BoundTarget | undefined;
}

/** A call as a door hands it over. Reading the body is up to the corridor, which knows whether the meaning depends on it. */
export interface Incoming {
  readonly door: Door;
  readonly head: RequestHead;
  readonly peer: Peer;
  readonly localPort: number;
  /** Set when a socket's credential is in its first message instead of the head; `token` is undefined when it holds none. */
  readonly frameToken?: { readonly token: string | undefined };
  /** Whole body, at most `maxBytes`; a Problem BODY_TOO_LARGE or BODY_INCOMPLETE otherwise. */
  readBody(maxBytes: number): Promise<Uint8Array>;
}

export interface Door {
  readonly name: string;
  readonly capabilities: ReadonlySet<DoorCapability>;
}

/** What the corridor is built from; `main.ts` makes one. */
export interface Corridor {
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly routes: Routes;
  readonly authenticator: Authenticator;
  readonly revocations: Revocations;
  readonly policy: ActivePolicy;
  readonly recorder: Recorder;
  readonly admissions: AdmissionTable;
  readonly live: LiveCalls;
  /** Cookies of Fairlead itself; they never reach an upstream. */
  readonly isOwnCookie: IsOwnCookie;
}

/** Work admitted earlier, per target and caller; see `AccessRequest.continues`. */
export interface AdmissionTable {
  /**
   * Which of `keys` this caller holds; `any-flow-run` is held with any, and `earlier:KEY` with KEY when policy changed after it was
   * admitted.
   */
  held(target: string, caller: string, keys: readonly string[]): ReadonlySet<string>;
  admit(target: string, caller: string, keys: readonly string[]): void;
  /** The work is over: admissions end after a grace in which last logs and events arrive. */
  end(target: string, keys: readonly string[]): void;
}

/** Streams and sockets that are open now, so that revocation and policy change reach them. */
export interface LiveCalls {
  add(call: LiveCall): () => void;
  count(): number;
  /** For a drain: sockets end at once, as their clients come back elsewhere; answers only when their time is up. */
  cutAll(reason: 'drained', which: 'sockets' | 'all'): void;
}

export interface LiveCall {
  readonly target: string;
  readonly caller: Caller;
  readonly credential: Credential | undefined;
  readonly startedAtMs: number;
  readonly isSocket: boolean;
  /** Sockets and answers of no stated length are decided anew when the policy changes; a short call was decided once. */
  readonly isStream: boolean;
  /** Does the active policy still allow what was allowed when it began? Asked often: it costs nothing while the policy is the same. */
  stillAllowed(): boolean;
  cut(reason: 'revoked' | 'policy' | 'expired' | 'drained'): void;
}
