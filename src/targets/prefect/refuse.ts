import type { Decision } from '../../core/decision.ts';
import type { Problem } from '../../core/problem.ts';
import { isNavigation, returnTo } from '../browser.ts';
import { refusalPage, refusalPageHeaders } from '../refusal-page.ts';
import type { LocalAnswer, Refusal, TargetContext } from '../target.ts';
import { type Answered, fault, jsonAnswer, plainDetail } from './answer.ts';
import { emptyAnswer } from './empty.ts';
import { notFound } from './not-found.ts';
import { routeById } from './routes.ts';
import { SETTINGS_OPERATION, TRIMMED_SETTINGS } from './settings.ts';
import { closing } from './socket/close.ts';
import { isWebApp } from './web-app.ts';

/**
 * How Prefect's clients are told no, wait, or not now. What they do with an answer decides its form: a 401, 403, 409 or 429 on a
 * poll ends the worker, a body that is not JSON ends the command in a traceback, a 503 that says maintenance is waited for.
 * INVARIANT: a fault of ours never looks like a denial, and a poll never gets a denial's status.
 */
export function refuse(refusal: Refusal, context: TargetContext): LocalAnswer {
  const { reason, operation } = refusal;
  const answer = reason.kind === 'denied' ? denied(refusal, reason.decision, context) : problem(refusal, reason.problem, context);
  return operation.upgrade ? { ...answer, ...closing(refusal, answer) } : answer;
}

function denied(refusal: Refusal, decision: Decision, context: TargetContext): LocalAnswer {
  const { operation, decisionId } = refusal;
  if (operation.id === SETTINGS_OPERATION) return jsonAnswer(200, decisionId, TRIMMED_SETTINGS);
  if (operation.id === CSRF_OPERATION) return csrfDisabled(decisionId);
  if (operation.class === 'poll') return deniedPoll(refusal);
  if (decision.verdict === 'hold') return held(refusal);
  const route = routeById(operation.id);
  // Somebody who may see the object and asks for more of it learns why not; everybody else learns nothing.
  if (route.isOne && !seesObject(decision)) return unseen(refusal);
  const empty = isWebApp(refusal.head) ? emptyAnswer(operation.id) : undefined;
  if (empty !== undefined) return jsonAnswer(200, decisionId, empty);
  return shown(refusal, 403, decision.code, context);
}

/** INVARIANT: the first request is about the object that the call names; a right to something else does not show that one. */
function seesObject({ requests }: Decision): boolean {
  const [first] = requests;
  return requests.some(({ verdict, resource }) => verdict === 'allow' && resource === first?.resource);
}

/** "Nothing for you": what a worker, a runner or an agent goes on polling after. */
function deniedPoll(refusal: Refusal): LocalAnswer {
  const { operation, decisionId } = refusal;
  if (operation.upgrade || operation.params['lease_id'] !== undefined) return unseen(refusal);
  // A heartbeat has nothing to hear.
  if (operation.id.endsWith('/heartbeat')) return { ...jsonAnswer(204, decisionId, null), body: '' };
  return jsonAnswer(200, decisionId, emptyAnswer(operation.id) ?? []);
}

function problem(refusal: Refusal, problem: Problem, context: TargetContext): LocalAnswer {
  const { operation, decisionId, head } = refusal;
  const isPoll = operation.class === 'poll';
  switch (problem.kind) {
    case 'fault':
    case 'upstream':
      return isPage(refusal) ? shown(refusal, 503, problem.code, context) : fault(plainDetail(refusal), decisionId);
    case 'unauthenticated':
      if (operation.id === CSRF_OPERATION) return csrfDisabled(decisionId);
      if (isNavigation(head) && isPage(refusal)) return signIn(refusal, context);
      return jsonAnswer(401, decisionId, { detail: plainDetail(refusal) }, { 'www-authenticate': 'Bearer' });
    case 'not_found':
      return unseen(refusal);
    case 'denied':
      return isPoll ? deniedPoll(refusal) : shown(refusal, 403, problem.code, context);
    case 'invalid':
    case 'too_large':
    case 'misdirected':
      // A limiter's 429 ends a worker after six tries.
      if (isPoll && ENDS_WORKERS.has(problem.status)) return fault(plainDetail(refusal), decisionId);
      return shown(refusal, problem.status, problem.code, context);
    default:
      return problem.kind satisfies never;
  }
}

const CSRF_OPERATION = 'GET /csrf-token';
const ENDS_WORKERS: ReadonlySet<number> = new Set([401, 403, 409, 429]);

/** A refused CSRF token would fail every command before it began; this answer makes clients go on without. */
function csrfDisabled(decisionId: string): LocalAnswer {
  return jsonAnswer(422, decisionId, { detail: 'CSRF protection is disabled.' });
}

/** The server's own "there is no such object". */
function unseen(refusal: Refusal): LocalAnswer {
  const { status, body } = notFound(refusal.operation);
  return jsonAnswer(status, refusal.decisionId, body);
}

/** Waits for a person: every client asks again, for ever, and says nothing meanwhile. */
function held(refusal: Refusal): LocalAnswer {
  return { ...fault(plainDetail(refusal), refusal.decisionId), status: 429 };
}

/** In words: a page where a person opens one, else the `detail` that commands and UI v2 print. */
function shown(refusal: Refusal, status: number, code: string, context: TargetContext): LocalAnswer {
  const { decisionId, sentence } = refusal;
  if (!isPage(refusal)) return jsonAnswer(status, decisionId, { detail: plainDetail(refusal) });
  const page = refusalPage({ status, code, sentence, decisionId, why: context.whyUrl(decisionId) });
  const answer: Answered = jsonAnswer(status, decisionId, null, refusalPageHeaders(status));
  return { ...answer, body: page };
}

function signIn(refusal: Refusal, context: TargetContext): LocalAnswer {
  const location = context.loginUrl(returnTo(refusal.head));
  return { ...jsonAnswer(302, refusal.decisionId, null, { location }), body: '' };
}

/** Everything below `/api` is for programs, also when a browser opens it. */
function isPage(refusal: Refusal): boolean {
  const first = refusal.head.path.segments[0];
  return isNavigation(refusal.head) && first !== 'api' && first !== '.fairlead';
}
