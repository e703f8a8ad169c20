import type { Action, OperationClass } from '../../core/access.ts';
import type { BodyMode } from '../../core/catalogue.ts';

/**
 * What stands for "nothing for you" in the answer of a list: `list` is `[]`, `count` is `0`, `nothing` is `null`, `page` and
 * `events` are the objects of a page without results.
 */
export type EmptyAnswer = 'list' | 'count' | 'page' | 'events' | 'nothing';

/** One operation of the server: how it is called and what a call of it may ask for. */
export interface Route {
  /** `POST /deployments/{id}/create_flow_run`; paths are below `/api`. Sockets have the method `WS`. */
  readonly id: string;
  readonly method: string;
  /** Below `/api`: `deployments`, `{id}`, `create_flow_run`. */
  readonly segments: readonly string[];
  readonly title: string;
  readonly class: OperationClass;
  readonly body: BodyMode;
  readonly actions: readonly Action[];
  readonly identity: 'caller' | 'frame' | 'none';
  /** Present on lists: what is answered to somebody who may see none of it. */
  readonly empty?: EmptyAnswer;
  /** Reads one object that its caller may not know of: a denial is the server's own 404. */
  readonly isOne: boolean;
}

type Flag = EmptyAnswer | 'one' | 'frame' | 'none';
type Row = readonly [signature: string, kind: OperationClass, body: BodyMode, actions: string, title: string, flag?: Flag];

/** What naming blocks and variables in a body asks for, beside the call's own action. */
const REFERENCES = 'block.read_secret block.read variable.read';
const RUN_LIST = 'flow_run.list flow_run.read';
const AUTOMATION_ACTIONS = `deployment.run deployment.update deployment.override work_pool.update work_queue.update automation.update flow_run.cancel flow_run.suspend flow_run.resume flow_run.delete flow_run.retry flow_run.report block.use ${REFERENCES}`;
const DEPLOYMENT_PARTS = `work_pool.use block.use concurrency_limit.acquire ${REFERENCES}`;

/**
 * The 188 operations and 5 sockets of Prefect 3.9.1 (`data/SOURCES.md`). Actions are written without `prefect.`.
 * A row's class is that of its gravest meaning: a set_state is an act whatever the state.
 */
const ROWS: readonly Row[] = [
  ['GET /health', 'read', 'none', 'server.read', 'is the server alive?', 'none'],
  ['GET /ready', 'read', 'none', 'server.read', 'is the database reachable?', 'none'],
  ['GET /version', 'read', 'none', 'server.read', 'version of the API'],
  ['GET /hello', 'read', 'none', 'server.read', 'greeting'],
  ['GET /csrf-token', 'poll', 'none', 'server.read', 'token against forged browser calls'],
  ['GET /admin/settings', 'read', 'none', 'server.read_settings', 'settings of the server'],
  ['GET /admin/version', 'read', 'none', 'server.read', 'version of the server'],
  ['GET /admin/storage', 'read', 'none', 'server.read_storage', 'default result storage'],
  ['PUT /admin/storage', 'write', 'json', 'server.write_storage block.use', 'set the default result storage'],
  ['DELETE /admin/storage', 'write', 'none', 'server.write_storage', 'clear the default result storage'],
  ['GET /collections/views/{view}', 'read', 'none', 'server.read', 'registry of worker and block types'],

  ['POST /flows/', 'write', 'json', 'flow.create flow.read', 'create a flow, or read it when the name exists'],
  ['GET /flows/{id}', 'read', 'none', 'flow.read', 'read a flow', 'one'],
  ['GET /flows/name/{name}', 'read', 'none', 'flow.read', 'read a flow by name', 'one'],
  ['PATCH /flows/{id}', 'write', 'json', 'flow.update', 'change the tags of a flow'],
  ['DELETE /flows/{id}', 'write', 'none', 'flow.delete', 'delete a flow'],
  ['POST /flows/filter', 'read', 'json', 'flow.list flow.read', 'list flows', 'list'],
  ['POST /flows/paginate', 'read', 'json', 'flow.list flow.read', 'list flows in pages', 'page'],
  ['POST /flows/count', 'read', 'json', 'flow.list flow.read', 'count flows', 'count'],
  ['POST /flows/bulk_delete', 'write', 'json', 'flow.delete', 'delete the flows that match'],

  [
    'POST /deployments/',
    'write',
    'json',
    `deployment.create deployment.update ${DEPLOYMENT_PARTS}`,
    'create or replace a deployment',
  ],
  ['GET /deployments/{id}', 'read', 'none', 'deployment.read', 'read a deployment', 'one'],
  [
    'GET /deployments/name/{flow_name}/{deployment_name}',
    'read',
    'none',
    'deployment.read',
    'read a deployment by its names',
    'one',
  ],
  ['PATCH /deployments/{id}', 'write', 'json', `deployment.update ${DEPLOYMENT_PARTS}`, 'change a deployment'],
  ['DELETE /deployments/{id}', 'write', 'none', 'deployment.delete', 'delete a deployment'],
  ['POST /deployments/filter', 'read', 'json', 'deployment.list deployment.read', 'list deployments', 'list'],
  ['POST /deployments/paginate', 'read', 'json', 'deployment.list deployment.read', 'list deployments in pages', 'page'],
  ['POST /deployments/count', 'read', 'json', 'deployment.list deployment.read', 'count deployments', 'count'],
  ['POST /deployments/bulk_delete', 'write', 'json', 'deployment.delete', 'delete the deployments that match'],
  ['POST /deployments/get_scheduled_flow_runs', 'poll', 'json', 'deployment.poll', 'a runner asks for due runs', 'list'],
  [
    'POST /deployments/{id}/create_flow_run',
    'act',
    'json',
    `deployment.run deployment.override work_pool.use block.use flow_run.report ${REFERENCES}`,
    'run a deployment',
  ],
  [
    'POST /deployments/{id}/create_flow_run/bulk',
    'act',
    'json',
    `deployment.run deployment.override work_pool.use block.use flow_run.report ${REFERENCES}`,
    'run a deployment many times',
  ],
  ['POST /deployments/{id}/schedule', 'act', 'json', 'deployment.update', 'create the scheduled runs of a time span'],
  ['POST /deployments/{id}/pause_deployment', 'write', 'none', 'deployment.update', 'pause a deployment'],
  ['POST /deployments/{id}/resume_deployment', 'write', 'none', 'deployment.update', 'end the pause of a deployment'],
  ['GET /deployments/{id}/work_queue_check', 'read', 'none', 'deployment.read', 'queues that could take a deployment', 'list'],
  ['GET /deployments/{id}/schedules', 'read', 'none', 'deployment.read', 'schedules of a deployment', 'one'],
  ['POST /deployments/{id}/schedules', 'write', 'json', `deployment.update ${REFERENCES}`, 'add schedules'],
  ['PATCH /deployments/{id}/schedules/{schedule_id}', 'write', 'json', `deployment.update ${REFERENCES}`, 'change a schedule'],
  ['DELETE /deployments/{id}/schedules/{schedule_id}', 'write', 'none', 'deployment.update', 'remove a schedule'],

  [
    'POST /flow_runs/',
    'act',
    'json',
    `flow_run.create deployment.run deployment.override work_pool.use block.use flow_run.report ${REFERENCES}`,
    'create a run directly',
  ],
  ['GET /flow_runs/{id}', 'read', 'none', 'flow_run.read', 'read a run', 'one'],
  ['PATCH /flow_runs/{id}', 'write', 'json', `flow_run.report flow_run.update deployment.override ${REFERENCES}`, 'change a run'],
  ['DELETE /flow_runs/{id}', 'write', 'none', 'flow_run.delete', 'delete a run'],
  ['POST /flow_runs/filter', 'read', 'json', RUN_LIST, 'list runs', 'list'],
  ['POST /flow_runs/paginate', 'read', 'json', RUN_LIST, 'list runs in pages', 'page'],
  ['POST /flow_runs/count', 'read', 'json', RUN_LIST, 'count runs', 'count'],
  ['POST /flow_runs/lateness', 'read', 'json', RUN_LIST, 'average lateness of runs', 'nothing'],
  ['POST /flow_runs/history', 'read', 'json', RUN_LIST, 'runs over time', 'list'],
  ['GET /flow_runs/{id}/graph', 'read', 'none', 'flow_run.read', 'task runs of a run and what they wait for', 'one'],
  ['GET /flow_runs/{id}/graph-v2', 'read', 'none', 'flow_run.read', 'graph of a run', 'one'],
  [
    'POST /flow_runs/{id}/set_state',
    'act',
    'json',
    'flow_run.report flow_run.cancel flow_run.retry flow_run.resume flow_run.suspend',
    'propose or force the state of a run',
  ],
  [
    'POST /flow_runs/bulk_set_state',
    'act',
    'json',
    'flow_run.report flow_run.cancel flow_run.retry flow_run.resume flow_run.suspend',
    'set the state of the runs that match',
  ],
  ['POST /flow_runs/bulk_delete', 'write', 'json', 'flow_run.delete', 'delete the runs that match'],
  [
    'POST /flow_runs/{id}/resume',
    'act',
    'json',
    `flow_run.resume ${REFERENCES}`,
    'resume a paused run: the approval of its pause',
  ],
  ['POST /flow_runs/{id}/input', 'act', 'json', 'flow_run.write_input flow_run.resume', 'write an input of a run'],
  ['POST /flow_runs/{id}/input/filter', 'read', 'json', 'flow_run.read', 'inputs of a run', 'one'],
  ['GET /flow_runs/{id}/input/{key}', 'read', 'none', 'flow_run.read', 'read an input of a run', 'one'],
  ['DELETE /flow_runs/{id}/input/{key}', 'write', 'none', 'flow_run.write_input', 'delete an input of a run'],
  ['PATCH /flow_runs/{id}/labels', 'write', 'json', 'flow_run.report', 'add labels to a run'],
  ['GET /flow_runs/{id}/logs/download', 'read', 'none', 'log.read', 'all log lines of a run', 'one'],
  ['GET /flow_run_states/{id}', 'read', 'none', 'flow_run.read flow_run.list', 'read a state of a run', 'one'],
  ['GET /flow_run_states/', 'read', 'none', 'flow_run.read', 'states of a run', 'list'],
  ['GET /observed-states', 'read', 'none', 'flow_run.list', 'state names of the whole server', 'list'],

  ['POST /task_runs/', 'write', 'json', 'task_run.create task_run.report', 'create a task run'],
  ['GET /task_runs/{id}', 'read', 'none', 'task_run.read', 'read a task run', 'one'],
  ['PATCH /task_runs/{id}', 'write', 'json', 'task_run.report', 'rename a task run'],
  ['DELETE /task_runs/{id}', 'write', 'none', 'task_run.delete', 'delete a task run'],
  ['POST /task_runs/filter', 'read', 'json', 'task_run.list task_run.read', 'list task runs', 'list'],
  ['POST /task_runs/paginate', 'read', 'json', 'task_run.list task_run.read', 'list task runs in pages', 'page'],
  ['POST /task_runs/count', 'read', 'json', 'task_run.list task_run.read', 'count task runs', 'count'],
  ['POST /task_runs/history', 'read', 'json', 'task_run.list task_run.read', 'task runs over time', 'list'],
  ['POST /task_runs/{id}/set_state', 'act', 'json', 'task_run.report', 'set the state of a task run'],
  ['GET /task_run_states/{id}', 'read', 'none', 'task_run.read task_run.list', 'read a state of a task run', 'one'],
  ['GET /task_run_states/', 'read', 'none', 'task_run.read', 'states of a task run', 'list'],
  ['POST /task_workers/filter', 'read', 'json', 'task_run.list', 'live background task workers', 'list'],

  ['POST /work_pools/', 'write', 'json', `work_pool.create block.use ${REFERENCES}`, 'create a work pool'],
  ['GET /work_pools/{name}', 'read', 'none', 'work_pool.read', 'read a work pool', 'one'],
  ['POST /work_pools/filter', 'read', 'json', 'work_pool.list work_pool.read', 'list work pools', 'list'],
  ['POST /work_pools/count', 'read', 'json', 'work_pool.list work_pool.read', 'count work pools', 'count'],
  ['PATCH /work_pools/{name}', 'write', 'json', `work_pool.update block.use ${REFERENCES}`, 'change a work pool'],
  ['DELETE /work_pools/{name}', 'write', 'none', 'work_pool.delete', 'delete a work pool'],
  [
    'POST /work_pools/{name}/concurrency_status',
    'read',
    'json',
    'work_pool.read flow_run.list',
    'runs that hold slots of a pool',
    'one',
  ],
  ['POST /work_pools/{name}/get_scheduled_flow_runs', 'poll', 'json', 'work_pool.poll', 'a worker asks for due runs', 'list'],
  ['POST /work_pools/{work_pool_name}/queues', 'write', 'json', 'work_queue.create work_pool.poll', 'create a work queue'],
  ['GET /work_pools/{work_pool_name}/queues/{name}', 'read', 'none', 'work_queue.read', 'read a work queue', 'one'],
  [
    'POST /work_pools/{work_pool_name}/queues/filter',
    'read',
    'json',
    'work_queue.list work_queue.read',
    'list the queues of a pool',
    'list',
  ],
  [
    'PATCH /work_pools/{work_pool_name}/queues/{name}',
    'write',
    'json',
    'work_queue.update work_pool.poll',
    'change a work queue',
  ],
  ['DELETE /work_pools/{work_pool_name}/queues/{name}', 'write', 'none', 'work_queue.delete', 'delete a work queue'],
  ['POST /work_pools/{work_pool_name}/workers/heartbeat', 'poll', 'json', 'worker.connect', 'a worker says that it lives'],
  ['POST /work_pools/{work_pool_name}/workers/filter', 'read', 'json', 'worker.list', 'list the workers of a pool', 'list'],
  ['DELETE /work_pools/{work_pool_name}/workers/{name}', 'write', 'none', 'worker.delete', 'forget a worker'],
  ['POST /work_queues/', 'write', 'json', 'work_queue.create work_pool.poll', 'create a queue of the default pool'],
  ['GET /work_queues/{id}', 'read', 'none', 'work_queue.read', 'read a work queue', 'one'],
  ['GET /work_queues/name/{name}', 'read', 'none', 'work_queue.read', 'read a queue by name', 'one'],
  ['PATCH /work_queues/{id}', 'write', 'json', 'work_queue.update work_pool.poll', 'change a work queue'],
  ['DELETE /work_queues/{id}', 'write', 'none', 'work_queue.delete', 'delete a work queue'],
  ['POST /work_queues/filter', 'read', 'json', 'work_queue.list work_queue.read', 'list work queues', 'list'],
  ['POST /work_queues/{id}/get_runs', 'poll', 'json', 'work_pool.poll', 'an agent asks for due runs', 'list'],
  [
    'POST /work_queues/{id}/concurrency_status',
    'read',
    'json',
    'work_queue.read flow_run.list',
    'runs that hold slots of a queue',
    'one',
  ],
  ['GET /work_queues/{id}/status', 'read', 'none', 'work_queue.read', 'health of a queue', 'one'],

  ['GET /block_capabilities/', 'read', 'none', 'block_type.list', 'capabilities of block types', 'list'],
  ['POST /block_types/', 'write', 'json', 'block_type.create', 'create a block type'],
  ['GET /block_types/{id}', 'read', 'none', 'block_type.read', 'read a block type', 'one'],
  ['GET /block_types/slug/{slug}', 'read', 'none', 'block_type.read', 'read a block type by slug', 'one'],
  ['PATCH /block_types/{id}', 'write', 'json', 'block_type.update', 'change a block type'],
  ['DELETE /block_types/{id}', 'write', 'none', 'block_type.delete', 'delete a block type'],
  ['POST /block_types/filter', 'read', 'json', 'block_type.list', 'list block types', 'list'],
  ['GET /block_types/slug/{slug}/block_documents', 'secret', 'none', 'block.list block.read_secret', 'blocks of a type', 'list'],
  [
    'GET /block_types/slug/{slug}/block_documents/name/{block_document_name}',
    'secret',
    'none',
    'block.read block.read_secret',
    'read a block by its names',
    'one',
  ],
  ['POST /block_types/install_system_block_types', 'write', 'none', 'block_type.create', 'install the built-in block types'],
  ['POST /block_schemas/', 'write', 'json', 'block_type.update', 'register a schema of a block type'],
  ['GET /block_schemas/{id}', 'read', 'none', 'block_type.read', 'read a block schema', 'one'],
  ['GET /block_schemas/checksum/{checksum}', 'read', 'none', 'block_type.read', 'read a block schema by checksum', 'one'],
  ['POST /block_schemas/filter', 'read', 'json', 'block_type.list', 'list block schemas', 'list'],
  ['DELETE /block_schemas/{id}', 'write', 'none', 'block_type.update', 'delete a block schema'],
  ['POST /block_documents/', 'write', 'json', 'block.create block.read_secret block.read', 'create a block'],
  ['GET /block_documents/{id}', 'secret', 'none', 'block.read block.read_secret', 'read a block', 'one'],
  ['PATCH /block_documents/{id}', 'write', 'json', 'block.update block.read_secret block.read', 'change a block'],
  ['DELETE /block_documents/{id}', 'write', 'none', 'block.delete', 'delete a block'],
  ['POST /block_documents/filter', 'secret', 'json', 'block.list block.read block.read_secret', 'list blocks', 'list'],
  ['POST /block_documents/count', 'read', 'json', 'block.list block.read', 'count blocks', 'count'],

  ['POST /variables/', 'write', 'json', 'variable.create', 'create a variable'],
  ['GET /variables/{id}', 'read', 'none', 'variable.read', 'read a variable', 'one'],
  ['GET /variables/name/{name}', 'read', 'none', 'variable.read', 'read a variable by name', 'one'],
  ['PATCH /variables/{id}', 'write', 'json', 'variable.update', 'change a variable'],
  ['PATCH /variables/name/{name}', 'write', 'json', 'variable.update', 'change a variable by name'],
  ['DELETE /variables/{id}', 'write', 'none', 'variable.delete', 'delete a variable'],
  ['DELETE /variables/name/{name}', 'write', 'none', 'variable.delete', 'delete a variable by name'],
  ['POST /variables/filter', 'read', 'json', 'variable.list variable.read', 'list variables', 'list'],
  ['POST /variables/count', 'read', 'json', 'variable.list variable.read', 'count variables', 'count'],

  ['POST /artifacts/', 'write', 'json', 'artifact.write', 'create an artifact'],
  ['GET /artifacts/{id}', 'read', 'none', 'artifact.read', 'read an artifact', 'one'],
  ['GET /artifacts/{key}/latest', 'read', 'none', 'artifact.read', 'latest artifact of a key', 'one'],
  ['PATCH /artifacts/{id}', 'write', 'json', 'artifact.write', 'change an artifact'],
  ['DELETE /artifacts/{id}', 'write', 'none', 'artifact.delete', 'delete an artifact'],
  ['POST /artifacts/filter', 'read', 'json', 'artifact.list artifact.read', 'list artifacts', 'list'],
  ['POST /artifacts/latest/filter', 'read', 'json', 'artifact.list artifact.read', 'list the latest artifacts', 'list'],
  ['POST /artifacts/count', 'read', 'json', 'artifact.list artifact.read', 'count artifacts', 'count'],
  ['POST /artifacts/latest/count', 'read', 'json', 'artifact.list artifact.read', 'count the latest artifacts', 'count'],
  ['PUT /saved_searches/', 'write', 'json', 'saved_search.write', 'create or replace a saved search'],
  ['GET /saved_searches/{id}', 'read', 'none', 'saved_search.read', 'read a saved search', 'one'],
  ['POST /saved_searches/filter', 'read', 'json', 'saved_search.read', 'list saved searches', 'list'],
  ['DELETE /saved_searches/{id}', 'write', 'none', 'saved_search.write', 'delete a saved search'],

  ['POST /concurrency_limits/', 'write', 'json', 'concurrency_limit.create', 'create a limit of a tag'],
  ['GET /concurrency_limits/{id}', 'read', 'none', 'concurrency_limit.read', 'read a limit of a tag', 'one'],
  ['GET /concurrency_limits/tag/{tag}', 'read', 'none', 'concurrency_limit.read', 'read the limit of a tag', 'one'],
  ['POST /concurrency_limits/filter', 'read', 'json', 'concurrency_limit.list', 'list limits of tags', 'list'],
  ['POST /concurrency_limits/tag/{tag}/reset', 'write', 'json', 'concurrency_limit.update', 'free all slots of a tag'],
  ['DELETE /concurrency_limits/{id}', 'write', 'none', 'concurrency_limit.delete', 'delete a limit of a tag'],
  ['DELETE /concurrency_limits/tag/{tag}', 'write', 'none', 'concurrency_limit.delete', 'delete the limit of a tag'],
  ['POST /concurrency_limits/increment', 'act', 'json', 'concurrency_limit.acquire', 'take slots for a task run'],
  ['POST /concurrency_limits/decrement', 'act', 'json', 'concurrency_limit.acquire', 'return slots of a task run'],
  ['POST /v2/concurrency_limits/', 'write', 'json', 'concurrency_limit.create', 'create a global limit'],
  ['GET /v2/concurrency_limits/{id_or_name}', 'read', 'none', 'concurrency_limit.read', 'read a global limit', 'one'],
  ['PATCH /v2/concurrency_limits/{id_or_name}', 'write', 'json', 'concurrency_limit.update', 'change a global limit'],
  ['DELETE /v2/concurrency_limits/{id_or_name}', 'write', 'none', 'concurrency_limit.delete', 'delete a global limit'],
  ['POST /v2/concurrency_limits/filter', 'read', 'json', 'concurrency_limit.list', 'list global limits', 'list'],
  ['POST /v2/concurrency_limits/increment', 'act', 'json', 'concurrency_limit.acquire concurrency_limit.create', 'take slots'],
  ['POST /v2/concurrency_limits/increment-with-lease', 'act', 'json', 'concurrency_limit.acquire', 'take slots with a lease'],
  ['POST /v2/concurrency_limits/decrement', 'act', 'json', 'concurrency_limit.acquire concurrency_limit.create', 'return slots'],
  ['POST /v2/concurrency_limits/decrement-with-lease', 'act', 'json', 'concurrency_limit.release', 'return the slots of a lease'],
  ['POST /v2/concurrency_limits/leases/{lease_id}/renew', 'poll', 'json', 'concurrency_limit.release', 'keep a lease'],

  ['POST /logs/', 'write', 'json', 'log.write', 'write log lines'],
  ['POST /logs/filter', 'read', 'json', 'log.list log.read', 'list log lines', 'list'],
  ['POST /events', 'write', 'json', 'event.emit event.emit_system task_run.report worker.report flow_run.report', 'write events'],
  ['POST /events/filter', 'read', 'json', 'event.list flow_run.read worker.connect', 'list events', 'events'],
  ['GET /events/filter/next', 'read', 'none', 'event.list flow_run.read worker.connect', 'next page of events', 'events'],
  ['POST /events/count-by/{countable}', 'read', 'json', 'event.list flow_run.read worker.connect', 'count events', 'list'],
  [
    'POST /automations/',
    'write',
    'json',
    `automation.create ${AUTOMATION_ACTIONS}`,
    'create an automation, with the right to each of its actions',
  ],
  ['GET /automations/{id}', 'read', 'none', 'automation.read', 'read an automation', 'one'],
  [
    'PUT /automations/{id}',
    'write',
    'json',
    `automation.update ${AUTOMATION_ACTIONS}`,
    'replace an automation, with the right to each of its actions',
  ],
  ['PATCH /automations/{id}', 'write', 'json', `automation.update ${AUTOMATION_ACTIONS}`, 'switch an automation on or off'],
  ['DELETE /automations/{id}', 'write', 'none', 'automation.delete', 'delete an automation'],
  ['POST /automations/filter', 'read', 'json', 'automation.list automation.read', 'list automations', 'list'],
  ['POST /automations/count', 'read', 'json', 'automation.list automation.read', 'count automations', 'count'],
  ['GET /automations/related-to/{resource_id}', 'read', 'none', 'automation.list', 'automations that touch an object', 'list'],
  [
    'DELETE /automations/owned-by/{resource_id}',
    'write',
    'none',
    'deployment.update automation.delete',
    'delete the automations that a deployment owns',
  ],
  ['POST /templates/validate', 'read', 'opaque', 'server.read', 'check a template'],
  ['POST /automations/templates/validate', 'read', 'opaque', 'server.read', 'check a template of an automation'],

  ['POST /ui/flow_runs/history', 'read', 'json', RUN_LIST, 'runs as points of a chart', 'list'],
  ['POST /ui/flow_runs/count-task-runs', 'read', 'json', RUN_LIST, 'task runs per run'],
  ['POST /ui/flows/count-deployments', 'read', 'json', 'deployment.list', 'deployments per flow'],
  ['POST /ui/flows/next-runs', 'read', 'json', 'flow_run.list', 'next run per flow'],
  ['POST /ui/schemas/validate', 'read', 'json', 'server.read variable.read', 'check values against a schema'],
  ['POST /ui/task_runs/dashboard/counts', 'read', 'json', 'task_run.list task_run.read', 'task runs over time', 'list'],
  ['POST /ui/task_runs/count', 'read', 'json', 'task_run.list task_run.read', 'task runs by state'],
  ['GET /ui/task_runs/{id}', 'read', 'none', 'task_run.read', 'read a task run with the name of its run', 'one'],

  [
    'WS /events/in',
    'poll',
    'none',
    'event.connect event.emit event.emit_system task_run.report flow_run.report worker.report',
    'stream of events from a client',
  ],
  [
    'WS /events/out',
    'poll',
    'none',
    'event.connect event.list flow_run.read worker.connect',
    'stream of events to a client',
    'frame',
  ],
  ['WS /logs/out', 'poll', 'none', 'event.connect log.list log.read', 'stream of log lines to a client', 'frame'],
  [
    'WS /task_runs/subscriptions/scheduled',
    'poll',
    'none',
    'event.connect task_run.poll',
    'background task runs for a task worker',
    'frame',
  ],
  [
    'WS /work_pools/{work_pool_name}/workers/connect',
    'poll',
    'none',
    'worker.connect work_pool.create work_pool.update',
    'channel of a worker',
    'frame',
  ],
];

/** Beside `/api`: the web app and what belongs to it. `segments` of these are not matched; see `match.ts`. */
const SITE_ROWS: readonly Row[] = [
  ['GET site', 'read', 'none', 'server.read', 'the web app: `/` and its files'],
  ['GET ui-settings', 'read', 'none', 'server.read', 'where the web app finds the API'],
  ['GET docs', 'read', 'none', 'server.read', 'OpenAPI document and its viewers'],
];

function routeOf([id, kind, body, actions, title, flag]: Row): Route {
  const space = id.indexOf(' ');
  const empty = flag === undefined || flag === 'one' || flag === 'frame' || flag === 'none' ? undefined : flag;
  return {
    id,
    method: id.slice(0, space),
    segments: id
      .slice(space + 1)
      .split('/')
      .filter((segment) => segment !== ''),
    title,
    class: kind,
    body,
    actions: actions.split(' ').map((action) => `prefect.${action}`),
    identity: flag === 'frame' || flag === 'none' ? flag : 'caller',
    isOne: flag === 'one',
    ...(empty === undefined ? {} : { empty }),
  };
}

/** Operations and sockets below `/api`. */
export const API_ROUTES: readonly Route[] = ROWS.map(routeOf);
export const SITE_ROUTES: readonly Route[] = SITE_ROWS.map(routeOf);

/** A route that the catalogue does not know; its action is never granted by a wildcard. */
export const RAW_ROUTE: Route = {
  id: 'raw',
  method: '*',
  segments: [],
  title: 'a route that the catalogue does not know',
  class: 'write',
  body: 'opaque',
  actions: ['prefect.raw'],
  identity: 'caller',
  isOne: false,
};

export const ROUTES: readonly Route[] = [...API_ROUTES, ...SITE_ROUTES, RAW_ROUTE];

const BY_ID = new Map(ROUTES.map((route) => [route.id, route]));

/** The route of an `Operation.id`; an unknown id is the raw route. */
export function routeById(id: string): Route {
  return BY_ID.get(id) ?? RAW_ROUTE;
}
