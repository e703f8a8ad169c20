import { Buffer } from 'node:buffer';
import type { Clause, Decision, Obligation, RequestDecision, RuleRef } from '../core/decision.ts';
import type { DecisionRecord } from '../core/record.ts';
import { type CanonicalObject, type CanonicalValue, canonicalText, plainValue, safeText, timeText } from './canonical.ts';
import { type Draft, MAX_ENTRY_BYTES } from './draft.ts';
import { foldOf, integer, optional } from './entry-part.ts';
import type { Fold } from './port.ts';

/** The most of a decision that an entry can hold. */
export function draftDecision(record: DecisionRecord, fold: Fold | undefined): Draft {
  for (const extent of EXTENTS) {
    const draft = decisionWithin(record, fold, extent);
    if (fits(draft.entry)) return draft;
  }
  throw new RangeError('an entry exceeds its bound');
}

/** Steps from the whole to the least; the first that fits is taken. What each leaves out is named. */
interface Extent {
  readonly requests: number;
  readonly clauses: number;
  readonly rules: number;
  readonly specs: boolean;
}

const EXTENTS: readonly Extent[] = [
  { requests: 256, clauses: 64, rules: 32, specs: true },
  { requests: 256, clauses: 8, rules: 8, specs: true },
  { requests: 64, clauses: 0, rules: 4, specs: false },
  { requests: 8, clauses: 0, rules: 2, specs: false },
  { requests: 1, clauses: 0, rules: 1, specs: false },
];

/** Room for the digest of the sealed part. */
const SEALED_BYTES = 100;

/** No UTF-16 unit takes more than three bytes, so that most entries need not be counted exactly. */
function fits(entry: CanonicalObject): boolean {
  const room = MAX_ENTRY_BYTES - SEALED_BYTES;
  return JSON.stringify(entry).length * 3 <= room || Buffer.byteLength(canonicalText(entry)) <= room;
}

function decisionWithin(record: DecisionRecord, fold: Fold | undefined, extent: Extent): Draft {
  const truncated = new Set<string>();
  const kept = deciding(record.decision.requests, extent.requests, truncated);
  const requests = kept.map((request) => requestOf(request, extent, truncated));
  const observed = observedIn(kept, extent);
  const entry = {
    v: 1,
    type: 'decision.v1',
    id: safeText(record.id, 64),
    time: timeText(record.timeMs),
    target: safeText(record.target, 128),
    door: safeText(record.door, 64),
    class: record.class,
    caller: safeText(record.caller, 512),
    source: safeText(record.source, 128),
    peer: safeText(record.peer, 128),
    method: safeText(record.method, 64),
    path: safeText(record.path, 2_048),
    operation: safeText(record.operation, 256),
    decision: decisionOf(record.decision, requests, extent, truncated),
    ...optional('traceparent', record.traceparent, 128),
    ...optional('spiffe', record.spiffe, 512),
    ...foldOf(fold),
    ...(truncated.size > 0 ? { truncated: [...truncated].sort() } : {}),
  };
  const attributes = secretAttributes(record.attributes);
  const hasSecret = Object.keys(attributes).length > 0 || observed.some((texts) => texts.length > 0);
  return { type: 'decision.v1', entry, ...(hasSecret ? { secret: { attributes, observed } } : {}) };
}

function decisionOf(
  decision: Decision,
  requests: readonly CanonicalObject[],
  extent: Extent,
  truncated: Set<string>,
): CanonicalObject {
  return {
    verdict: decision.verdict,
    mode: decision.mode,
    code: safeText(decision.code, 64),
    policyRevision: safeText(decision.policyRevision, 128),
    meshRevision: safeText(decision.meshRevision, 128),
    requests,
    obligations: cut(decision.obligations, extent.rules, 'decision.obligations', truncated).map((obligation) =>
      obligationOf(obligation, extent, truncated),
    ),
  };
}

/** What decided stays when a list is cut: requests that were not allowed come before the others, otherwise in their order. */
function deciding(requests: readonly RequestDecision[], limit: number, truncated: Set<string>): readonly RequestDecision[] {
  if (requests.length <= limit) return requests;
  truncated.add('decision.requests');
  const refused = requests.filter((request) => request.verdict !== 'allow');
  const allowed = requests.filter((request) => request.verdict === 'allow');
  return [...refused, ...allowed].slice(0, limit);
}

function requestOf(request: RequestDecision, extent: Extent, truncated: Set<string>): CanonicalObject {
  const path = 'decision.requests';
  return {
    action: safeText(request.action, 256),
    resource: safeText(request.resource, 1_024),
    verdict: request.verdict,
    tier: request.tier,
    code: safeText(request.code, 64),
    rules: cut(request.rules, extent.rules, `${path}.rules`, truncated).map(ruleOf),
    mesh: cut(request.mesh, extent.rules, `${path}.mesh`, truncated).map((name) => safeText(name, 256)),
    clauses: cut(request.clauses, extent.clauses, `${path}.clauses`, truncated).map(clauseOf),
    wouldDeny: cut(request.wouldDeny, extent.rules, `${path}.wouldDeny`, truncated).map(ruleOf),
    ...(request.moment === undefined ? {} : { moment: request.moment }),
    ...optional('impliedBy', request.impliedBy, 256),
  };
}

function clauseOf(clause: Clause): CanonicalObject {
  return {
    rule: safeText(clause.rule, 256),
    part: clause.part,
    pattern: safeText(clause.pattern, 512),
    result: clause.result,
    line: integer(clause.line),
  };
}

function ruleOf(rule: RuleRef): CanonicalObject {
  return { file: safeText(rule.file, 256), line: integer(rule.line), name: safeText(rule.name, 256) };
}

function obligationOf(obligation: Obligation, extent: Extent, truncated: Set<string>): CanonicalObject {
  if (!extent.specs) truncated.add('decision.obligations.spec');
  const spec = extent.specs ? plainValue(obligation.spec, { depth: 6, text: 256, members: 32 }) : {};
  return { kind: obligation.kind, rule: ruleOf(obligation.rule), spec };
}

/** What the kept clauses saw, in their order; half an entry's worth at most. */
function observedIn(requests: readonly RequestDecision[], extent: Extent): readonly (readonly string[])[] {
  let room = MAX_ENTRY_BYTES / 2;
  return requests.map((request) =>
    request.clauses.slice(0, extent.clauses).map((clause) => {
      const text = safeText(clause.observed, 512);
      room -= text.length;
      return room < 0 ? '…' : text;
    }),
  );
}

/** At most a quarter of an entry; attributes that do not fit are left out by name. */
function secretAttributes(attributes: Readonly<Record<string, unknown>>): CanonicalObject {
  const kept: Record<string, CanonicalValue> = Object.create(null);
  let room = MAX_ENTRY_BYTES / 4;
  for (const [name, value] of Object.entries(attributes).slice(0, 256)) {
    if (value === undefined) continue;
    const plain = plainValue(value, { depth: 8, text: 2_048, members: 64 });
    const size = canonicalText(plain).length;
    if (size > room) kept[safeText(name, 256)] = '…';
    else {
      kept[safeText(name, 256)] = plain;
      room -= size;
    }
  }
  return kept;
}

function cut<T>(items: readonly T[], limit: number, name: string, truncated: Set<string>): readonly T[] {
  if (items.length <= limit) return items;
  truncated.add(name);
  return items.slice(0, limit);
}
