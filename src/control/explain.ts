import type { AuditEntry, DecisionEntry } from '../audit/port.ts';
import type { AccessRequest } from '../core/access.ts';
import { type Caller, callerText, subjectText } from '../core/caller.ts';
import { Problem } from '../core/problem.ts';
import type { NearestRule } from '../policy/port.ts';
import { type Known, mayDo } from './authorize.ts';
import type { ControlParts } from './parts.ts';
import { readInput } from './sealed-input.ts';

/** `GET /api/v1/decisions/ID`, and what the why page shows. */
export type Explanation =
  | {
      readonly form: 'full';
      readonly sentence: string;
      readonly entry: AuditEntry;
      /** Rules that would have allowed each denied request, per request in order. */
      readonly nearest: readonly NearestOf[];
      /** Why `nearest` is empty, when it is. */
      readonly nearestNote?: string;
    }
  | { readonly form: 'short'; readonly sentence: string; readonly id: string; readonly code: string; readonly timeMs: number };

export interface NearestOf {
  readonly action: string;
  readonly resource: string;
  readonly rules: readonly NearestRule[];
}

/** In full for those who may explain others' decisions, in one sentence for the decision's own subject, and not there for others. */
export async function explain(parts: ControlParts, known: Known, id: string): Promise<Explanation> {
  const isFull = mayDo(parts, known.caller, { action: 'fairlead.decision.explain', on: ['decisions', id] });
  const entry = await parts.search.get(id, { reveal: isFull });
  if (entry === undefined || (!isFull && !isOwn(entry, known.caller))) {
    throw new Problem({ code: 'DECISION_UNKNOWN', kind: 'not_found', message: 'no decision with this id concerns you' });
  }
  if (entry.type !== 'decision.v1') return explainOther(entry);
  if (!isFull) {
    const sentence = parts.sentence(entry.decision, known.disclose);
    return { form: 'short', sentence, id, code: entry.decision.code, timeMs: entry.timeMs };
  }
  return { form: 'full', sentence: parts.sentence(entry.decision, 'rule'), entry, ...nearestOf(parts, entry) };
}

function explainOther(entry: Exclude<AuditEntry, DecisionEntry>): Explanation {
  const sentence = entry.type === 'refusal.v1' ? `the call was refused: ${entry.code}` : `an entry of type ${entry.type}`;
  return { form: 'full', sentence, entry, nearest: [], nearestNote: 'no policy was asked' };
}

function nearestOf(parts: ControlParts, entry: DecisionEntry): { nearest: readonly NearestOf[]; nearestNote?: string } {
  if (entry.decision.verdict !== 'deny') return { nearest: [], nearestNote: 'nothing was denied' };
  const input = readInput(entry.attributes?.['fairlead.input'], entry.peer);
  if (input === undefined) return { nearest: [], nearestNote: 'what the decision saw was not kept with the record' };
  const nearest = input.requests.flatMap((request: AccessRequest, index) => {
    const decided = entry.decision.requests[index];
    if (decided === undefined || decided.verdict !== 'deny') return [];
    return [{ action: decided.action, resource: decided.resource, rules: parts.nearest(input.caller, request) }];
  });
  return { nearest };
}

/** The decision is about this caller: as subject, or as the one who acted. */
export function isOwn(entry: AuditEntry, caller: Caller): boolean {
  if (entry.type !== 'decision.v1') return false;
  const subject = subjectText(caller.subject);
  return entry.caller === callerText(caller) || entry.caller === subject || entry.caller.endsWith(` for ${subject}`);
}
