import type { AccessRequest } from './access.ts';
import type { AttributeValue } from './attribute.ts';
import type { Caller } from './caller.ts';

/**
 * What a denied decision was about, kept sealed with its record so that the nearest rule can be found later: the caller without the
 * connection, and each request without the attributes that came from a body. JSON; an int stands as `{"$int": "12"}`, a timestamp
 * as `{"$time": "…"}`.
 */
export interface SealedInput {
  readonly caller: Omit<Caller, 'peer'>;
  readonly requests: readonly AccessRequest[];
}

export function sealInput(caller: Caller, requests: readonly AccessRequest[]): unknown {
  const { peer: _, ...known } = caller;
  return {
    caller: known,
    requests: requests.map((request) => ({
      action: request.action,
      resource: { path: request.resource.path, attributes: toJson(request.resource.attributes) },
      attributes: { method: toJson(request.attributes['method'] ?? null) },
      ...(request.moment === undefined ? {} : { moment: request.moment }),
      ...(request.impliedBy === undefined ? {} : { impliedBy: request.impliedBy }),
    })),
  };
}

function toJson(value: AttributeValue): unknown {
  if (typeof value === 'bigint') return { $int: String(value) };
  if (value instanceof Date) return { $time: value.toISOString() };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, toJson(below as AttributeValue)]));
  }
  return value;
}

/** The reverse of `toJson` for attribute values. */
export function fromJson(value: unknown): AttributeValue {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value === 'object' && value !== null) {
    const { $int: int, $time: time } = value as { $int?: unknown; $time?: unknown };
    if (typeof int === 'string' && /^-?\d{1,19}$/.test(int)) return BigInt(int);
    if (typeof time === 'string') return new Date(time);
    return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, fromJson(below)]));
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
