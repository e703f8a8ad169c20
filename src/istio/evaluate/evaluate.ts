import type { Chain, CustomStep, RbacStep } from '../chain.ts';
import { errorStatus } from '../compile/custom.ts';
import type { AuthoriserAnswer, RequestFacts } from '../facts.ts';
import type { UnknownReason, Verdict } from '../verdict.ts';
import { type Attributes, readAttributes } from './attributes.ts';
import { checkTokens } from './jwt.ts';
import { withoutQuery } from './normalize-path.ts';
import { firstMatch } from './rbac.ts';
import { receive } from './request.ts';

/**
 * What the proxy does with one request, or with one connection on a TCP chain: codec, path normalisation, CUSTOM, JWT, AUDIT,
 * DENY, ALLOW, in this order. Pure: the clock and the authoriser's answers are in the facts.
 */
export function evaluate(chain: Chain, facts: RequestFacts): Verdict {
  if (chain.transport === 'tcp') return runFilters(chain, facts, readAttributes(chain, facts, undefined), {});
  const received = receive(chain, facts);
  if ('refused' in received) {
    const { refused, path, remoteIp } = received;
    return { v: 'reject', ...refused, ...(path !== undefined && { path }), ...(remoteIp !== undefined && { remote: remoteIp }) };
  }
  const path = received.headers.joined(':path');
  const shown = { ...(path !== undefined && { path }), remote: received.remoteIp };
  return runFilters(chain, facts, readAttributes(chain, facts, received), shown);
}

type Shown = Pick<Verdict, 'path' | 'remote' | 'ext' | 'asked' | 'audit' | 'dryAllow' | 'dryDeny'>;

function runFilters(chain: Chain, facts: RequestFacts, attributes: Attributes, start: Shown): Verdict {
  let shown = start;
  const isHttp = chain.transport === 'http';
  for (const step of chain.badCustom) {
    const result = firstMatch(step.rules, attributes);
    if (result === undefined) return unknown(attributes.unsure, shown);
    if (result !== 'none') return denial(isHttp, result.id, shown);
  }
  // A request without a route, as CONNECT is, passes the authoriser's filter and the tokens' filter.
  const hasRoute = !isHttp || attributes.http?.path !== undefined;
  for (const step of chain.custom) {
    const result = firstMatch(step.rules, attributes);
    if (result === undefined) return unknown(attributes.unsure, shown);
    if (result === 'none') continue;
    shown = { ...shown, ext: result.id };
    if (!hasRoute) continue;
    const answer = facts.askAuthoriser?.(step.provider.name);
    if (answer === undefined) return unknown('authoriser-not-asked', shown);
    const refusal = authoriserRefusal(step, answer, isHttp);
    if (answer.answer !== 'error') shown = { ...shown, asked: true };
    if (refusal !== undefined) return { v: 'deny', ...refusal, ...shown };
  }
  if (attributes.http?.path !== undefined) {
    const { headers } = attributes.http;
    const outcome = checkTokens(chain.jwt, {
      headers,
      target: headers.joined(':path') ?? '',
      tokens: facts.tokens,
      now: facts.now,
      stripsClaimHeadersInTurn: chain.profile.stripsClaimHeadersInTurn,
    });
    if (outcome.outcome === 'unknown') return unknown('token-text', shown);
    if (outcome.outcome === 'refuse') return { v: 'deny', s: outcome.s, by: outcome.by, ...shown };
    attributes.payload = outcome.payload;
    attributes.http.path = withoutQuery(headers.joined(':path') ?? '');
  }
  return runPolicies(chain, attributes, shown);
}

function runPolicies(chain: Chain, attributes: Attributes, start: Shown): Verdict {
  let shown = start;
  const isHttp = chain.transport === 'http';
  for (const step of [chain.audit, chain.deny, chain.allow]) {
    if (step === undefined) continue;
    const dry = dryRun(step, attributes);
    if (dry === undefined) return unknown(attributes.unsure, shown);
    shown = { ...shown, ...dry };
    if (!step.enforced) continue;
    const result = firstMatch(step.rules, attributes);
    if (result === undefined) return unknown(attributes.unsure, shown);
    if (step.action === 'AUDIT') {
      if (result !== 'none') shown = { ...shown, audit: true };
    } else if (step.action === 'DENY') {
      if (result !== 'none') return denial(isHttp, result.id, shown);
    } else if (result === 'none') return denial(isHttp, 'none', shown);
  }
  const hasRoute = attributes.http?.path !== undefined;
  return { v: 'allow', ...(isHttp && (hasRoute ? { s: 200 } : { s: 404, by: 'route_not_found' })), ...shown };
}

/** What the dry-run rules of a step would have said; undefined when it cannot be told. */
function dryRun(step: RbacStep, attributes: Attributes): Shown | undefined {
  // A dry-run policy whose rules all vanished is asked like any other.
  const isAsked = step.dryRun.length > 0 || step.vanished.some(({ policy }) => policy.dryRun);
  if (!isAsked || step.action === 'AUDIT') return {};
  const result = firstMatch(step.dryRun, attributes);
  if (result === undefined) return undefined;
  const allowed = (result === 'none') === (step.action === 'DENY');
  const answer = { result: allowed ? 'allowed' : 'denied', ...(result !== 'none' && { id: result.id }) } as const;
  return step.action === 'ALLOW' ? { dryAllow: answer } : { dryDeny: answer };
}

function authoriserRefusal(step: CustomStep, answer: AuthoriserAnswer, isHttp: boolean): Pick<Verdict, 's' | 'by'> | undefined {
  switch (answer.answer) {
    case 'allow':
      return undefined;
    case 'deny':
      return { by: 'ext_authz_denied', ...(isHttp && { s: answer.status }) };
    case 'error':
      if (step.provider.failOpen) return undefined;
      return { by: 'ext_authz_error', ...(isHttp && { s: errorStatus(step.provider) ?? 403 }) };
  }
}

function denial(isHttp: boolean, id: string, shown: Shown): Verdict {
  return { v: 'deny', by: 'rbac', id, ...(isHttp && { s: 403 }), ...shown };
}

function unknown(reason: UnknownReason, shown: Shown): Verdict {
  return { v: 'unknown', reason, ...shown };
}
