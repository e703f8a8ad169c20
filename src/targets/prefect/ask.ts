import type { AccessRequest, Action } from '../../core/access.ts';
import type { Attributes } from '../../core/attribute.ts';
import { Problem } from '../../core/problem.ts';
import type { JsonValue } from '../../wire/call.ts';
import type { QueryPair } from '../../wire/query.ts';
import type { Place, Places } from './places.ts';
import type { Freshness } from './resolve.ts';

/** A call whose meaning is being told: what it says, and where to look up what that is about. */
export interface Asked {
  /** Catalogue method. */
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: readonly QueryPair[];
  readonly body: JsonValue | undefined;
  readonly places: Places;
  /** How old what is known of the objects may be, by the operation's class. */
  readonly freshness: Freshness;
}

/** Tells what one operation asks for. An empty answer is a fault of this adapter, not a permission. */
export type Classifier = (asked: Asked) => Promise<readonly AccessRequest[]> | readonly AccessRequest[];
export type Classifiers = Readonly<Record<string, Classifier>>;

export interface RequestParts {
  /** `request.*` beside `method`. */
  readonly attributes?: Attributes;
  readonly moment?: 'before' | 'after';
  readonly impliedBy?: Action;
  /** Runs that may go on doing this; those of the place when absent. */
  readonly continues?: readonly string[];
  readonly admits?: readonly string[];
}

/** One request; `action` without `prefect.`. Continuations are the caller's choice: none unless `parts` or `continuing` say so. */
export function ask(asked: Asked, action: string, place: Place, parts: RequestParts = {}): AccessRequest {
  const { attributes, continues, ...rest } = parts;
  return {
    action: `prefect.${action}`,
    resource: place.resource,
    attributes: { method: asked.method, ...attributes },
    ...rest,
    ...(continues === undefined || continues.length === 0 ? {} : { continues }),
  };
}

/** The same for what runs do to report, and to read what they belong to. */
export function continuing(asked: Asked, action: string, place: Place, parts: RequestParts = {}): AccessRequest {
  return ask(asked, action, place, { ...parts, continues: [...place.continues, ...(parts.continues ?? [])] });
}

/** For calls that name no run but that every run makes. */
export const ANY_RUN: readonly string[] = ['any-flow-run'];

/**
 * For work beyond the run itself: other flows, slots that others wait for. It goes on only when policy changed since the run was
 * admitted. INVARIANT: under one policy, holding a run gives nothing outside it.
 */
export function earlier(keys: readonly string[]): readonly string[] {
  return keys.map((key) => `earlier:${key}`);
}

/** The place, or the server's own word that there is no such object. */
export async function existing<T>(place: Promise<T | undefined>): Promise<T> {
  const found = await place;
  if (found === undefined) throw notFound();
  return found;
}

export function param(asked: Asked, name: string): string {
  const value = asked.params[name];
  if (value === undefined) throw new Error(`operation ${asked.method} has no parameter ${name}`);
  return value;
}

export function notFound(): Problem {
  return new Problem({ code: 'OBJECT_NOT_FOUND', kind: 'not_found', message: 'there is no such object' });
}

/** Before and after a change of labels or place, when the two differ; once when they do not. */
export function beforeAndAfter(
  asked: Asked,
  action: string,
  before: Place,
  after: Place,
  parts: RequestParts = {},
): readonly AccessRequest[] {
  const isSame = JSON.stringify(before.resource) === JSON.stringify(after.resource);
  if (isSame) return [ask(asked, action, before, parts)];
  return [ask(asked, action, before, { ...parts, moment: 'before' }), ask(asked, action, after, { ...parts, moment: 'after' })];
}

/** The place with other labels, for the moment after a change. */
export function relabelled(place: Place, attributes: Attributes, path?: readonly string[]): Place {
  return {
    resource: { path: path ?? place.resource.path, attributes: { ...place.resource.attributes, ...attributes } },
    continues: place.continues,
  };
}
