import { Buffer } from 'node:buffer';
import type { EventRecord, OutcomeRecord, RefusalRecord } from '../core/record.ts';
import { type CanonicalObject, canonicalText, plainValue, safeQuoted, safeText, timeText } from './canonical.ts';
import { draftDecision } from './decision-entry.ts';
import { type Draft, type EntryType, MAX_ENTRY_BYTES } from './draft.ts';
import { foldOf, head, integer, optional, outcomeText } from './entry-part.ts';
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
      return draftDecision(item);
    case 'outcome':
      return { type: 'outcome.v1', head: outcomeEntry(item.record), tail: '' };
    case 'refusal':
      return draftOf('refusal.v1', refusalEntry(item.record, item.fold));
    case 'event':
      return draftOf('event.v1', eventEntry(item.record));
    case 'gap':
      return draftOf('gap.v1', gapEntry(item.record));
    default:
      throw new TypeError(`unknown item ${item satisfies never}`);
  }
}

function draftOf(type: EntryType, entry: CanonicalObject): Draft {
  const text = canonicalText(entry);
  // INVARIANT: no entry exceeds its bound. A text of so many UTF-16 units cannot, and most are shorter.
  if (text.length * 3 > MAX_ENTRY_BYTES && Buffer.byteLength(text) > MAX_ENTRY_BYTES) {
    throw new RangeError('an entry exceeds its bound');
  }
  return { type, head: text, tail: '' };
}

/** Written directly, as a decision is (`decision-entry.ts`). */
function outcomeEntry({ id, timeMs, durationMs, outcome }: OutcomeRecord): string {
  const start = `{"durationMs":${integer(durationMs)},"id":${safeQuoted(id, 64)},"outcome":${outcomeText(outcome)}`;
  return `${start},"time":"${timeText(timeMs)}","type":"outcome.v1","v":1}`;
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
    ...(fold === undefined ? {} : { fold: foldOf(fold) }),
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
