import { Problem } from '../../../core/problem.ts';
import type { JsonObject, JsonValue } from '../../../wire/call.ts';
import { parseJson } from '../../../wire/json.ts';

/** Longest frame that is not an event. */
export const MAX_CONTROL_BYTES = 256 * 1024;

/** A frame as the JSON object that it must be. Throws the Problems of `wire/json.ts`, and FRAME_INVALID. */
export function parseFrame(text: string, maxBytes: number): JsonObject {
  const value = parseJson(Buffer.from(text, 'utf8'), { maxBytes, maxDepth: 64, maxKeys: 100_000 });
  if (!isObject(value)) throw invalidFrame('a message on this socket is a JSON object');
  return value;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** All of a list's texts; undefined when it is no list, or holds anything else. */
export function textList(value: JsonValue | undefined): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((item) => typeof item === 'string');
  return texts.length === value.length ? texts : undefined;
}

export function invalidFrame(message: string): Problem {
  return new Problem({ code: 'FRAME_INVALID', kind: 'invalid', message });
}
