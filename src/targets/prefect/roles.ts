import type { BundleEntry, ImpliedEntry } from '../../core/catalogue.ts';

/**
 * What each actor's stock client needs, and no more: taken from what Prefect 3.9.1 was seen to call. A bundle names actions; where
 * they hold is the rule's `on`. Beside the objects of a team that is `prefect/server` (version, web app) and, for whoever watches or
 * reports, `prefect/events` (the streams).
 */
export const BUNDLES: readonly BundleEntry[] = [
  bundle('viewer', 'Sees everything but secrets; for lists on `prefect/**`', [
    'server.read server.read_storage server.read_settings',
    'flow.read flow.list deployment.read deployment.list flow_run.read flow_run.list task_run.read task_run.list',
    'log.read log.list artifact.read artifact.list saved_search.read',
    'work_pool.read work_pool.list work_queue.read work_queue.list worker.list',
    'block_type.read block_type.list block.read block.list variable.read variable.list',
    'concurrency_limit.read concurrency_limit.list event.connect event.list automation.read automation.list',
  ]),
  bundle('runner', 'Runs deployments as they are, watches, cancels and retries their runs', [
    'server.read server.read_settings event.connect',
    'flow.read deployment.read deployment.run flow_run.read flow_run.cancel flow_run.retry task_run.read log.read artifact.read',
  ]),
  bundle('deployer', 'Creates and changes deployments, runs them, and may change for one run what they settle', [
    'server.read server.read_settings event.connect',
    'flow.read flow.create flow.update',
    'deployment.read deployment.create deployment.update deployment.delete deployment.run deployment.override',
    'flow_run.read flow_run.cancel flow_run.retry flow_run.update task_run.read log.read artifact.read',
    'work_pool.read work_pool.use work_queue.read work_queue.list worker.list',
    'block_type.read block.read block.use',
    'automation.read automation.list automation.create automation.update automation.delete',
  ]),
  bundle('worker', 'Polls a pool or serves deployments, starts their runs and reports on them', [
    'server.read event.connect event.emit',
    'work_pool.read work_pool.poll work_queue.read work_queue.list worker.connect worker.report',
    'deployment.poll deployment.read flow.read',
    'flow_run.read flow_run.report flow_run.cancel log.write',
    'block.read block.read_secret variable.read',
  ]),
  bundle('flow_run', 'Works as a flow run: reports its states, tasks, logs, events and artifacts, and starts subflows', [
    'server.read server.read_storage event.connect event.emit',
    'flow.read flow.create deployment.read work_pool.read work_queue.read',
    'flow_run.read flow_run.create flow_run.report flow_run.write_input',
    'task_run.read task_run.create task_run.report task_run.poll log.write artifact.read artifact.write',
    'concurrency_limit.read concurrency_limit.acquire concurrency_limit.release',
    'block_type.read block.read block.read_secret variable.read',
  ]),
  bundle('approver', 'Reads paused runs and what they ask, and resumes them', [
    'server.read server.read_settings event.connect',
    'flow.read deployment.read flow_run.read flow_run.resume task_run.read log.read artifact.read',
  ]),
];

/** Reading what one may run or resume, on the object and below it: its runs. */
export const IMPLIED: readonly ImpliedEntry[] = [
  { by: 'prefect.deployment.run', action: 'prefect.deployment.read' },
  { by: 'prefect.deployment.update', action: 'prefect.deployment.read' },
  { by: 'prefect.flow_run.resume', action: 'prefect.flow_run.read' },
  { by: 'prefect.block.read_secret', action: 'prefect.block.read' },
];

function bundle(name: string, title: string, actions: readonly string[]): BundleEntry {
  return {
    name: `prefect.role.${name}`,
    title,
    actions: actions.flatMap((line) => line.split(' ')).map((action) => `prefect.${action}`),
  };
}
