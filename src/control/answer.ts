import type { Context } from 'hono';
import { uuidv7 } from '../core/id.ts';
import { asProblem, Problem } from '../core/problem.ts';
import type { ProblemBody } from './api-shape.ts';
import type { ControlCall, ControlEnv } from './call.ts';
import type { ControlParts } from './parts.ts';

/** What every answer of the control origin carries unless it says otherwise. No field here ever allows another origin (CORS). */
export const STANDING_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export interface Refused {
  readonly problem: Problem;
  readonly decisionId: string;
}

/** A thrown value as a refusal with an id under which the record holds it; our own faults are told to the log in full. */
export function refuse(parts: ControlParts, thrown: unknown, call: ControlCall | undefined, address: string): Refused {
  const problem = asProblem(thrown);
  if (problem.kind === 'fault') {
    const { cause } = problem;
    const error = cause instanceof Problem ? cause.code : cause instanceof Error ? `${cause.name}: ${cause.message}` : undefined;
    parts.log.error('control_fault', { code: problem.code, message: problem.message, ...(error === undefined ? {} : { error }) });
  }
  const decided = call?.decided.at(-1)?.id;
  if (decided !== undefined) return { problem, decisionId: decided };
  const decisionId = uuidv7(parts.clock, parts.randomness);
  parts.recorder.refusal({
    id: decisionId,
    timeMs: parts.clock.now(),
    target: 'fairlead',
    door: 'control',
    peer: address,
    code: problem.code,
    status: problem.status,
    ...(call === undefined ? {} : { method: call.head.method, path: call.head.path.text }),
  });
  parts.metrics.count('fairlead_refusals_total', { code: problem.code });
  return { problem, decisionId };
}

export function problemBody({ problem, decisionId }: Refused): ProblemBody {
  return {
    type: 'about:blank',
    title: problem.code,
    status: problem.status,
    detail: `${problem.message} (${decisionId})`,
    code: problem.code,
    decisionId,
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  };
}

export function problemHeaders({ problem, decisionId }: Refused): Readonly<Record<string, string>> {
  return {
    'content-type': 'application/problem+json',
    'x-fairlead-decision': decisionId,
    ...(problem.status === 401 ? { 'www-authenticate': 'Bearer realm="fairlead"' } : {}),
    ...(problem.kind === 'fault' ? { 'retry-after': '2' } : {}),
  };
}

/** A page elsewhere, by absolute address: nothing that a caller sent can turn it into another origin. */
export function redirect(c: Context<ControlEnv>, location: string, setCookies: readonly string[] = []): Response {
  for (const cookie of setCookies) c.header('set-cookie', cookie, { append: true });
  c.header('location', location);
  return c.body(null, 303);
}
