import type { AttributeEntry, AttributeSchema } from '../../core/attribute.ts';

/**
 * Attributes of `resource.*` by the kind of object. A right to a whole type (`prefect/flow-runs`, an automation whose object is told
 * by an event) carries none of them, though the schema says that they are there: a condition on them is then an error, and errors
 * resolve against access.
 */

function text(title: string): AttributeEntry {
  return { type: { kind: 'string' }, title };
}

const tags: AttributeEntry = {
  type: { kind: 'list', of: { kind: 'string' } },
  title: 'Tags, which whoever may update the object may change',
};

const pool = text('Work pool; empty when it has none');
const queue = text('Work queue; empty when it has none');

const flow: AttributeSchema = { id: text('Id'), flow: text('Name of the flow'), tags };
const deployment: AttributeSchema = { ...flow, deployment: text('Name of the deployment'), work_pool: pool, work_queue: queue };
const run: AttributeSchema = {
  ...deployment,
  deployment: text('Name of the deployment; empty for an ad-hoc run'),
  displayName: text('Name of the run, which its creator chooses'),
  state_type: text('Type of its state, as `RUNNING`'),
  created_by: text('Who created it, as the gateway wrote it down; empty when the server made it by a schedule'),
};

export const SCHEMAS = {
  none: {},
  flow,
  deployment,
  run,
  /** A run, or something of the same kind that belongs to no run. */
  perhapsRun: optional(run),
  /** Runs below a deployment, or below a flow. */
  runsBelow: { ...flow, ...optional({ deployment: deployment['deployment'] ?? pool, work_pool: pool, work_queue: queue }) },
  deploymentsBelow: { flow: flow['flow'] ?? pool },
  perhapsDeployment: optional(deployment),
  pool: { work_pool: pool },
  perhapsPool: optional({ work_pool: pool }),
  queue: { work_pool: pool, work_queue: queue },
  perhapsQueue: { work_pool: pool, ...optional({ work_queue: queue }) },
  blockType: { block_type: text('Slug of the block type') },
  perhapsBlockType: optional({ block_type: text('Slug of the block type') }),
  block: { block_type: text('Slug of the block type'), block: text('Name of the block') },
  variable: { variable: text('Name of the variable'), ...optional({ tags }) },
  automation: { id: text('Id'), displayName: text('Name of the automation'), tags },
  limit: { limit: text('Name of the limit; `tag:TAG` for the limit of a tag') },
} as const satisfies Record<string, AttributeSchema>;

export type SchemaName = keyof typeof SCHEMAS;

function optional(schema: AttributeSchema): AttributeSchema {
  return Object.fromEntries(Object.entries(schema).map(([name, entry]) => [name, { ...entry, optional: true }]));
}
