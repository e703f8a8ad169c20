import type { AccessRequest, Resource } from '../../../core/access.ts';
import { Problem } from '../../../core/problem.ts';
import type { JsonObject } from '../../../wire/call.ts';
import { formatPath } from '../../../wire/path.ts';
import type { Call, FrameVerdict, SocketPlan } from '../../target.ts';
import { isObject, MAX_CONTROL_BYTES, parseFrame } from './frame.ts';
import type { SocketContext } from './objects.ts';
import { asked } from './plan-parts.ts';

/** Frames carry job templates. */
const MAX_BYTES = 4 * 1024 * 1024;

/** `/work_pools/{name}/workers/connect`: who the worker says it is, then its heartbeats and clean-up reports. */
export function workerChannelFrames(call: Call, context: SocketContext): Pick<SocketPlan, 'maxMessageBytes' | 'fromClient'> {
  let worker: string | undefined;
  return {
    maxMessageBytes: MAX_BYTES,
    async fromClient(text): Promise<FrameVerdict> {
      const frame = parseFrame(text, worker === undefined ? MAX_BYTES : MAX_CONTROL_BYTES);
      const payload = frame['payload'];
      if (!isObject(payload) || typeof frame['type'] !== 'string') return PROTOCOL_ERROR;
      if (worker !== undefined) return laterFrame(frame['type'], payload, worker);
      const name = payload['worker_name'];
      if (frame['type'] !== 'worker.hello.v1' || typeof name !== 'string' || name === '') return PROTOCOL_ERROR;
      worker = name;
      return asked(await helloRequests(payload, name, call, context), call.operation.id);
    },
  };
}

const PROTOCOL_ERROR: FrameVerdict = { kind: 'close', code: 1002, reason: 'protocol_error' };
const CLEANUP_FRAMES: ReadonlySet<string> = new Set(['cleanup.ack.v1', 'cleanup.release.v1', 'cleanup.renew.v1']);

/** A worker speaks for itself alone: another name in a heartbeat would keep that other worker alive. */
function laterFrame(type: string, payload: JsonObject, worker: string): FrameVerdict {
  if (type === 'worker.heartbeat.v1' && payload['worker_name'] === worker) return { kind: 'forward' };
  return CLEANUP_FRAMES.has(type) ? { kind: 'forward' } : PROTOCOL_ERROR;
}

/**
 * Saying hello registers the worker. Two things may happen beside that, and are asked for only when they would: the server makes
 * the pool when it is missing and the worker says so (stock workers always do), and it fills an empty job template with the
 * worker's own.
 */
async function helloRequests(
  payload: JsonObject,
  worker: string,
  call: Call,
  context: SocketContext,
): Promise<readonly AccessRequest[]> {
  const pool = call.operation.params['work_pool_name'] ?? '';
  const attributes = { method: call.operation.id, worker };
  const existing = await readPool(pool, context);
  const { resource } = context.objects.workPoolNamed(pool);
  const requests: AccessRequest[] = [{ action: 'prefect.worker.connect', resource, attributes }];
  if (existing === undefined) {
    if (payload['create_pool_if_not_found'] === true) {
      const pools: Resource = { path: [context.name, 'work-pools'], attributes: {} };
      requests.push({ action: 'prefect.work_pool.create', resource: pools, attributes });
    }
  } else if (isEmpty(existing['base_job_template']) && !isEmpty(payload['default_base_job_template'])) {
    requests.push({ action: 'prefect.work_pool.update', resource, attributes });
  }
  return requests;
}

/** Read anew each time: what the server is about to do depends on the pool as it is now. */
async function readPool(name: string, context: SocketContext): Promise<JsonObject | undefined> {
  const { status, body } = await context.upstream.json('GET', formatPath(['api', 'work_pools', name]));
  if (status === 404) return undefined;
  if (status === 200 && isObject(body)) return body;
  throw new Problem({
    code: 'LOOKUP_UNAVAILABLE',
    kind: 'fault',
    message: 'the server did not say whether the work pool exists',
  });
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}
