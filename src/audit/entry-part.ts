import { type CanonicalObject, safeText, timeText } from './canonical.ts';
import type { Fold } from './port.ts';

/** Parts that entries of several types have in common. */

export function head(type: string, record: { readonly id: string; readonly timeMs: number }): CanonicalObject {
  return { v: 1, type, id: safeText(record.id, 64), time: timeText(record.timeMs) };
}

export function foldOf(fold: Fold | undefined): CanonicalObject {
  if (fold === undefined) return {};
  const outcomes = Object.entries(fold.outcomes).slice(0, 32);
  return {
    fold: {
      count: integer(fold.count),
      last: timeText(fold.lastTimeMs),
      ids: fold.ids.slice(0, 64).map((id) => safeText(id, 64)),
      outcomes: Object.fromEntries(outcomes.map(([kind, count]) => [safeText(kind, 64), integer(count)])),
      ...(fold.isMixed === true ? { mixed: true } : {}),
    },
  };
}

export function optional(name: string, value: string | undefined, max: number): CanonicalObject {
  return value === undefined ? {} : { [name]: safeText(value, max) };
}

export function integer(value: number): number {
  const rounded = Math.round(value) + 0;
  return Number.isSafeInteger(rounded) ? rounded : 0;
}
