import type { JsonObject, JsonValue } from '../../../wire/call.ts';
import { isObject, textList } from './frame.ts';
import { objectId } from './objects.ts';

/** How much an event filter lets through, told by the parts that the server keeps to in history *and* in the live stream. */
export type EventScope =
  /** Only events that name one of these flow runs. */
  | { readonly kind: 'runs'; readonly ids: readonly string[] }
  /** Only `names`, and only those that name one of these work pools. */
  | { readonly kind: 'pools'; readonly ids: readonly string[]; readonly names: readonly string[] }
  /** Only events of these names. */
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'all' };

/** Longer lists make the server slow, and would make one frame ask for more rights than anybody wants to record. */
const MAX_LISTED = 100;

/**
 * INVARIANT: whatever is not understood widens the scope. An empty list means everything to this server; a `related` filter holds
 * for history only, the live stream ignores it; name prefixes and label patterns are not followed here.
 */
export function eventScope(filter: JsonObject): EventScope {
  const listed = [idLists(filter['resource']), ...several(filter['any_resource']).map(idLists)].filter(
    (ids) => ids !== undefined,
  );
  const runs = listed.map((ids) => objects(ids, 'flow-run')).find((ids) => ids !== undefined);
  if (runs !== undefined) return { kind: 'runs', ids: runs };
  const names = isObject(filter['event']) ? listOf(filter['event']['name']) : undefined;
  if (names === undefined) return { kind: 'all' };
  const pools = listed.map((ids) => objects(ids, 'work-pool')).find((ids) => ids !== undefined);
  return pools === undefined ? { kind: 'names', names } : { kind: 'pools', ids: pools, names };
}

/** A list of filters is ANDed by the server, so each of them alone bounds the whole. */
function several(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

function idLists(filter: JsonValue | undefined): readonly string[] | undefined {
  return isObject(filter) ? listOf(filter['id']) : undefined;
}

function listOf(value: JsonValue | undefined): readonly string[] | undefined {
  const texts = textList(value);
  return texts === undefined || texts.length === 0 || texts.length > MAX_LISTED ? undefined : [...new Set(texts)];
}

/** The ids, when all of them are of one kind. */
function objects(resourceIds: readonly string[], kind: string): readonly string[] | undefined {
  const ids = resourceIds.map((id) => objectId(id, kind)).filter((id) => id !== undefined);
  return ids.length === resourceIds.length ? [...new Set(ids)] : undefined;
}
