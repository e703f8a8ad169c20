import type { AccessRequest, OperationClass } from '../../core/access.ts';
import { Problem } from '../../core/problem.ts';
import type { Call, Classification } from '../target.ts';
import type { Asked, Classifiers } from './ask.ts';
import { ask } from './ask.ts';
import { AUTOMATIONS } from './classify/automations.ts';
import { BLOCKS } from './classify/blocks.ts';
import { CONCURRENCY } from './classify/concurrency.ts';
import { DEPLOYMENTS } from './classify/deployments.ts';
import { FLOWS } from './classify/flows.ts';
import { countDeploymentsOfFlows } from './classify/lists.ts';
import { logsAndEvents } from './classify/logs-events.ts';
import { RUNS } from './classify/runs.ts';
import { SERVER } from './classify/server.ts';
import { TASK_RUNS } from './classify/task-runs.ts';
import { ARTIFACTS, VARIABLES } from './classify/variables.ts';
import { WORK_POOLS } from './classify/work-pools.ts';
import type { Places } from './places.ts';
import type { Freshness } from './resolve.ts';
import { routeById } from './routes.ts';
import type { SocketContext } from './socket/objects.ts';

/** What does a call mean? One classifier per operation; an operation without one is unknown and asks for `prefect.raw`. */
export function createClassifier(context: SocketContext, places: Places): (call: Call) => Promise<Classification> {
  const classifiers: Classifiers = {
    ...SERVER,
    ...FLOWS,
    ...DEPLOYMENTS,
    ...RUNS,
    ...TASK_RUNS,
    ...WORK_POOLS,
    ...BLOCKS,
    ...VARIABLES,
    ...ARTIFACTS,
    ...CONCURRENCY,
    ...AUTOMATIONS,
    ...logsAndEvents(context),
    'POST /ui/flows/count-deployments': countDeploymentsOfFlows,
  };
  return async (call) => {
    const asked: Asked = {
      method: call.operation.id,
      params: call.operation.params,
      query: call.head.query,
      body: call.body,
      places,
      freshness: FRESHNESS[call.operation.class],
    };
    const classifier = Object.hasOwn(classifiers, call.operation.id) ? classifiers[call.operation.id] : undefined;
    try {
      return { requests: oneOrMore(classifier === undefined ? [raw(asked, call)] : await classifier(asked)) };
    } catch (thrown) {
      // Somebody who showed no credential is not told what exists.
      const isAbsence = thrown instanceof Problem && thrown.kind === 'not_found';
      if (isAbsence && call.caller.subject.kind === 'anonymous') return { requests: [unresolved(asked, call)] };
      throw thrown;
    }
  };
}

const FRESHNESS: Readonly<Record<OperationClass, Freshness>> = {
  read: 'recent',
  poll: 'recent',
  write: 'now',
  act: 'now',
  secret: 'now',
  invoke: 'now',
};

/** On `TARGET/raw/METHOD/PATH…`. */
function raw(asked: Asked, call: Call): AccessRequest {
  const method = call.operation.upgrade ? 'WS' : call.head.method;
  return { ...ask(asked, 'raw', asked.places.at(['raw', method, ...call.head.path.segments])), attributes: { method: 'raw' } };
}

/** On a place of its own, which only a right to the whole target covers. */
function unresolved(asked: Asked, call: Call): AccessRequest {
  const action = routeById(call.operation.id).actions[0] ?? 'prefect.raw';
  return { ...ask(asked, 'raw', asked.places.at(['unresolved'])), action };
}

/** INVARIANT: no call means nothing. */
function oneOrMore(requests: readonly AccessRequest[]): readonly [AccessRequest, ...AccessRequest[]] {
  const [first, ...rest] = requests;
  if (first === undefined) throw new Error('a call was told to mean nothing');
  return [first, ...rest];
}
