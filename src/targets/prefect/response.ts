import type { Decision, Outcome } from '../../core/decision.ts';
import type { JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';
import type {
  Call,
  HeaderChanges,
  ReplacedAnswer,
  ResponsePlan,
  TargetContext,
  UpstreamAnswer,
  UpstreamHead,
} from '../target.ts';
import { jsonAnswer } from './answer.ts';
import { isObject } from './bodies.ts';
import { docsNote, isDocsViewer } from './docs-note.ts';
import { ownUrl, relativeLocation } from './location.ts';
import { LEARNED } from './lookups.ts';
import { SETTINGS_OPERATION, TRIMMED_SETTINGS } from './settings.ts';

export interface ResponseContext extends TargetContext {
  /** Scheme, host and port under which clients reach this target. */
  readonly origin?: string;
  /** Takes names and places of objects from an answer that passed. Never throws for what an answer holds. */
  learn?(operationId: string, body: JsonValue | undefined): void;
}

const MAX_READ_BYTES = 4 * 1024 * 1024;
const MAX_DECODED_BYTES = 16 * 1024 * 1024;
const MAX_SETTINGS_BYTES = 64 * 1024;
/** A page of 50 events, each at most 1.5 MB. */
const MAX_EVENTS_BYTES = 80 * 1024 * 1024;

/** What is done with the answer of an allowed call. */
export function response(call: Call, _decision: Decision, context: ResponseContext): ResponsePlan {
  const { id } = call.operation;
  if (id === SETTINGS_OPERATION) return { kind: 'local', answer: jsonAnswer(200, call.decisionId, TRIMMED_SETTINGS) };
  if (id === 'GET docs' && isDocsViewer(call.head)) return { kind: 'local', answer: docsNote(call.head, call.decisionId) };
  if (id === 'GET ui-settings') return { kind: 'replace', maxBytes: MAX_SETTINGS_BYTES, replace: replaceUiSettings };
  if (id === 'POST /events/filter' || id === 'GET /events/filter/next') {
    return { kind: 'replace', maxBytes: MAX_EVENTS_BYTES, replace: (answer) => replaceNextPage(answer, call, context) };
  }
  if (isRead(call)) return { kind: 'read', maxBytes: MAX_READ_BYTES, read: (answer) => read(call, answer, context) };
  return { kind: 'headers', headers: guardedHeaders };
}

/**
 * Answers that name objects, or that say what became of a run. A path that the server will redirect (one slash too many or too
 * few at its end) is none of them: its answer needs another `Location`.
 */
function isRead(call: Call): boolean {
  const { operation, head } = call;
  if (!operation.id.includes(' /') || operation.upgrade) return false;
  if (operation.id.endsWith('/') !== head.path.trailingSlash) return false;
  return LEARNED.has(operation.id) || READ.test(operation.id);
}

/** Polls hand runs out, proposals end them. */
const READ = /\/(get_scheduled_flow_runs|get_runs|create_flow_run|create_flow_run\/bulk|set_state|resume)$/;

function read(call: Call, answer: UpstreamAnswer, context: ResponseContext): Outcome | undefined {
  const body = jsonOf(answer);
  if (answer.status >= 200 && answer.status < 300) context.learn?.(call.operation.id, body);
  return STATE_PROPOSAL.test(call.operation.id) ? proposalOutcome(answer.status, body) : undefined;
}

const STATE_PROPOSAL = /^POST \/(flow_runs|task_runs)\/\{id\}\/(set_state|resume)$/;

/**
 * The server answers 201 to a state that it took and 200 to one that it refused, with `status` REJECT, ABORT or WAIT: without the
 * body a refused approval would stand in the record as done.
 */
export function proposalOutcome(httpStatus: number, body: JsonValue | undefined): Outcome | undefined {
  if (!isObject(body)) return undefined;
  const { status, details } = body;
  if (typeof status !== 'string' || !/^(ACCEPT|REJECT|ABORT|WAIT)$/.test(status)) return undefined;
  const reason = isObject(details) && typeof details['reason'] === 'string' ? details['reason'].slice(0, 300) : '';
  return { kind: 'answered', status: httpStatus, detail: reason === '' ? status : `${status}: ${reason}` };
}

/** The web app must ask this origin, and must not ask for the server's secret: the gateway signs people in. */
function replaceUiSettings(answer: UpstreamAnswer): ReplacedAnswer {
  const body = jsonOf(answer);
  if (answer.status !== 200 || !isObject(body)) return unchanged(answer);
  return { ...unchanged(answer), body: JSON.stringify({ ...body, api_url: '/api', auth: null }) };
}

/** The link is the page's last member; it is changed where it stands, so that every other byte is the server's. */
function replaceNextPage(answer: UpstreamAnswer, call: Call, context: ResponseContext): ReplacedAnswer {
  const { body } = answer;
  const start = Math.max(0, body.length - MAX_LINK_BYTES);
  const found = NEXT_PAGE.exec(Buffer.from(body.subarray(start)).toString('latin1'));
  if (answer.status !== 200 || found === null) return unchanged(answer);
  const link = JSON.stringify(ownUrl(JSON.parse(found[1] ?? '""') as string, call.head, context.origin));
  const bytes = Buffer.concat([body.subarray(0, start + found.index), Buffer.from(`"next_page":${link}}`, 'utf8')]);
  return { ...unchanged(answer), body: bytes };
}

const MAX_LINK_BYTES = 64 * 1024;
const NEXT_PAGE = /"next_page":("(?:[!#-[\]-~]|\\[\\/"])*")\}\s*$/;

function unchanged(answer: UpstreamAnswer): ReplacedAnswer {
  return { status: answer.status, headers: guardedHeaders(answer), body: answer.body };
}

/** Redirects stay on this origin; pages may call nobody but this origin. */
export function guardedHeaders(answer: UpstreamHead): HeaderChanges {
  const set: Record<string, string> = {};
  const location = textOf(answer, 'location');
  if (location !== undefined) set['location'] = relativeLocation(location);
  if (/^text\/html\b/i.test(textOf(answer, 'content-type') ?? '')) set['content-security-policy'] = PAGE_POLICY;
  return { set, remove: [] };
}

/**
 * Both web apps work under it (workers and images of their graphs come from `blob:` and `data:`, styles stand inline); their calls
 * to vendors do not.
 */
const PAGE_POLICY = [
  "default-src 'self'",
  "connect-src 'self' data:",
  "img-src 'self' data: blob:",
  // The library that draws the graphs compiles its shaders' set-up code.
  "script-src 'self' 'unsafe-eval'",
  "worker-src 'self' blob: data:",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ');

function textOf(answer: UpstreamHead, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

function jsonOf(answer: UpstreamAnswer): JsonValue | undefined {
  try {
    return parseJson(answer.body, { maxBytes: MAX_DECODED_BYTES, maxDepth: 256, maxKeys: 1_000_000 });
  } catch {
    return undefined;
  }
}
