import { Buffer } from 'node:buffer';
import type { Outcome } from '../core/decision.ts';
import type { EventRecord, OutcomeRecord, RefusalRecord } from '../core/record.ts';
import { type CanonicalObject, canonicalText, plainValue, safeText, timeText } from './canonical.ts';
import { draftDecision } from './decision-entry.ts';
import { type Draft, MAX_ENTRY_BYTES } from './draft.ts';
import { foldOf, head, integer, optional } from './entry-part.ts';
import type { AuditItem, GapRecord } from './item.ts';
import type { Fold } from './port.ts';

/**
 * An item as an entry of format 1: one canonical JSON object with `v`, `type`, `id` and `time`, at most 65,535 bytes. Every text
 * is bounded and free of control characters; what is cut is named in `truncated`. Holds no body, no credential, and of what the
 * decision read only a digest of the sealed form (`seal.ts`).
 */
export function draftEntry(item: AuditItem): Draft {
  switch (item.kind) {
    case 'decision':
      return draftDecision(item.record, item.fold);
    case 'outcome':
      return { type: 'outcome.v1', entry: outcomeEntry(item.record) };
    case 'refusal':
      return { type: 'refusal.v1', entry: refusalEntry(item.record, item.fold) };
    case 'event':
      return { type: 'event.v1', entry: eventEntry(item.record) };
    case 'gap':
      return { type: 'gap.v1', entry: gapEntry(item.record) };
    default:
      throw new TypeError(`unknown item ${item satisfies never}`);
  }
}

/** The entry's one text. `sealed` is the digest of its sealed part. */
export function entryText(draft: Draft, sealed?: string): string {
  const text = canonicalText(sealed === undefined ? draft.entry : { ...draft.entry, sealed });
  // INVARIANT: no entry exceeds its bound; the drafts below are cut until it holds.
  if (Buffer.byteLength(text) > MAX_ENTRY_BYTES) throw new RangeError('an entry exceeds its bound');
  return text;
}

function outcomeEntry(record: OutcomeRecord): CanonicalObject {
  return { ...head('outcome.v1', record), durationMs: integer(record.durationMs), outcome: outcomeOf(record.outcome) };
}

function outcomeOf(outcome: Outcome): CanonicalObject {
  switch (outcome.kind) {
    case 'answered':
      return { kind: outcome.kind, status: integer(outcome.status), ...optional('detail', outcome.detail, 512) };
    case 'not_forwarded':
      return { kind: outcome.kind, status: integer(outcome.status) };
    case 'broken':
      return {
        kind: outcome.kind,
        reason: outcome.reason,
        ...(outcome.status === undefined ? {} : { status: integer(outcome.status) }),
      };
    case 'delegated':
    case 'unknown':
      return { kind: outcome.kind };
    default:
      throw new TypeError(`unknown outcome ${outcome satisfies never}`);
  }
}

function refusalEntry(record: RefusalRecord, fold: Fold | undefined): CanonicalObject {
  return {
    ...head('refusal.v1', record),
    target: safeText(record.target, 128),
    door: safeText(record.door, 64),
    peer: safeText(record.peer, 128),
    code: safeText(record.code, 64),
    status: integer(record.status),
    ...optional('method', record.method, 64),
    ...optional('path', record.path, 2_048),
    ...foldOf(fold),
  };
}

function eventEntry(record: EventRecord): CanonicalObject {
  const entries = Object.entries(record.detail);
  const detail = entries
    .slice(0, 32)
    .map(([name, value]) => [safeText(name, 64), plainValue(value, { depth: 1, text: 512, members: 1 })] as const);
  return {
    ...head('event.v1', record),
    event: safeText(record.type, 64),
    caller: safeText(record.caller, 512),
    detail: Object.fromEntries(detail),
    ...(entries.length > 32 ? { truncated: ['detail'] } : {}),
  };
}

function gapEntry(record: GapRecord): CanonicalObject {
  const lost = Object.entries(record.lost).slice(0, 16);
  return {
    ...head('gap.v1', record),
    until: timeText(record.untilMs),
    lost: Object.fromEntries(lost.map(([kind, count]) => [safeText(kind, 64), integer(count)])),
  };
}
