import type { AccessRequest, NonEmptyList, OperationClass } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import type { BodyMode, Catalogue } from '../core/catalogue.ts';
import type { Decision, Outcome } from '../core/decision.ts';
import type { Problem } from '../core/problem.ts';
import type { JsonValue, RequestHead } from '../wire/call.ts';

/** What a protected system is to the rest of Fairlead: one folder that answers these questions. */
export interface TargetAdapter {
  readonly kind: string;
  readonly catalogue: Catalogue;
  /** Which method is this? Never fails: a route that the catalogue does not know is the `raw` operation. */
  match(head: RequestHead): Operation;
  /**
   * What does this call mean? Throws a Problem: `invalid` for a body that cannot be read strictly, `not_found` when the upstream
   * says that the named object does not exist, `fault` when a needed look-up did not answer.
   */
  classify(call: Call): Promise<Classification>;
  /** How does this system say no, wait, not now? Also for refused credentials and malformed calls. */
  refuse(refusal: Refusal): LocalAnswer;
  /** Header changes on the way up; the door has already stripped identity, hop-by-hop and forwarding headers. */
  forward(call: Call, decision: Decision): HeaderChanges | Promise<HeaderChanges>;
  /**
   * How an allowed call's answer is changed or read, decided before it leaves. Undefined: bytes pass as they come.
   * `read` is how look-ups learn from upstream answers and how outcomes see a state rejected inside a 200.
   */
  response(call: Call, decision: Decision): ResponsePlan | undefined;
  /** Work that an answer hands to the caller (a polled run) or that it shows to be over; the answer must have been read. */
  admissions?(call: Call, answer: UpstreamAnswer): Admissions | undefined;
  /** For `upgrade` operations: what travels in the socket. Undefined: frames are opaque and pass as they come. */
  socket(call: Call): SocketPlan | undefined;
}

/** What an adapter is built from; `main.ts` passes the ports. */
export interface TargetContext {
  /** The target's name in the configuration: first segment of its resources. */
  readonly name: string;
  readonly upstream: UpstreamReader;
  /** Page on the control origin that explains a decision. */
  whyUrl(decisionId: string): string;
  /** Where a browser signs in before it comes back to `returnTo` (path and query on this target). */
  loginUrl(returnTo: string): string;
  now(): number;
}

/**
 * Reads the system under the target's own credential, for look-ups only: never with a caller's. Bounded in time and size.
 * A status outside 2xx is a value; a failure to get any answer is a Problem of kind `fault` (`LOOKUP_UNAVAILABLE`).
 */
export interface UpstreamReader {
  json(
    method: 'GET' | 'POST',
    path: string,
    body?: JsonValue,
  ): Promise<{ readonly status: number; readonly body: JsonValue | undefined }>;
}

export interface Operation {
  /** Catalogue method: `POST /deployments/{id}/create_flow_run`; `raw` for the unknown. */
  readonly id: string;
  readonly class: OperationClass;
  readonly body: BodyMode;
  /** Decoded path parameters. */
  readonly params: Readonly<Record<string, string>>;
  readonly upgrade: boolean;
  /**
   * `frame`: a socket whose credential may come in its first frame, so that the upgrade is accepted without one.
   * `none`: answered for anybody, without a decision (a health probe, a public file). `caller`: the normal case.
   */
  readonly identity: 'caller' | 'frame' | 'none';
  /**
   * True for a socket whose client takes any refusal of the upgrade as final: for a passing reason (a fault, a start-up, an expired
   * workload token) the upgrade is accepted and the socket held until the reason is gone.
   */
  readonly holdsUpgrade?: boolean;
  /** Longest JSON body that is read, when smaller than the configured limit. */
  readonly maxBodyBytes?: number;
}

export interface Call {
  readonly operation: Operation;
  readonly head: RequestHead;
  readonly caller: Caller;
  /** The parsed body of a `json` operation; undefined when empty or not read. */
  readonly body: JsonValue | undefined;
  readonly decisionId: string;
}

export interface Classification {
  readonly requests: NonEmptyList<AccessRequest>;
}

export type RefusalReason =
  /** Refused by decision; `decision` says why. */
  | { readonly kind: 'denied'; readonly decision: Decision }
  /** Malformed, too large, unauthenticated, a fault, an upstream failure. */
  | { readonly kind: 'problem'; readonly problem: Problem };

export interface Refusal {
  readonly reason: RefusalReason;
  readonly decisionId: string;
  readonly head: RequestHead;
  readonly operation: Operation;
  /** Absent when nobody could be named. */
  readonly caller?: Caller;
  /** One sentence for the caller, as much as its source discloses; carries no id. */
  readonly sentence: string;
}

export interface LocalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** For sockets that were opened already: the close code that stands for this answer. */
  readonly closeCode?: number;
}

/** Keys as in `AccessRequest.continues`. */
export interface Admissions {
  readonly admit: readonly string[];
  readonly end: readonly string[];
}

export interface HeaderChanges {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
  /** Another path (raw, as sent) and query for the upstream, when the public one differs. */
  readonly path?: string;
}

export type ResponsePlan =
  /** The answer is read beside the stream, up to `maxBytes`, after it has passed unchanged. */
  | { readonly kind: 'read'; readonly maxBytes: number; read(answer: UpstreamAnswer): Outcome | undefined }
  /** The answer is held back whole, up to `maxBytes`, and replaced. More is the upstream's fault form. */
  | { readonly kind: 'replace'; readonly maxBytes: number; replace(answer: UpstreamAnswer): ReplacedAnswer }
  /** Only headers change (a CSP, a relative redirect). */
  | { readonly kind: 'headers'; headers(answer: UpstreamHead): HeaderChanges }
  /** Nothing is asked of the upstream. */
  | { readonly kind: 'local'; readonly answer: LocalAnswer };

export interface UpstreamHead {
  readonly status: number;
  /** Lower-case names; repeated ones joined by `, ` except `set-cookie`. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

export interface UpstreamAnswer extends UpstreamHead {
  /** Decoded from its content coding. */
  readonly body: Uint8Array;
}

export interface ReplacedAnswer {
  readonly status: number;
  readonly headers: HeaderChanges;
  readonly body: Uint8Array | string;
  readonly outcome?: Outcome;
}

/** What a socket carries. One plan per connection; it may keep state between frames. */
export interface SocketPlan {
  /** Longest message in either direction, in bytes. */
  readonly maxMessageBytes: number;
  /**
   * Which token does the first client message hold? Called once, before anything else, when the upgrade had no credential
   * (`Operation.identity` is `frame`). Undefined: none.
   */
  firstFrameToken?(text: string): string | undefined;
  /** Rewrites the first client message for the upstream (the target's own secret in place of the caller's token). */
  forwardFirstFrame?(text: string, upstreamSecret: string | undefined): string;
  /** A text message from the client. Binary ones are refused by the door. */
  fromClient(text: string, caller: Caller): Promise<FrameVerdict>;
  /** A text message from the upstream, before it reaches the client. */
  fromUpstream(text: string): FrameVerdict;
}

export type FrameVerdict =
  | { readonly kind: 'forward' }
  | { readonly kind: 'drop' }
  /** Each must be allowed, else the frame is dropped and the denial recorded (`onDeny: 'close'` ends the socket with 1008). */
  | {
      readonly kind: 'ask';
      readonly requests: NonEmptyList<AccessRequest>;
      readonly onDeny: 'drop' | 'close';
      readonly operation: string;
    }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };
