import type { Problem } from '../../core/problem.ts';
import { isNavigation, returnTo } from '../browser.ts';
import { refusalPage, refusalPageHeaders, statusTitle } from '../refusal-page.ts';
import type { LocalAnswer, Refusal, TargetContext } from '../target.ts';

const RETRY_AFTER_SECONDS = 2;

/** A page for people, RFC 9457 problem details for programs; a browser that nobody signed in is sent to sign in. */
export function refuseHttp(refusal: Refusal, context: TargetContext): LocalAnswer {
  const { reason, head, decisionId, sentence } = refusal;
  const problem = reason.kind === 'problem' ? reason.problem : undefined;
  const isPage = isNavigation(head);
  if (problem?.kind === 'unauthenticated' && isPage && head.path.segments[0] !== '.fairlead') {
    // Paths of ours never lead to the sign-in page: the way back from it goes through them.
    return answer(302, decisionId, { location: context.loginUrl(returnTo(head)) }, '');
  }
  const status = problem?.status ?? 403;
  const code = reason.kind === 'denied' ? reason.decision.code : reason.problem.code;
  const why = context.whyUrl(decisionId);
  const headers = extraHeaders(status, problem);
  if (isPage) {
    const page = refusalPage({ status, code, sentence, decisionId, why });
    return answer(status, decisionId, { ...headers, ...refusalPageHeaders(status) }, page);
  }
  const body = { type: 'about:blank', title: statusTitle(status), status, detail: sentence, code, decision: decisionId, why };
  const json = answer(status, decisionId, { ...headers, 'content-type': 'application/problem+json' }, JSON.stringify(body));
  return head.upgrade ? { ...json, closeCode: closeCodeOf(status) } : json;
}

function extraHeaders(status: number, problem: Problem | undefined): Readonly<Record<string, string>> {
  if (status === 401) return { 'www-authenticate': 'Bearer' };
  return problem?.kind === 'fault' || status === 503 ? { 'retry-after': String(RETRY_AFTER_SECONDS) } : {};
}

/** RFC 6455 §7.4.1 and the IANA registry: 1012 service restart, 1009 too big, 1008 policy. */
function closeCodeOf(status: number): number {
  if (status >= 500) return 1012;
  return status === 413 ? 1009 : 1008;
}

function answer(status: number, decisionId: string, headers: Readonly<Record<string, string>>, body: string): LocalAnswer {
  const common = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-fairlead-decision': decisionId };
  return { status, headers: { ...common, ...headers }, body };
}
