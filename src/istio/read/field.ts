import type { JsonObject, JsonValue } from '../../wire/call.ts';
import type { Labels } from '../objects.ts';

/**
 * Readers of one field of a JSON object. They yield the empty value for what is absent, `null` or of another type: types are
 * checked before (`shape.ts`), so that what is left here is what protobuf's JSON reader would make of it.
 */
export function fieldsAt(fields: JsonObject, name: string): JsonObject {
  return asFields(valueAt(fields, name));
}

export function asFields(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : EMPTY;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function valueAt(fields: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

export function textAt(fields: JsonObject, name: string): string {
  const value = valueAt(fields, name);
  return typeof value === 'string' ? value : '';
}

/** Names of ports may be numbers in YAML; Kubernetes' int-or-string. */
export function numberAt(fields: JsonObject, name: string): number | undefined {
  const value = valueAt(fields, name);
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^[0-9]{1,10}$/.test(value) ? Number(value) : undefined;
}

export function isTrueAt(fields: JsonObject, name: string): boolean {
  return valueAt(fields, name) === true;
}

export function listAt(fields: JsonObject, name: string): readonly JsonValue[] {
  const value = valueAt(fields, name);
  return Array.isArray(value) ? value : [];
}

export function textsAt(fields: JsonObject, name: string): readonly string[] {
  return listAt(fields, name).filter((item) => typeof item === 'string');
}

/** The objects of a list; an item that is `null` is an object without fields, as protobuf's JSON reader has it. */
export function objectsAt(fields: JsonObject, name: string): readonly JsonObject[] {
  return listAt(fields, name).map(asFields);
}

/** A map of strings; undefined when the field is absent or `null`. */
export function labelsAt(fields: JsonObject, name: string): Labels | undefined {
  const value = valueAt(fields, name);
  if (!isObject(value)) return undefined;
  const labels: Record<string, string> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    if (typeof item === 'string') labels[key] = item;
  }
  return labels;
}

const EMPTY: JsonObject = Object.freeze(Object.create(null));
