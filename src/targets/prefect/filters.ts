import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { isList, isObject } from './bodies.ts';
import { uuidInBody } from './uuid.ts';

/** More are asked for as the whole type: each would be a request of its own on the record. */
export const MAX_NAMED = 25;

/**
 * The values to which `body[kind][field].any_` bounds the answer, or undefined when it does not. The server ANDs the kinds of a
 * body and, unless one says `or_`, the fields of a kind and the parts of a field; so one exact list bounds the whole.
 * INVARIANT: whatever is not certainly understood is no bound.
 */
export function exactly(body: JsonObject, kind: string, field: string): readonly string[] | undefined {
  const filter = body[kind];
  if (!isObject(filter) || !isAnd(filter['operator'])) return undefined;
  const part = filter[field];
  if (!isObject(part) || !isAnd(part['operator'])) return undefined;
  const values = part['any_'];
  if (!isList(values) || values.length === 0) return undefined;
  const texts = values.filter((value) => typeof value === 'string');
  const distinct = [...new Set(texts)];
  return texts.length === values.length && distinct.length <= MAX_NAMED ? distinct : undefined;
}

/** The same for ids, in canonical form. */
export function exactIds(body: JsonObject, kind: string, field = 'id'): readonly string[] | undefined {
  const texts = exactly(body, kind, field);
  if (texts === undefined) return undefined;
  const ids = texts.map(uuidInBody).filter((id) => id !== undefined);
  return ids.length === texts.length ? [...new Set(ids)] : undefined;
}

function isAnd(operator: JsonValue | undefined): boolean {
  return operator === undefined || operator === 'and_';
}
