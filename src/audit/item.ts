import type { DecisionRecord, EventRecord, OutcomeRecord, RefusalRecord } from '../core/record.ts';
import type { Fold } from './port.ts';

/** One thing to be written, as the gateway's thread hands it to the writer: as JSON text, the cheapest form to pass. */
export type AuditItem =
  /** `isOpen`: an outcome is owed, and is stated as unknown if this process ends first. */
  | { readonly kind: 'decision'; readonly record: DecisionRecord; readonly isOpen: boolean; readonly fold?: Fold }
  | { readonly kind: 'outcome'; readonly record: OutcomeRecord }
  | { readonly kind: 'refusal'; readonly record: RefusalRecord; readonly fold?: Fold }
  | { readonly kind: 'event'; readonly record: EventRecord }
  | { readonly kind: 'gap'; readonly record: GapRecord };

export interface GapRecord {
  readonly id: string;
  readonly timeMs: number;
  readonly untilMs: number;
  readonly lost: Readonly<Record<string, number>>;
}

/** JSON of an item; integers too big for JSON stand as their digits. */
export function itemText(item: AuditItem): string {
  try {
    return JSON.stringify(item);
  } catch (thrown) {
    // JSON has no form for the language's int. A replacer is slow, so it is used only when one is met.
    if (!(thrown instanceof TypeError)) throw thrown;
    return JSON.stringify(item, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  }
}
