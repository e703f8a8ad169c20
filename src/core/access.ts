import type { Attributes } from './attribute.ts';

/** Drives durability, freshness of look-ups and the form of a fault. */
export type OperationClass = 'read' | 'poll' | 'write' | 'act' | 'secret' | 'invoke';

/** Classes whose decision, and whose denial, must be on disk before the call leaves. */
export const DURABLE_CLASSES: ReadonlySet<OperationClass> = new Set<OperationClass>(['write', 'act', 'secret', 'invoke']);

/** A closed, versioned name of a catalogue: `prefect.deployment.run`, `http.get`, `fairlead.policy.apply`. */
export type Action = string;

/**
 * TARGET/NATIVE-NAME in one hierarchy. `path[0]` is the target's name in the configuration; the others are the system's own
 * names, decoded and in NFC. A segment may hold any character, also `/`, so compare segments, never joined text.
 */
export interface Resource {
  readonly path: readonly string[];
  readonly attributes: Attributes;
}

/** One thing that a call asks for. A call is a non-empty list of these; each must be allowed. */
export interface AccessRequest {
  readonly action: Action;
  readonly resource: Resource;
  /** `request.*` of conditions; `method` is always present and names the catalogue method. */
  readonly attributes: Attributes;
  /** Updates that move or relabel an object ask twice: for the object as it was and as it will be. */
  readonly moment?: 'before' | 'after';
  /** True for a right that another right brings along (the catalogue lists which); a `cannot` on it still wins. */
  readonly impliedBy?: Action;
  /**
   * Keys of work that was admitted earlier (`flow-run:UUID`). When policy alone would now refuse, and the caller holds one of
   * them, the request is allowed as a continuation: a policy change never breaks a run under way.
   */
  readonly continues?: readonly string[];
  /** Keys of work that this request, once allowed, admits for the caller (the first report of a run). */
  readonly admits?: readonly string[];
}

export type NonEmptyList<T> = readonly [T, ...T[]];

/** What a door is able to do with a verdict; obligations that need more do not activate on targets bound to it. */
export type DoorCapability = 'body' | 'rewrite' | 'response' | 'hold' | 'lend' | 'outcome' | 'cut';

/** Text form of a resource path: `/` joins segments; `\`, `/` and `*` inside a segment are escaped with `\`. */
export function resourceText(path: readonly string[]): string {
  return path.map(escaped).join('/');
}

function escaped(segment: string): string {
  return SPECIAL.test(segment) ? segment.replace(SPECIAL_ALL, '\\$&') : segment;
}

const SPECIAL = /[\\/*]/;
const SPECIAL_ALL = /[\\/*]/g;
