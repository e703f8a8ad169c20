import { createHash } from 'node:crypto';
import type { DecisionRecord, RefusalRecord } from '../core/record.ts';

/** Longer keys stand as their digest: a call may ask for hundreds of things, and keys are held for each open window. */
const MAX_KEY_LENGTH = 256;

/**
 * What makes two polls the same: caller, action, verdict, revision, the target and operation they went to, and each resource.
 * A decision id leads to the entry of its window, so that whatever an explanation shows has to be the same for all.
 */
export function pollKey(record: DecisionRecord): string {
  return key(
    kindKey(record),
    record.operation,
    ...record.decision.requests.flatMap(({ action, resource }) => [action, resource]),
  );
}

/** Polls of one caller, verdict and revision, of whatever they were: only so many windows are kept for one of these. */
export function kindKey(record: DecisionRecord): string {
  const { decision } = record;
  return key(record.class, record.target, record.caller, decision.verdict, decision.mode, decision.code, decision.policyRevision);
}

/** Refusals of somebody who cannot be named, by where they came from. */
export function refusalKey(record: RefusalRecord): string {
  return key('refusal', record.target, record.code, record.peer);
}

/** Denials of anonymous calls, likewise. */
export function anonymousKey(record: DecisionRecord): string {
  return key('anonymous', record.target, record.decision.code, record.peer);
}

/** Whoever holds an IPv6 network of a customer's usual size has 2^64 addresses: they are one source. */
export function sourceOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!plain.includes(':')) return plain.slice(0, 64);
  const [head = '', tail] = plain.split('%')[0]?.toLowerCase().split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right].map((group) => group.replace(/^0+(?=.)/, ''));
  return `${groups.slice(0, 4).join(':')}::/64`.slice(0, 64);
}

function key(...parts: readonly string[]): string {
  const text = JSON.stringify(parts);
  return text.length <= MAX_KEY_LENGTH ? text : createHash('sha256').update(text).digest('base64url');
}
