import type { JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';
import type { TargetAdapter, UpstreamAnswer } from '../target.ts';
import { admissionsOf, admits, handedOut } from './admissions.ts';
import { PREFECT_CATALOGUE } from './catalogue.ts';
import { createClassifier } from './classify.ts';
import { type ForwardContext, forward } from './forward.ts';
import { createLiveRuns } from './live-runs.ts';
import { match } from './match.ts';
import { createPlaces } from './places.ts';
import { refuse } from './refuse.ts';
import { createNames } from './resolve.ts';
import { type ResponseContext, response } from './response.ts';
import { type SocketContext, socketObjects } from './socket/objects.ts';
import { socketPlan } from './socket/plan.ts';

/** What the adapter is built from beside the target's ports: who lends the server's secret, and where clients reach it. */
export type PrefectContext = ForwardContext & Pick<ResponseContext, 'origin'>;

/** A Prefect server behind the gateway. */
export function prefectAdapter(context: PrefectContext): TargetAdapter {
  const live = createLiveRuns();
  const names = createNames({ upstream: context.upstream, now: () => context.now(), onRun: (run) => live.note(run) });
  const places = createPlaces(context.name, names, live);
  const sockets: SocketContext = { ...context, objects: socketObjects(places) };
  const classify = createClassifier(sockets, places);
  const answers: ResponseContext = {
    ...context,
    learn: (operationId, body) => names.learn(operationId, body),
  };
  return {
    kind: 'prefect',
    catalogue: PREFECT_CATALOGUE,
    match,
    classify,
    refuse: (refusal) => refuse(refusal, context),
    forward: (call, decision) => forward(call, decision, context),
    response: (call, decision) => response(call, decision, answers),
    admissions(call, answer) {
      if (!admits(call)) return undefined;
      const body = bodyOf(answer);
      for (const run of handedOut(call, answer.status, body)) live.handOut(run);
      return admissionsOf(call, answer.status, body);
    },
    socket: (call) => socketPlan(call, sockets),
  };
}

/** The server's answers may be long; what cannot be read hands nothing to anybody. */
const ANSWER_LIMITS = { maxBytes: 16 * 1024 * 1024, maxDepth: 256, maxKeys: 1_000_000 };

function bodyOf(answer: UpstreamAnswer): JsonValue | undefined {
  try {
    return parseJson(answer.body, ANSWER_LIMITS);
  } catch {
    return undefined;
  }
}
