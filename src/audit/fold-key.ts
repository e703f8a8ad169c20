import type { DecisionRecord, RefusalRecord } from '../core/record.ts';

/** What makes two polls the same: caller, action, verdict, revision, and the target they went to. */
export function pollKey(record: DecisionRecord): string {
  const { decision } = record;
  const actions = decision.requests.map((request) => request.action);
  return key(
    record.class,
    record.target,
    record.caller,
    decision.verdict,
    decision.mode,
    decision.code,
    decision.policyRevision,
    ...actions,
  );
}

/** A held call that is asked again: as a poll, of the same resources. */
export function holdKey(record: DecisionRecord): string {
  return key(pollKey(record), ...record.decision.requests.map((request) => request.resource));
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
  return JSON.stringify(parts);
}
