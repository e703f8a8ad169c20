import type { AuditEntry, DecisionEntry } from '../audit/port.ts';
import type { AccessRequest } from '../core/access.ts';
import { type Caller, callerText, subjectText } from '../core/caller.ts';
import { Problem } from '../core/problem.ts';
import type { NearestRule } from '../policy/port.ts';
import { type Asked, authorize, type Known, mayDo } from './authorize.ts';
import type { ControlParts } from './parts.ts';
import { readInput } from './sealed-input.ts';
import { parseCallerText } from './subject-text.ts';

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

/**
 * In full for those who may explain others' decisions, in one sentence for the decision's own subject, and not there for others: they
 * cannot tell whether it exists. What is told in full, or refused, is recorded first. `nearest` holds rules by the policy that is
 * active now.
 */
export async function explain(
  parts: ControlParts,
  known: Known,
  id: string,
  options: { readonly nearest: boolean },
): Promise<Explanation> {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw unknown();
  const asked: Asked = { action: 'fairlead.decision.explain', class: 'read', on: ['decisions', id] };
  if (!mayDo(parts, known.caller, asked)) {
    const entry = await parts.search.get(id);
    if (entry?.type === 'decision.v1' && isOwnText(entry.caller, known.caller)) return short(parts, known, entry, id);
    await authorize(parts, known, asked).catch((error: unknown) => {
      throw error instanceof Problem && error.kind === 'denied' ? unknown() : error;
    });
    throw unknown();
  }
  await authorize(parts, known, asked);
  const entry = await parts.search.get(id, { reveal: true });
  if (entry === undefined) throw unknown();
  if (entry.type !== 'decision.v1') return explainOther(entry);
  const input = readInput(entry.attributes?.['fairlead.input'], entry.peer);
  const nearest = options.nearest ? nearestOf(parts, entry, input) : { nearest: [], nearestNote: 'it was not asked for' };
  // The text in the record has no way back for callers without a name: the anonymous, and holders of a shared secret.
  const about = isOwnText(entry.caller, known.caller) ? undefined : (input?.caller ?? parseCallerText(entry.caller));
  return { form: 'full', sentence: parts.sentence(entry.decision, 'rule', about), entry, ...nearest };
}

/** True for the text of a caller in the record when it is this one; a person also sees what others did in their name. */
export function isOwnText(text: string, caller: Caller): boolean {
  if (text === callerText(caller)) return true;
  return caller.actors.length === 0 && text.endsWith(` for ${subjectText(caller.subject)}`);
}

function short(parts: ControlParts, known: Known, entry: DecisionEntry, id: string): Explanation {
  const { decision, timeMs } = entry;
  return { form: 'short', sentence: parts.sentence(decision, known.disclose), id, code: decision.code, timeMs };
}

function unknown(): Problem {
  return new Problem({ code: 'DECISION_UNKNOWN', kind: 'not_found', message: 'no decision with this id concerns you' });
}

function explainOther(entry: Exclude<AuditEntry, DecisionEntry>): Explanation {
  const sentence = entry.type === 'refusal.v1' ? `the call was refused: ${entry.code}` : `an entry of type ${entry.type}`;
  return { form: 'full', sentence, entry, nearest: [], nearestNote: 'no policy was asked' };
}

function nearestOf(
  parts: ControlParts,
  entry: DecisionEntry,
  input: ReturnType<typeof readInput>,
): { nearest: readonly NearestOf[]; nearestNote?: string } {
  if (entry.decision.verdict !== 'deny') return { nearest: [], nearestNote: 'nothing was denied' };
  if (input === undefined) return { nearest: [], nearestNote: 'what the decision saw was not kept with the record' };
  const nearest = input.requests.flatMap((request: AccessRequest, index) => {
    const decided = entry.decision.requests[index];
    if (decided === undefined || decided.verdict !== 'deny') return [];
    return [{ action: decided.action, resource: decided.resource, rules: parts.nearest(input.caller, request) }];
  });
  return { nearest };
}
