import type { AccessRequest } from '../../../core/access.ts';
import type { JsonObject } from '../../../wire/call.ts';
import { type Asked, ask, beforeAndAfter, type Classifiers, continuing, existing, param, relabelled } from '../ask.ts';
import {
  isGiven,
  listBody,
  objectBody,
  objectField,
  objectListField,
  requiredText,
  requiredUuid,
  textField,
  textListField,
  uuidField,
  uuidListField,
} from '../bodies.ts';
import { exactIds } from '../filters.ts';
import type { Place } from '../places.ts';
import { poolUse } from '../pool-use.ts';
import { blockUse, referenceRequests } from '../references.ts';
import { attributesOf } from '../request-attributes.ts';
import { nestedKeys, referencesIn } from '../templates.ts';
import { listDeployments } from './lists.ts';
import { runDeployment, runDeploymentManyTimes } from './run-creation.ts';

/** Creates, or replaces when the flow has a deployment of that name. */
async function create(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const flow = await existing(asked.places.flow(requiredUuid(body, 'flow_id'), 'recent'));
  const flowName = flow.resource.attributes['flow'];
  if (typeof flowName !== 'string') throw new Error('a flow without a name');
  const name = requiredText(body, 'name');
  const former = await asked.places.deploymentNamed(flowName, name, 'now');
  const parts = await partRequests(asked, body, former);
  if (former !== undefined) return [...changed(asked, body, former, { isReplaced: true }), ...parts];
  const parent = asked.places.at(['deployments', flowName], { flow: flowName });
  return [ask(asked, 'deployment.create', parent, { attributes: attributesOf(asked.method, body) }), ...parts];
}

async function update(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const former = await existing(asked.places.deployment(param(asked, 'id'), 'now'));
  return [...changed(asked, body, former, { isReplaced: false }), ...(await partRequests(asked, body, former))];
}

/** Tags, pool and queue say which rules hold for a deployment: changing them asks for it as it was and as it will be. */
function changed(asked: Asked, body: JsonObject, before: Place, how: { readonly isReplaced: boolean }): readonly AccessRequest[] {
  const tags = textListField(body, 'tags') ?? (how.isReplaced && 'tags' in body ? [] : undefined);
  const after = relabelled(before, {
    ...(tags === undefined ? {} : { tags }),
    ...('work_pool_name' in body ? { work_pool: textField(body, 'work_pool_name') ?? '' } : {}),
    ...('work_queue_name' in body ? { work_queue: textField(body, 'work_queue_name') ?? '' } : {}),
  });
  // A pool named without a queue means that pool's default queue.
  const moved = isGiven(body, 'work_pool_name') && !isGiven(body, 'work_queue_name') && differs(before, after, 'work_pool');
  const attributes = attributesOf(asked.method, body);
  return beforeAndAfter(asked, 'deployment.update', before, moved ? relabelled(after, { work_queue: 'default' }) : after, {
    attributes,
  });
}

function differs(before: Place, after: Place, attribute: string): boolean {
  return before.resource.attributes[attribute] !== after.resource.attributes[attribute];
}

/** What a deployment makes use of beside itself: another pool, blocks, variables, a limit. */
async function partRequests(asked: Asked, body: JsonObject, former: Place | undefined): Promise<readonly AccessRequest[]> {
  const schedules = objectListField(body, 'schedules').map((schedule) => schedule['parameters']);
  const values = [body['parameters'], nestedKeys(objectField(body, 'job_variables')), body['pull_steps'], ...schedules];
  const limit = uuidField(body, 'global_concurrency_limit_id');
  const known = limit === undefined ? undefined : await asked.places.names.get('limit', limit, 'recent');
  const limitPlace = known === undefined ? asked.places.at(['concurrency-limits']) : asked.places.limit(known.name);
  return [
    ...poolUse(asked, body, former),
    ...(await blockUse(asked, uuidField(body, 'storage_document_id'))),
    ...(await blockUse(asked, uuidField(body, 'infrastructure_document_id'))),
    ...(limit === undefined ? [] : [ask(asked, 'concurrency_limit.acquire', limitPlace)]),
    ...(await referenceRequests(asked, referencesIn(...values))),
  ];
}

async function read(asked: Asked): Promise<readonly AccessRequest[]> {
  return [continuing(asked, 'deployment.read', await existing(asked.places.deployment(param(asked, 'id'), asked.freshness)))];
}

async function readNamed(asked: Asked): Promise<readonly AccessRequest[]> {
  const flow = param(asked, 'flow_name');
  const place = asked.places.deploymentNamed(flow, param(asked, 'deployment_name'), asked.freshness);
  return [continuing(asked, 'deployment.read', await existing(place))];
}

async function change(asked: Asked): Promise<readonly AccessRequest[]> {
  return [ask(asked, 'deployment.update', await existing(asked.places.deployment(param(asked, 'id'), 'now')))];
}

async function changeSchedules(asked: Asked): Promise<readonly AccessRequest[]> {
  const schedules = Array.isArray(asked.body) ? listBody(asked.body) : [objectBody(asked.body)];
  const references = referencesIn(...schedules.map((schedule) => schedule['parameters']));
  return [...(await change(asked)), ...(await referenceRequests(asked, references))];
}

async function remove(asked: Asked): Promise<readonly AccessRequest[]> {
  return [ask(asked, 'deployment.delete', await existing(asked.places.deployment(param(asked, 'id'), 'now')))];
}

async function removeMany(asked: Asked): Promise<readonly AccessRequest[]> {
  const ids = exactIds(objectBody(asked.body), 'deployments') ?? [];
  const requests: AccessRequest[] = [];
  for (const facts of await asked.places.names.many('deployment', ids, 'now')) {
    requests.push(ask(asked, 'deployment.delete', await existing(asked.places.deploymentAt(facts))));
  }
  return requests.length > 0 ? requests : [ask(asked, 'deployment.delete', asked.places.at(['deployments']))];
}

const MAX_POLLED = 200;

/** A runner asks for the due runs of the deployments that it serves. One that is gone yields nothing and asks for nothing. */
async function poll(asked: Asked): Promise<readonly AccessRequest[]> {
  const ids = uuidListField(objectBody(asked.body), 'deployment_ids');
  const requests: AccessRequest[] = [];
  if (ids.length <= MAX_POLLED) {
    for (const facts of await asked.places.names.many('deployment', ids, asked.freshness)) {
      requests.push(ask(asked, 'deployment.poll', await existing(asked.places.deploymentAt(facts))));
    }
  }
  return requests.length > 0 ? requests : [ask(asked, 'deployment.poll', asked.places.at(['deployments']))];
}

export const DEPLOYMENTS: Classifiers = {
  'POST /deployments/': create,
  'GET /deployments/{id}': read,
  'GET /deployments/name/{flow_name}/{deployment_name}': readNamed,
  'PATCH /deployments/{id}': update,
  'DELETE /deployments/{id}': remove,
  'POST /deployments/filter': listDeployments,
  'POST /deployments/paginate': listDeployments,
  'POST /deployments/count': listDeployments,
  'POST /deployments/bulk_delete': removeMany,
  'POST /deployments/get_scheduled_flow_runs': poll,
  'POST /deployments/{id}/create_flow_run': runDeployment,
  'POST /deployments/{id}/create_flow_run/bulk': runDeploymentManyTimes,
  'POST /deployments/{id}/schedule': change,
  'POST /deployments/{id}/pause_deployment': change,
  'POST /deployments/{id}/resume_deployment': change,
  'GET /deployments/{id}/work_queue_check': read,
  'GET /deployments/{id}/schedules': read,
  'POST /deployments/{id}/schedules': changeSchedules,
  'PATCH /deployments/{id}/schedules/{schedule_id}': changeSchedules,
  'DELETE /deployments/{id}/schedules/{schedule_id}': change,
};
