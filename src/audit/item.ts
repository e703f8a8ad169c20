import type { DecisionRecord, EventRecord, OutcomeRecord, RefusalRecord } from '../core/record.ts';
import { safeText } from './canonical.ts';
import { draftEntry } from './entry.ts';
import { integer, MAX_FOLDED } from './entry-part.ts';
import type { Fold } from './port.ts';
import { actionSet, resourceLines, TYPE_NUMBER, VERDICT_NUMBER } from './row.ts';

/** One thing to be written. */
export type AuditItem =
  | DecisionItem
  | { readonly kind: 'outcome'; readonly record: OutcomeRecord }
  | { readonly kind: 'refusal'; readonly record: RefusalRecord; readonly fold?: Fold }
  | { readonly kind: 'event'; readonly record: EventRecord }
  | { readonly kind: 'gap'; readonly record: GapRecord };

export interface DecisionItem {
  readonly kind: 'decision';
  readonly record: DecisionRecord;
  /** An outcome is owed, and is stated as unknown if this process ends first. */
  readonly isOpen: boolean;
  readonly fold?: Fold;
  /** How the call ended, when that was known before the decision was handed over. */
  readonly end?: OutcomeRecord;
}

export interface GapRecord {
  readonly id: string;
  readonly timeMs: number;
  readonly untilMs: number;
  readonly lost: Readonly<Record<string, number>>;
}

/** What the writer makes rows of. */
export interface ItemRow {
  /** Number of `TYPE_NUMBER`. */
  readonly type: number;
  readonly id: string;
  readonly timeMs: number;
  readonly isOpen: boolean;
  /** Number of `VERDICT_NUMBER`. */
  readonly verdict: number | undefined;
  readonly caller: string | undefined;
  readonly target: string | undefined;
  /** `actionSet` */
  readonly actions: string | undefined;
  /** `resourceLines` */
  readonly resources: string | undefined;
  /** Ids of the other calls that the entry stands for. */
  readonly folded: readonly string[];
  /** The entry's text before and after the member `sealed`. */
  readonly head: string;
  readonly tail: string;
  /** What is to be sealed. */
  readonly secret: string | undefined;
}

/**
 * An item as it passes from the gateway's thread to the writer: the parts of its row, with the entry in its final text, so that
 * it is put into words once. No part holds a control character, but for the line ends between resources.
 */
export function itemText(item: AuditItem): string {
  const { type, head, tail, secret = '' } = draftEntry(item);
  const { id, timeMs } = item.record;
  const isOpen = item.kind === 'decision' && item.isOpen ? '1' : '';
  const folded = 'fold' in item && item.fold !== undefined ? foldedText(item.fold) : '';
  const start = `${TYPE_NUMBER[type]}${PART}${safeText(id, 64)}${PART}${integer(timeMs)}${PART}${isOpen}${PART}${searchedText(item)}`;
  return `${start}${PART}${folded}${PART}${head}${PART}${tail}${PART}${secret}`;
}

/** The other way. Throws a TypeError for what `itemText` did not make. */
export function readItem(text: string): ItemRow {
  const parts = text.split(PART);
  const [type, id, timeMs, isOpen, verdict, caller, target, actions, resources, folded, head, tail, secret] = parts;
  if (parts.length !== PARTS || id === undefined || !head || !Number(type)) throw new TypeError('not an item');
  return {
    type: Number(type),
    id,
    timeMs: Number(timeMs),
    isOpen: isOpen === '1',
    verdict: verdict ? Number(verdict) : undefined,
    caller: caller || undefined,
    target: target || undefined,
    actions: actions || undefined,
    resources: resources || undefined,
    folded: folded ? folded.split(' ') : [],
    head,
    tail: tail ?? '',
    secret: secret || undefined,
  };
}

const PART = '\u001f';
const PARTS = 13;

/** verdict, caller, target, actions, resources */
function searchedText(item: AuditItem): string {
  switch (item.kind) {
    case 'decision': {
      const { caller, target, decision } = item.record;
      const actions = actionSet(decision.requests.map((request) => safeText(request.action, 256)));
      const resources = resourceLines(decision.requests.map((request) => safeText(request.resource, 1_024)));
      const names = `${safeText(caller, 512)}${PART}${safeText(target, 128)}${PART}${safeText(actions, 16_384)}`;
      return `${VERDICT_NUMBER[decision.verdict]}${PART}${names}${PART}${resources}`;
    }
    case 'refusal':
      return `${PART}${PART}${safeText(item.record.target, 128)}${PART}${PART}`;
    case 'event':
      return `${PART}${safeText(item.record.caller, 512)}${PART}${PART}${PART}`;
    case 'outcome':
    case 'gap':
      return `${PART}${PART}${PART}${PART}`;
    default:
      throw new TypeError(`unknown item ${item satisfies never}`);
  }
}

/** An id that is cut or holds a space is of no call. */
function foldedText(fold: Fold): string {
  return fold.ids
    .slice(0, MAX_FOLDED)
    .map((id) => safeText(id, 64).replaceAll(' ', '_'))
    .join(' ');
}
