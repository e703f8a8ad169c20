import type { Decision } from '../core/decision.ts';
import type { AuditEntry, DecisionEntry, Fold, OutcomeSummary } from './port.ts';
import type { Opener } from './seal.ts';

/** A row as search reads it. */
export interface EntryRow {
  readonly seq: number;
  /** Canonical text. */
  readonly entry: string;
  readonly sealed: Uint8Array | undefined;
  /** Canonical text of the outcome's entry. */
  readonly outcome: string | undefined;
}

/** A canonical entry as readers see it. `opener` is given for administrators alone; without it, what was sealed stays so. */
export function readEntry(row: EntryRow, opener: Opener | undefined): AuditEntry {
  // Entries were written by `entry.ts`; one of a later format has a type that this switch does not know.
  const stored = JSON.parse(row.entry) as Stored;
  const head = { seq: row.seq, id: stored.id, timeMs: Date.parse(stored.time), truncated: stored.truncated ?? [] };
  switch (stored.type) {
    case 'decision.v1':
      return decisionEntry(head, stored, row, opener);
    case 'outcome.v1':
      return { ...head, type: stored.type, outcome: stored.outcome, durationMs: stored.durationMs };
    case 'refusal.v1': {
      const { v: _, time: __, fold, truncated: ___, ...rest } = stored;
      return { ...rest, ...head, ...(fold === undefined ? {} : { fold: readFold(fold) }) };
    }
    case 'event.v1':
      return { ...head, type: stored.type, event: stored.event, caller: stored.caller, detail: stored.detail };
    case 'gap.v1':
      return { ...head, type: stored.type, lost: stored.lost, untilMs: Date.parse(stored.until) };
    default:
      throw new TypeError(`unknown entry ${stored satisfies never}`);
  }
}

/** The summary that stands with a decision, from an entry of its own. */
function readOutcome(text: string | undefined): OutcomeSummary | undefined {
  if (text === undefined) return undefined;
  const stored = JSON.parse(text) as Stored;
  if (stored.type !== 'outcome.v1') return undefined;
  return summaryOf(stored);
}

function summaryOf({ outcome, durationMs, time }: StoredOutcome): OutcomeSummary {
  return { outcome, timeMs: Date.parse(time), durationMs };
}

type StoredFold = Omit<Fold, 'lastTimeMs' | 'isMixed'> & { readonly last: string; readonly mixed?: boolean };
type StoredHead = { readonly v: 1; readonly id: string; readonly time: string; readonly truncated?: readonly string[] };
type Unread<T> = Omit<T, 'seq' | 'timeMs' | 'truncated' | 'fold'> & StoredHead & { readonly fold?: StoredFold };
type StoredOutcome = Pick<OutcomeSummary, 'durationMs' | 'outcome'> & { readonly time: string };
type StoredDecision = Unread<Omit<DecisionEntry, 'attributes' | 'outcome'>> & { readonly ended?: StoredOutcome };
type Stored =
  | StoredDecision
  | Unread<Extract<AuditEntry, { type: 'outcome.v1' }>>
  | Unread<Extract<AuditEntry, { type: 'refusal.v1' }>>
  | Unread<Extract<AuditEntry, { type: 'event.v1' }>>
  | (Unread<Omit<Extract<AuditEntry, { type: 'gap.v1' }>, 'untilMs'>> & { readonly until: string });

type Head = Pick<AuditEntry, 'seq' | 'id' | 'timeMs' | 'truncated'>;

/** What `decision-entry.ts` sealed. */
interface Secret {
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Per request and clause, in the entry's order. */
  readonly observed: readonly (readonly string[])[];
}

function decisionEntry(head: Head, stored: StoredDecision, row: EntryRow, opener: Opener | undefined): DecisionEntry {
  const { v: _, time: __, truncated: ___, fold, ended, ...rest } = stored;
  const secret = openSecret(stored.id, row.sealed, opener);
  const outcome = ended === undefined ? readOutcome(row.outcome) : summaryOf(ended);
  return {
    ...withoutDigest(rest),
    ...head,
    decision: withObserved(stored.decision, secret?.observed ?? []),
    attributes: secret?.attributes,
    ...(fold === undefined ? {} : { fold: readFold(fold) }),
    ...(outcome === undefined ? {} : { outcome }),
  };
}

function withoutDigest<T extends object>(stored: T): T {
  const { sealed: _, ...rest } = stored as T & { readonly sealed?: string };
  return rest as T;
}

/** A decision that read nothing has nothing sealed; its attributes are empty rather than hidden. */
function openSecret(id: string, sealed: Uint8Array | undefined, opener: Opener | undefined): Secret | undefined {
  if (opener === undefined) return undefined;
  if (sealed === undefined) return { attributes: {}, observed: [] };
  const text = opener.open(sealed, id);
  return text === undefined ? undefined : (JSON.parse(text) as Secret);
}

function withObserved(decision: Decision, observed: Secret['observed']): Decision {
  const requests = decision.requests.map((request, index) => ({
    ...request,
    clauses: request.clauses.map((clause, place) => ({ ...clause, observed: observed[index]?.[place] ?? '' })),
  }));
  return { ...decision, requests };
}

function readFold({ last, mixed, ...fold }: StoredFold): Fold {
  return { ...fold, lastTimeMs: Date.parse(last), ...(mixed === true ? { isMixed: true } : {}) };
}
