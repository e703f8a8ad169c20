import { createHash } from 'node:crypto';
import type { Caller } from '../../core/caller.ts';
import { callerText } from '../../core/caller.ts';

/**
 * Headers by which the server writes down who created a run (`created_by`). Nobody but the gateway may send them, so a client's own
 * are always removed. `Name` is base64 of UTF-8, as the server reads it.
 */
export function attribution(caller: Caller): Readonly<Record<string, string>> {
  const text = callerText(caller);
  return {
    'prefect-automation-id': callerUuid(text),
    'prefect-automation-name': Buffer.from(text, 'utf8').toString('base64'),
  };
}

export const ATTRIBUTION_HEADERS = ['prefect-automation-id', 'prefect-automation-name'] as const;

/** Name space of callers: the UUIDv5 of the URL `https://fairlead.dev/callers`. */
const CALLERS = 'd8f57c4b-3fc7-56eb-acfb-c18b22fbda89';

/** RFC 9562 §5.5: the same caller has the same id everywhere, so that runs can be searched by who created them. */
export function callerUuid(text: string): string {
  const space = Buffer.from(CALLERS.replaceAll('-', ''), 'hex');
  const bytes = createHash('sha1').update(space).update(text, 'utf8').digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
