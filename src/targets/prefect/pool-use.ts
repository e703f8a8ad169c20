import type { AccessRequest } from '../../core/access.ts';
import type { JsonObject } from '../../wire/call.ts';
import { type Asked, ask } from './ask.ts';
import { textField } from './bodies.ts';
import type { Place } from './places.ts';

/** A pool or queue other than the one that the deployment has. */
export function poolUse(asked: Asked, body: JsonObject, former: Place | undefined): readonly AccessRequest[] {
  const had = former?.resource.attributes ?? {};
  const pool = textField(body, 'work_pool_name');
  const queue = textField(body, 'work_queue_name');
  const formerPool = typeof had['work_pool'] === 'string' ? had['work_pool'] : '';
  const newPool = pool !== undefined && pool !== '' && pool !== formerPool;
  const newQueue = queue !== undefined && queue !== '' && (newPool || queue !== had['work_queue']);
  if (!newPool && !newQueue) return [];
  // A queue without a pool is one of the pool that the server keeps for agents.
  const name = pool !== undefined && pool !== '' ? pool : formerPool === '' ? 'default-agent-pool' : formerPool;
  return [ask(asked, 'work_pool.use', newQueue ? asked.places.queue(name, queue) : asked.places.pool(name))];
}
