import type { AttributeValue } from '../../core/attribute.ts';
import { Problem } from '../../core/problem.ts';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { uuidInBody } from './uuid.ts';

/** Readers of fields on which a decision rests. What the server would not take either is BODY_INVALID: nothing unread decides. */

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The whole body; an absent or `null` one is an empty object. */
export function objectBody(body: JsonValue | undefined): JsonObject {
  if (body === undefined || body === null) return {};
  if (!isObject(body)) throw invalid('the body', 'a JSON object');
  return body;
}

export function listBody(body: JsonValue | undefined): readonly JsonObject[] {
  if (!isList(body)) throw invalid('the body', 'a JSON list');
  return body.map((item, index) => {
    if (!isObject(item)) throw invalid(`item ${index} of the body`, 'an object');
    return item;
  });
}

/** True when the field says anything at all: present and not `null`. */
export function isGiven(body: JsonObject, field: string): boolean {
  return body[field] !== undefined && body[field] !== null;
}

/** Undefined when absent or `null`. */
export function textField(body: JsonObject, field: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw invalid(`\`${field}\``, 'a text');
  return value;
}

export function requiredText(body: JsonObject, field: string): string {
  const value = textField(body, field);
  if (value === undefined) throw invalid(`\`${field}\``, 'a text');
  return value;
}

/** A UUID in canonical form; undefined when absent or `null`. */
export function uuidField(body: JsonObject, field: string): string | undefined {
  const text = textField(body, field);
  if (text === undefined) return undefined;
  const id = uuidInBody(text);
  if (id === undefined) throw invalid(`\`${field}\``, 'a UUID');
  return id;
}

export function requiredUuid(body: JsonObject, field: string): string {
  const id = uuidField(body, field);
  if (id === undefined) throw invalid(`\`${field}\``, 'a UUID');
  return id;
}

/** Empty when absent or `null`. */
export function objectField(body: JsonObject, field: string): JsonObject {
  const value = body[field];
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalid(`\`${field}\``, 'an object');
  return value;
}

/** Undefined when absent or `null`. */
export function textListField(body: JsonObject, field: string): readonly string[] | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (!isList(value)) throw invalid(`\`${field}\``, 'a list of texts');
  return value.map((item) => {
    if (typeof item !== 'string') throw invalid(`\`${field}\``, 'a list of texts');
    return item;
  });
}

export function uuidListField(body: JsonObject, field: string): readonly string[] {
  return (textListField(body, field) ?? []).map((text) => {
    const id = uuidInBody(text);
    if (id === undefined) throw invalid(`\`${field}\``, 'a list of UUIDs');
    return id;
  });
}

export function objectListField(body: JsonObject, field: string): readonly JsonObject[] {
  const value = body[field];
  if (value === undefined || value === null) return [];
  if (!isList(value)) throw invalid(`\`${field}\``, 'a list of objects');
  return value.map((item) => {
    if (!isObject(item)) throw invalid(`\`${field}\``, 'a list of objects');
    return item;
  });
}

const FALSE_WORDS: ReadonlySet<string> = new Set(['false', 'f', '0', 'off', 'n', 'no']);

/**
 * Could the server read this as true? It takes `1`, `"yes"`, `"on"` and more for true; whatever is not certainly false counts.
 */
export function mayBeTrue(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === false || value === 0) return false;
  return !(typeof value === 'string' && FALSE_WORDS.has(value.toLowerCase()));
}

/** Could the server read this as false? Absent and `null` are its default, not false. */
export function mayBeFalse(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && value !== true;
}

const MAX_DEPTH = 32;

/** JSON as conditions read it: whole numbers are `int`, others `double`; what lies deeper than 32 levels is left out. */
export function attributeOf(value: JsonValue, depth = 0): AttributeValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return null;
  if (isList(value)) return value.map((item) => attributeOf(item, depth + 1));
  const entries = Object.entries(value).map(([name, item]) => [name, attributeOf(item, depth + 1)] as const);
  return Object.assign(Object.create(null), Object.fromEntries(entries)) as Record<string, AttributeValue>;
}

export function invalid(what: string, wanted: string): Problem {
  return new Problem({ code: 'BODY_INVALID', kind: 'invalid', status: 422, message: `${what} must be ${wanted}` });
}
