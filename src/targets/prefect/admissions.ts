import type { JsonObject, JsonValue } from '../../wire/call.ts';
import type { Admissions, Call } from '../target.ts';
import { isList, isObject } from './bodies.ts';
import { isTerminal } from './classify/run-state.ts';
import { type FlowRunFacts, readFlowRun } from './facts.ts';

/** Does an answer to this call say anything about who holds which run? Others need not be read for it. */
export function admits(call: Pick<Call, 'operation'>): boolean {
  return OPERATIONS.has(call.operation.id);
}

const POOL_POLL = 'POST /work_pools/{name}/get_scheduled_flow_runs';
const POLLS: ReadonlySet<string> = new Set([
  POOL_POLL,
  'POST /deployments/get_scheduled_flow_runs',
  'POST /work_queues/{id}/get_runs',
]);
const OPERATIONS: ReadonlySet<string> = new Set([
  ...POLLS,
  'POST /flow_runs/',
  'GET /flow_runs/{id}',
  'POST /flow_runs/{id}/set_state',
]);

/**
 * Runs that an answer hands to its caller, and runs that it shows to be over. A poll hands runs to a worker; who creates a run
 * directly is the engine that works on it. INVARIANT: who merely asks for a run of a deployment is handed nothing: creating it
 * must not become a right to report on it; nor is who asks for a run that exists already (200, by its idempotency key).
 */
export function admissionsOf(call: Pick<Call, 'operation'>, status: number, body: JsonValue | undefined): Admissions | undefined {
  if (status < 200 || status > 299) return undefined;
  const { id, params } = call.operation;
  switch (id) {
    case POOL_POLL:
    case 'POST /deployments/get_scheduled_flow_runs':
    case 'POST /work_queues/{id}/get_runs':
      return { admit: handedOut(call, status, body).map((run) => `flow-run:${run.id}`), end: [] };
    case 'POST /flow_runs/':
      return status === 201 && isObject(body) && readFlowRun(body)?.deploymentId === undefined
        ? { admit: keys([body]), end: [] }
        : undefined;
    case 'GET /flow_runs/{id}':
      return isObject(body) && isTerminal(textOf(body['state_type'])) ? { admit: [], end: keys([body]) } : undefined;
    case 'POST /flow_runs/{id}/set_state': {
      const state = isObject(body) && body['status'] === 'ACCEPT' ? body['state'] : undefined;
      const isOver = isObject(state) && isTerminal(textOf(state['type']));
      return isOver && params['id'] !== undefined ? { admit: [], end: [`flow-run:${params['id']}`] } : undefined;
    }
    default:
      return undefined;
  }
}

/** The runs that a poll's answer hands to its caller. */
export function handedOut(call: Pick<Call, 'operation'>, status: number, body: JsonValue | undefined): readonly FlowRunFacts[] {
  const { id, params } = call.operation;
  if (status < 200 || status > 299 || !POLLS.has(id)) return [];
  const runs = objects(body).map((item) => (id !== POOL_POLL ? item : isObject(item['flow_run']) ? item['flow_run'] : {}));
  const found = runs.map(readFlowRun).filter((run) => run !== undefined);
  // The runs in such an answer do not say which pool they came from.
  return id === POOL_POLL ? found.map((run) => ({ ...run, workPool: params['name'] ?? '' })) : found;
}

function keys(runs: readonly JsonObject[]): readonly string[] {
  return runs.map((run) => readFlowRun(run)?.id).flatMap((id) => (id === undefined ? [] : [`flow-run:${id}`]));
}

function objects(body: JsonValue | undefined): readonly JsonObject[] {
  return isList(body) ? body.filter(isObject) : [];
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
