/** Who calls. Yielded by identity/, read by decide/ and policy/, kept with each record. */

/** A person, by the configured user claim of the source that owns the name. */
export interface UserSubject {
  readonly kind: 'user';
  readonly name: string;
}
/** A workload; `cluster` is the name of the identity source that proved it. */
export interface WorkloadSubject {
  readonly kind: 'workload';
  readonly cluster: string;
  /** True for the source marked `home: true`, whose workloads are written without a cluster. */
  readonly home: boolean;
  readonly namespace: string;
  readonly serviceAccount: string;
}
/** An AI agent acting for itself, or as actor for somebody. */
export interface AgentSubject {
  readonly kind: 'agent';
  readonly name: string;
}
/** A caller that showed the target's own shared secret (observe mode only); granted nothing when enforcing. */
export interface SharedSecretSubject {
  readonly kind: 'shared_secret';
  readonly target: string;
}
export interface AnonymousSubject {
  readonly kind: 'anonymous';
}
export type Subject = UserSubject | WorkloadSubject | AgentSubject | SharedSecretSubject | AnonymousSubject;

/** Three-valued: a group is known to hold the caller, known not to, or not known (an overage claim, a directory that did not answer). */
export type MembershipAnswer = 'member' | 'not_member' | 'unknown';

/**
 * Groups of the subject as its source states them, without the source's name.
 * `complete: false` means that the list may lack some: every group not listed is `unknown`.
 */
export interface Membership {
  readonly groups: readonly string[];
  readonly complete: boolean;
}

/** The connection's own identity, told apart from the caller: a proxy that asks, a sidecar, a front door. */
export interface Peer {
  /** Remote address as seen on the socket; for the record only, never proof of identity. */
  readonly address: string;
  /** SPIFFE id proved on the connection, if any. */
  readonly spiffe?: string;
}

/** A proxy that asks about somebody else's call (ext_authz). Never mixed up with the caller. */
export interface Asker {
  readonly spiffe: string;
  readonly lend: boolean;
}

export interface Caller {
  /** On whose behalf the call is made: the person in "workload X for person Y". */
  readonly subject: Subject;
  /** RFC 8693 §4.1: the first is the current actor; the rest is information only. Empty when the subject calls for itself. */
  readonly actors: readonly Subject[];
  readonly peer: Peer;
  /** Name of the identity source that proved the subject; `anonymous` has the empty string. */
  readonly source: string;
  /** The subject's SPIFFE id when one was proved (or is stood for by a token, see POLICY.md section 2). */
  readonly spiffe?: string;
  readonly membership: Membership;
  /** Groups of the current actor, when its source states them. */
  readonly actorMembership?: Membership;
  /** Other verified attributes that conditions may read as `caller.NAME` (e-mail, display name). */
  readonly claims: Readonly<Record<string, string>>;
}

export const ANONYMOUS: Subject = { kind: 'anonymous' };

export function anonymousCaller(peer: Peer): Caller {
  return { subject: ANONYMOUS, actors: [], peer, source: '', membership: { groups: [], complete: true }, claims: {} };
}

/** Membership of `group`, or of `SOURCE/group`, for a caller proved by `source`. */
export function memberOf(source: string, membership: Membership, group: string): MembershipAnswer {
  const slash = group.indexOf('/');
  const qualified = slash > 0 && group.slice(0, slash) === source;
  if (membership.groups.includes(group) || (qualified && membership.groups.includes(group.slice(slash + 1)))) return 'member';
  return membership.complete ? 'not_member' : 'unknown';
}

/** The subject in the policy language's own words: `user:ada@acme.com`, `workload:fraud/scorer`. */
export function subjectText(subject: Subject): string {
  switch (subject.kind) {
    case 'user':
      return `user:${subject.name}`;
    case 'workload':
      return subject.home
        ? `workload:${subject.namespace}/${subject.serviceAccount}`
        : `workload:${subject.cluster}:${subject.namespace}/${subject.serviceAccount}`;
    case 'agent':
      return `agent:${subject.name}`;
    case 'shared_secret':
      return `shared-secret:${subject.target}`;
    case 'anonymous':
      return 'anonymous';
    default:
      return subject satisfies never;
  }
}

/** `agent:copilot for user:ada@acme.com`, or the subject alone. One text is one caller in records, caches and counters. */
export function callerText(caller: Pick<Caller, 'subject' | 'actors'>): string {
  // A new object with each call: not worth a place in the map.
  if (caller.subject.kind === 'anonymous' && caller.actors.length === 0) return 'anonymous';
  let text = texts.get(caller);
  if (text === undefined) {
    const actor = caller.actors[0];
    text = actor === undefined ? subjectText(caller.subject) : `${subjectText(actor)} for ${subjectText(caller.subject)}`;
    texts.set(caller, text);
  }
  return text;
}

/** Asked for half a dozen times in each call. */
const texts = new WeakMap<object, string>();
