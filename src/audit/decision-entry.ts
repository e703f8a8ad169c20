import { Buffer } from 'node:buffer';
import type { Clause, Decision, Obligation, RequestDecision, RuleRef } from '../core/decision.ts';
import type { DecisionRecord, OutcomeRecord } from '../core/record.ts';
import {
  type CanonicalObject,
  type CanonicalValue,
  canonicalText,
  plainValue,
  quoted,
  safeQuoted,
  safeText,
  timeText,
} from './canonical.ts';
import { type Draft, MAX_ENTRY_BYTES } from './draft.ts';
import { foldOf, integer, outcomeText } from './entry-part.ts';
import type { DecisionItem } from './item.ts';

/**
 * The most of a decision that an entry can hold. Every call has one, so its text is written directly instead of being made from
 * an object: members stand in the order of RFC 8785, which a test holds against the general way.
 */
export function draftDecision(item: DecisionItem): Draft {
  for (const extent of EXTENTS) {
    const draft = decisionWithin(item, extent);
    if (fits(draft)) return draft;
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

const WHOLE: Extent = { requests: 256, clauses: 64, rules: 32, specs: true };
const EXTENTS: readonly Extent[] = [
  WHOLE,
  { requests: 256, clauses: 8, rules: 8, specs: true },
  { requests: 64, clauses: 0, rules: 4, specs: false },
  { requests: 8, clauses: 0, rules: 2, specs: false },
  { requests: 1, clauses: 0, rules: 1, specs: false },
];

/** Room for the digest of the sealed part. */
const SEALED_BYTES = 100;

/** No UTF-16 unit takes more than three bytes, so that most entries need not be counted exactly. */
function fits({ head, tail }: Draft): boolean {
  const room = MAX_ENTRY_BYTES - SEALED_BYTES;
  return (head.length + tail.length) * 3 <= room || Buffer.byteLength(head) + Buffer.byteLength(tail) <= room;
}

function decisionWithin({ record, fold, end }: DecisionItem, extent: Extent): Draft {
  const truncated = new Set<string>();
  const requests = deciding(record.decision.requests, extent.requests, truncated);
  let head = `{"caller":${safeQuoted(record.caller, 512)},"class":${quoted(record.class)}`;
  head += `,"decision":${decisionText(record.decision, requests, extent, truncated)},"door":${safeQuoted(record.door, 64)}`;
  if (end !== undefined) head += `,"ended":${endText(end)}`;
  if (fold !== undefined) head += `,"fold":${canonicalText(foldOf(fold))}`;
  head += `,"id":${safeQuoted(record.id, 64)},"method":${safeQuoted(record.method, 64)}`;
  head += `,"operation":${safeQuoted(record.operation, 256)},"path":${safeQuoted(record.path, 2_048)}`;
  head += `,"peer":${safeQuoted(record.peer, 128)},`;
  let tail = `"source":${safeQuoted(record.source, 128)}`;
  if (record.spiffe !== undefined) tail += `,"spiffe":${safeQuoted(record.spiffe, 512)}`;
  tail += `,"target":${safeQuoted(record.target, 128)},"time":"${timeText(record.timeMs)}"`;
  if (record.traceparent !== undefined) tail += `,"traceparent":${safeQuoted(record.traceparent, 128)}`;
  if (truncated.size > 0) tail += `,"truncated":${canonicalText([...truncated].sort())}`;
  tail += ',"type":"decision.v1","v":1}';
  const secret = secretText(record, requests, extent);
  return { type: 'decision.v1', head, tail, ...(secret === undefined ? {} : { secret }) };
}

function endText({ durationMs, outcome, timeMs }: OutcomeRecord): string {
  return `{"durationMs":${integer(durationMs)},"outcome":${outcomeText(outcome)},"time":"${timeText(timeMs)}"}`;
}

function decisionText(decision: Decision, requests: readonly RequestDecision[], extent: Extent, truncated: Set<string>): string {
  const obligations = cut(decision.obligations, extent.rules, 'decision.obligations', truncated);
  let text = `{"code":${safeQuoted(decision.code, 64)},"meshRevision":${safeQuoted(decision.meshRevision, 128)}`;
  text += `,"mode":${quoted(decision.mode)}`;
  text += `,"obligations":${listText(obligations, (obligation) => obligationText(obligation, extent, truncated))}`;
  text += `,"policyRevision":${safeQuoted(decision.policyRevision, 128)}`;
  text += `,"requests":${listText(requests, (request) => requestText(request, extent, truncated))}`;
  return `${text},"verdict":${quoted(decision.verdict)}}`;
}

/** What decided stays when a list is cut: requests that were not allowed come before the others, otherwise in their order. */
function deciding(requests: readonly RequestDecision[], limit: number, truncated: Set<string>): readonly RequestDecision[] {
  if (requests.length <= limit) return requests;
  truncated.add('decision.requests');
  const refused = requests.filter((request) => request.verdict !== 'allow');
  const allowed = requests.filter((request) => request.verdict === 'allow');
  return [...refused, ...allowed].slice(0, limit);
}

function requestText(request: RequestDecision, extent: Extent, truncated: Set<string>): string {
  if (extent !== WHOLE) return requestTextWithin(request, extent, truncated);
  let text = wholeTexts.get(request);
  if (text !== undefined) return text;
  const before = truncated.size;
  text = requestTextWithin(request, extent, truncated);
  if (before === 0 && truncated.size === 0) {
    // Looking at a character makes one piece of the many that it was put together from, which else each use would do anew.
    text.charCodeAt(0);
    wholeTexts.set(request, text);
  }
  return text;
}

/** Decisions that rest on nothing that changes are remembered (`policy/remember.ts`), and so are their words. */
const wholeTexts = new WeakMap<RequestDecision, string>();

function requestTextWithin(request: RequestDecision, extent: Extent, truncated: Set<string>): string {
  const clauses = cut(request.clauses, extent.clauses, 'decision.requests.clauses', truncated);
  const mesh = cut(request.mesh, extent.rules, 'decision.requests.mesh', truncated);
  const rules = cut(request.rules, extent.rules, 'decision.requests.rules', truncated);
  const wouldDeny = cut(request.wouldDeny, extent.rules, 'decision.requests.wouldDeny', truncated);
  let text = `{"action":${safeQuoted(request.action, 256)},"clauses":${listText(clauses, clauseText)}`;
  text += `,"code":${safeQuoted(request.code, 64)}`;
  if (request.impliedBy !== undefined) text += `,"impliedBy":${safeQuoted(request.impliedBy, 256)}`;
  text += `,"mesh":${listText(mesh, (name) => safeQuoted(name, 256))}`;
  if (request.moment !== undefined) text += `,"moment":${quoted(request.moment)}`;
  text += `,"resource":${safeQuoted(request.resource, 1_024)},"rules":${listText(rules, ruleText)}`;
  text += `,"tier":${quoted(request.tier)},"verdict":${quoted(request.verdict)}`;
  return `${text},"wouldDeny":${listText(wouldDeny, ruleText)}}`;
}

function clauseText(clause: Clause): string {
  const head = `{"line":${integer(clause.line)},"part":${quoted(clause.part)},"pattern":${safeQuoted(clause.pattern, 512)}`;
  return `${head},"result":${quoted(clause.result)},"rule":${safeQuoted(clause.rule, 256)}}`;
}

function ruleText(rule: RuleRef): string {
  return `{"file":${safeQuoted(rule.file, 256)},"line":${integer(rule.line)},"name":${safeQuoted(rule.name, 256)}}`;
}

function obligationText(obligation: Obligation, extent: Extent, truncated: Set<string>): string {
  if (!extent.specs) truncated.add('decision.obligations.spec');
  const spec = extent.specs ? canonicalText(plainValue(obligation.spec, { depth: 6, text: 256, members: 32 })) : '{}';
  return `{"kind":${quoted(obligation.kind)},"rule":${ruleText(obligation.rule)},"spec":${spec}}`;
}

/** What was read and what the kept clauses saw, in their order; undefined when that is nothing. */
function secretText(record: DecisionRecord, requests: readonly RequestDecision[], extent: Extent): string | undefined {
  const [request] = requests;
  // One request about which nothing was read: all there is to seal is its own.
  const isAlone = requests.length === 1 && extent === WHOLE && Object.keys(record.attributes).length === 0;
  if (request === undefined || !isAlone) return secretTextWithin(record, requests, extent);
  let secret = loneSecrets.get(request);
  if (secret === undefined) {
    secret = secretTextWithin(record, requests, extent) ?? '';
    secret.charCodeAt(0);
    loneSecrets.set(request, secret);
  }
  return secret === '' ? undefined : secret;
}

/** As `wholeTexts`. */
const loneSecrets = new WeakMap<RequestDecision, string>();

function secretTextWithin(record: DecisionRecord, requests: readonly RequestDecision[], extent: Extent): string | undefined {
  const attributes = canonicalText(secretAttributes(record.attributes));
  // Half an entry's worth at most.
  let room = MAX_ENTRY_BYTES / 2;
  let hasObserved = false;
  const observed = listText(requests, (request) =>
    listText(request.clauses.slice(0, extent.clauses), (clause) => {
      hasObserved = true;
      const text = safeText(clause.observed, 512);
      room -= text.length;
      return room < 0 ? '"…"' : quoted(text);
    }),
  );
  return attributes === '{}' && !hasObserved ? undefined : `{"attributes":${attributes},"observed":${observed}}`;
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

function listText<T>(items: readonly T[], text: (item: T) => string): string {
  let list = '';
  for (const item of items) list += list === '' ? text(item) : `,${text(item)}`;
  return `[${list}]`;
}

function cut<T>(items: readonly T[], limit: number, name: string, truncated: Set<string>): readonly T[] {
  if (items.length <= limit) return items;
  truncated.add(name);
  return items.slice(0, limit);
}
