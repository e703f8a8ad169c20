import type { JsonObject } from '../../wire/call.ts';
import type { Operation } from '../target.ts';

/** The server's own answer for an object that does not exist, word for word, so that a denied one cannot be told from it. */
export interface NotFound {
  readonly status: number;
  readonly body: JsonObject;
}

/** For an operation that names one object. `{name}` is the path parameter of that name. */
export function notFound(operation: Operation): NotFound {
  const rule = RULES.find(([pattern]) => pattern.test(operation.id));
  const [, field, text, status] = rule ?? [/./, 'detail', 'Not Found'];
  const filled = text.replace(/\{(\w+)\}/g, (_, name: string) => operation.params[name] ?? '');
  return { status: status ?? 404, body: { [field]: filled } };
}

type Rule = readonly [pattern: RegExp, field: 'detail' | 'exception_message', text: string, status?: number];

/** Prefect 3.9.1, as its running server answers; the first pattern that fits the operation counts. */
const RULES: readonly Rule[] = [
  [/\/leases\/\{lease_id\}\/renew$/, 'detail', 'Lease not found - it may have expired or been revoked', 410],
  [/ \/flows\//, 'detail', 'Flow not found'],
  [/ \/flow_runs\/\{id\}\/(graph|labels)$/, 'exception_message', 'Flow run with id {id} not found'],
  [/ \/flow_runs\/\{id\}\/graph-v2$/, 'exception_message', 'Flow run {id} not found'],
  [/ \/flow_runs\/\{id\}\/input\/\{key\}$/, 'detail', 'Flow run input not found'],
  [/ \/flow_runs\//, 'detail', 'Flow run not found'],
  [/^PATCH \/task_runs\//, 'detail', 'Task run not found'],
  [/ \/(ui\/)?task_runs\//, 'detail', 'Task not found'],
  [/ \/(flow|task)_run_states\//, 'detail', 'Flow run state not found'],
  [/^PATCH \/deployments\/\{id\}$| \/deployments\/\{id\}\/schedules/, 'detail', 'Deployment not found.'],
  [/ \/deployments\//, 'detail', 'Deployment not found'],
  [/ \/saved_searches\//, 'detail', 'Saved search not found'],
  [/ \/v2\/concurrency_limits\//, 'detail', 'Concurrency Limit not found'],
  [/ \/concurrency_limits\//, 'detail', 'Concurrency limit not found'],
  [/ \/block_documents\/|\/block_documents\/name\//, 'detail', 'Block document not found'],
  [/ \/block_types\//, 'detail', 'Block type not found'],
  [/ \/block_schemas\//, 'detail', 'Block schema not found'],
  [/ \/work_pools\/\{name\}\/concurrency_status$/, 'detail', "Work pool '{name}' not found."],
  [/^GET \/work_pools\/\{work_pool_name\}\/queues\/\{name\}$/, 'detail', "Work pool queue '{work_pool_name}/{name}' not found."],
  [/ \/work_pools\/\{work_pool_name\}\//, 'detail', 'Work pool "{work_pool_name}" not found.'],
  [/ \/work_pools\/\{name\}/, 'detail', 'Work pool "{name}" not found.'],
  [/^PATCH \/work_queues\//, 'detail', 'Work Queue {id} not found'],
  [/ \/work_queues\/\{id\}\/get_runs$/, 'exception_message', 'Work queue with id {id} not found.'],
  [/ \/work_queues\/\{id\}\/status$/, 'exception_message', 'Work queue with id {id} not found'],
  [/ \/work_queues\/\{id\}\/concurrency_status$/, 'detail', 'Work queue not found.'],
  [/ \/work_queues\//, 'detail', 'work queue not found'],
  [/ \/artifacts\//, 'detail', 'Artifact not found.'],
  [/ \/variables\//, 'detail', 'Variable not found.'],
  [/ \/automations\//, 'exception_message', 'Automation not found'],
  [/ \/collections\/views\//, 'detail', 'View {view} not found in registry'],
];
