import type { Caller, Subject } from '../core/caller.ts';
import type { Decision, RequestDecision, Verdict } from '../core/decision.ts';
import type { RequestHead } from '../wire/call.ts';
import { parseHead } from '../wire/head.ts';
import type { Operation, Refusal, RefusalReason, TargetContext } from './target.ts';

/** For tests: what adapters are given, with nothing behind it. */

export const DECISION_ID = '019b0a5c-7d11-7c3e-8a52-5d0a4b8f3e21';

export function contextOf(changes: Partial<TargetContext> = {}): TargetContext {
  return {
    name: 'prefect',
    upstream: { json: async () => ({ status: 404, body: undefined }) },
    whyUrl: (id) => `https://access.test/why/${id}`,
    loginUrl: (returnTo) => `https://access.test/login?return=${encodeURIComponent(returnTo)}`,
    now: () => 1_800_000_000_000,
    ...changes,
  };
}

export interface HeadOf {
  readonly headers?: Readonly<Record<string, string>>;
  readonly upgrade?: boolean;
}

export function headOf(method: string, target: string, { headers = {}, upgrade = false }: HeadOf = {}): RequestHead {
  const socket = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const all = { host: 'prefect.test:8080', ...(upgrade ? socket : {}), ...headers };
  return parseHead({ method, target, rawHeaders: Object.entries(all).flat() });
}

export function callerOf(subject: Subject, changes: Partial<Caller> = {}): Caller {
  return {
    subject,
    actors: [],
    peer: { address: '127.0.0.1' },
    source: subject.kind === 'anonymous' ? '' : 'okta',
    membership: { groups: ['engineers'], complete: true },
    claims: {},
    ...changes,
  };
}

export const ADA: Caller = callerOf({ kind: 'user', name: 'ada@acme.com' });

export function decisionOf(verdict: Verdict, requests: readonly Verdict[] = [verdict]): Decision {
  const code = verdict === 'allow' ? 'ALLOWED' : verdict === 'hold' ? 'APPROVAL_REQUIRED' : 'NO_RULE';
  return {
    verdict,
    mode: 'enforce',
    code,
    requests: requests.map(
      (one): RequestDecision => ({
        action: 'x.y',
        resource: 'prefect/x',
        verdict: one,
        tier: 'can',
        code,
        rules: [],
        mesh: [],
        clauses: [],
        wouldDeny: [],
      }),
    ),
    obligations: [],
    policyRevision: 'sha256:0',
    meshRevision: 'sha256:0',
  };
}

export function refusalOf(
  head: RequestHead,
  operation: Operation,
  reason: RefusalReason,
  sentence = 'this is not allowed',
): Refusal {
  return { reason, decisionId: DECISION_ID, head, operation, caller: ADA, sentence };
}
