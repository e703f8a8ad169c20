import type { Outcome } from '../core/decision.ts';
import { type CanonicalObject, quoted, safeQuoted, safeText, timeText } from './canonical.ts';
import type { Fold } from './port.ts';

/** Parts that entries of several types have in common. */

export function head(type: string, record: { readonly id: string; readonly timeMs: number }): CanonicalObject {
  return { v: 1, type, id: safeText(record.id, 64), time: timeText(record.timeMs) };
}

/** How a call ended. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'answered': {
      const detail = outcome.detail === undefined ? '' : `"detail":${safeQuoted(outcome.detail, 512)},`;
      return `{${detail}"kind":"answered","status":${integer(outcome.status)}}`;
    }
    case 'not_forwarded':
      return `{"kind":"not_forwarded","status":${integer(outcome.status)}}`;
    case 'broken': {
      const status = outcome.status === undefined ? '' : `,"status":${integer(outcome.status)}`;
      return `{"kind":"broken","reason":${quoted(outcome.reason)}${status}}`;
    }
    case 'delegated':
    case 'unknown':
      return `{"kind":"${outcome.kind}"}`;
    default:
      throw new TypeError(`unknown outcome ${outcome satisfies never}`);
  }
}

export function foldOf(fold: Fold): CanonicalObject {
  const outcomes = Object.entries(fold.outcomes).slice(0, 32);
  return {
    count: integer(fold.count),
    last: timeText(fold.lastTimeMs),
    ids: fold.ids.slice(0, MAX_FOLDED).map((id) => safeText(id, 64)),
    outcomes: Object.fromEntries(outcomes.map(([kind, count]) => [safeText(kind, 64), integer(count)])),
    ...(fold.isMixed === true ? { mixed: true } : {}),
  };
}

/** Ids of further calls that a folded entry names. */
export const MAX_FOLDED = 64;

export function optional(name: string, value: string | undefined, max: number): CanonicalObject {
  return value === undefined ? {} : { [name]: safeText(value, max) };
}

export function integer(value: number): number {
  const rounded = Math.round(value) + 0;
  return Number.isSafeInteger(rounded) ? rounded : 0;
}
