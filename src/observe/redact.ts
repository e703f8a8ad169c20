import { Problem } from '../core/problem.ts';
import { Secret } from '../core/secret.ts';

const REDACTED = '[redacted]';
const MAX_STRING = 4_096;
const MAX_ENTRIES = 64;
const MAX_DEPTH = 6;

/** Names whose values are secret whatever they hold. */
const SECRET_NAME =
  /(^|[-_])authorization$|cookie|secret|passw|passphrase|(^|[-_.]|access|id|refresh)token$|api[-_]?key|private[-_]?key|assertion|verifier/i;

/** Shapes of secrets inside longer texts: header values, JWTs, program tokens, session cookies, query parameters, URL passwords. */
const SECRET_TEXT: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/gi, `$1 ${REDACTED}`],
  [/\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}/g, REDACTED],
  [/\bpn[ub]_[A-Za-z0-9_-]{8,}/g, REDACTED],
  [/\b((?:__Host-)?fl_[0-9a-f]{16})=[^\s;,"]+/g, `$1=${REDACTED}`],
  [/([?&](?:access_token|id_token|token|code|state|key|api_key|oauth_token)=)[^&\s"]+/gi, `$1${REDACTED}`],
  [/(:\/\/[^/\s:@]{0,256}:)[^/\s@]{1,1024}@/g, `$1${REDACTED}@`],
];

/**
 * A copy that is safe to write: secrets replaced, long texts cut, deep and wide values bounded. The last line of defence, not the
 * first: callers do not pass secrets at all.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Secret) return REDACTED;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= MAX_DEPTH) return '[…]';
  if (value instanceof Error) return redactError(value, depth);
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((item) => redact(item, depth + 1));
  if (value instanceof Set) return redact([...value].slice(0, MAX_ENTRIES), depth);
  const entries: Iterable<readonly [unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  return redactEntries(entries, depth);
}

/** The text with what looks like a secret replaced, and cut to a bound. */
export function redactText(text: string): string {
  // Twice the bound is read, so that a secret that the cut would halve is still recognised; each pattern is linear in practice.
  let safe = text.slice(0, 2 * MAX_STRING);
  for (const [pattern, replacement] of SECRET_TEXT) safe = safe.replace(pattern, replacement);
  return safe.length > MAX_STRING || text.length > 2 * MAX_STRING ? `${safe.slice(0, MAX_STRING)}…` : safe;
}

function redactEntries(entries: Iterable<readonly [unknown, unknown]>, depth: number): unknown {
  const copy: Record<string, unknown> = Object.create(null);
  let count = 0;
  for (const [key, item] of entries) {
    if (++count > MAX_ENTRIES) break;
    const name = redactText(String(key));
    copy[name] = SECRET_NAME.test(name) && item !== undefined && typeof item !== 'boolean' ? REDACTED : redact(item, depth + 1);
  }
  return copy;
}

function redactError(error: Error, depth: number): unknown {
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    name: redactText(error.name),
    message: redactText(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    // A Problem is raised on purpose, by name; where it was raised matters only for faults.
    ...(error.stack === undefined || (error instanceof Problem && error.kind !== 'fault')
      ? {}
      : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  };
}
