import type { AccessRequest } from '../../../core/access.ts';
import type { JsonObject } from '../../../wire/call.ts';
import { type Asked, ask } from '../ask.ts';
import { invalid, objectField, requiredUuid, textField, uuidField } from '../bodies.ts';
import type { Place } from '../places.ts';
import { blockUse, referenceRequests } from '../references.ts';
import { nestedKeys, referencesIn } from '../templates.ts';

/** What one action will do, and to what. */
interface ActionRule {
  /** Without `prefect.`. */
  readonly actions: readonly string[];
  /** Field of the id of the one object, and where that object stands. */
  readonly named?: readonly [field: string, place: (asked: Asked, id: string) => Promise<Place | undefined>];
  /** The whole type: asked for when the object comes from the event that sets the automation off. */
  readonly whole: string;
}

const deployment = ['deployment_id', (asked: Asked, id: string) => asked.places.deployment(id, 'now')] as const;

const workPool = [
  'work_pool_id',
  async (asked: Asked, id: string) => {
    const pool = await asked.places.names.get('workPool', id, asked.freshness);
    return pool === undefined ? undefined : asked.places.pool(pool.name);
  },
] as const;

const workQueue = [
  'work_queue_id',
  async (asked: Asked, id: string) => {
    const queue = await asked.places.names.get('workQueue', id, asked.freshness);
    return queue === undefined ? undefined : asked.places.queue(queue.workPool || 'default-agent-pool', queue.name);
  },
] as const;

const automation = [
  'automation_id',
  async (asked: Asked, id: string) => {
    const found = await asked.places.names.get('automation', id, asked.freshness);
    return found === undefined
      ? undefined
      : asked.places.at(['automations', id], { id, displayName: found.name, tags: found.tags });
  },
] as const;

const ON_DEPLOYMENT: ActionRule = { actions: ['deployment.update'], named: deployment, whole: 'deployments' };
const ON_POOL: ActionRule = { actions: ['work_pool.update'], named: workPool, whole: 'work-pools' };
const ON_QUEUE: ActionRule = { actions: ['work_queue.update'], named: workQueue, whole: 'work-pools' };
const ON_AUTOMATION: ActionRule = { actions: ['automation.update'], named: automation, whole: 'automations' };

function onAnyRun(...actions: readonly string[]): ActionRule {
  return { actions, whole: 'flow-runs' };
}

/** The 17 types of action, Prefect 3.9.1. Those without a rule use a block and nothing else. */
const RULES: Readonly<Record<string, ActionRule | undefined>> = {
  'run-deployment': { actions: ['deployment.run'], named: deployment, whole: 'deployments' },
  'pause-deployment': ON_DEPLOYMENT,
  'resume-deployment': ON_DEPLOYMENT,
  'pause-work-pool': ON_POOL,
  'resume-work-pool': ON_POOL,
  'pause-work-queue': ON_QUEUE,
  'resume-work-queue': ON_QUEUE,
  'pause-automation': ON_AUTOMATION,
  'resume-automation': ON_AUTOMATION,
  'cancel-flow-run': onAnyRun('flow_run.cancel'),
  'suspend-flow-run': onAnyRun('flow_run.suspend'),
  'resume-flow-run': onAnyRun('flow_run.resume'),
  'delete-flow-run': onAnyRun('flow_run.delete'),
  'change-flow-run-state': onAnyRun(
    'flow_run.report',
    'flow_run.cancel',
    'flow_run.retry',
    'flow_run.resume',
    'flow_run.suspend',
  ),
  'do-nothing': undefined,
  'send-notification': undefined,
  'call-webhook': undefined,
};

const MAX_ACTIONS = 100;

/** What the actions of an automation ask for. An unknown type is refused: it could mean anything. */
export async function actionRequests(asked: Asked, actions: readonly JsonObject[]): Promise<readonly AccessRequest[]> {
  if (actions.length > MAX_ACTIONS) throw invalid('an automation', `one of at most ${MAX_ACTIONS} actions`);
  const requests: AccessRequest[] = [];
  for (const action of actions) requests.push(...(await requestsOf(asked, action)));
  return requests;
}

async function requestsOf(asked: Asked, action: JsonObject): Promise<readonly AccessRequest[]> {
  const type = textField(action, 'type') ?? '';
  if (!Object.hasOwn(RULES, type)) throw invalid('`actions[].type`', 'a type of action that the gateway knows');
  const rule = RULES[type];
  if (rule === undefined) return type === 'do-nothing' ? [] : await blockUse(asked, requiredUuid(action, 'block_document_id'));
  const place = await placeOf(asked, action, rule);
  const requests = rule.actions.map((name) => ask(asked, name, place));
  if (type !== 'run-deployment') return requests;
  const variables = objectField(action, 'job_variables');
  if (Object.keys(variables).length > 0) requests.push(ask(asked, 'deployment.override', place));
  const references = referencesIn(action['parameters'], nestedKeys(variables));
  return [...requests, ...(await referenceRequests(asked, references))];
}

/** An object that an event tells may be any; so may one that does not exist (yet). */
async function placeOf(asked: Asked, action: JsonObject, rule: ActionRule): Promise<Place> {
  const source = action['source'] ?? 'selected';
  const id = rule.named === undefined || source !== 'selected' ? undefined : uuidField(action, rule.named[0]);
  if (rule.named === undefined || id === undefined) return asked.places.at([rule.whole]);
  return (await rule.named[1](asked, id)) ?? asked.places.at([rule.whole]);
}
