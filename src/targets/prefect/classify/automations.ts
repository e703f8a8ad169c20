import type { AccessRequest } from '../../../core/access.ts';
import type { JsonObject } from '../../../wire/call.ts';
import { type Asked, ask, beforeAndAfter, type Classifiers, continuing, existing, param, relabelled } from '../ask.ts';
import { objectBody, objectListField, textField, textListField } from '../bodies.ts';
import type { AutomationFacts } from '../facts.ts';
import type { Place } from '../places.ts';
import { attributesOf } from '../request-attributes.ts';
import { uuidOfResource } from '../uuid.ts';
import { actionRequests } from './automation-actions.ts';
import { listAutomations } from './lists.ts';

/**
 * Automations act inside the server, past every gateway: whoever makes one, changes one or sets one to work needs the right to
 * each thing that it will do.
 */
async function create(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const owner = await ownerPlace(asked, textField(body, 'owner_resource'));
  const attributes = attributesOf(asked.method, body);
  return [ask(asked, 'automation.create', owner, { attributes }), ...(await actionRequests(asked, actionsOf(body)))];
}

function actionsOf(body: JsonObject): readonly JsonObject[] {
  return ['actions', 'actions_on_trigger', 'actions_on_resolve'].flatMap((field) => objectListField(body, field));
}

/** An automation that a deployment owns is made below it. */
async function ownerPlace(asked: Asked, resourceId: string | undefined): Promise<Place> {
  const deployment = resourceId === undefined ? undefined : await deploymentOf(asked, resourceId);
  if (deployment === undefined) return asked.places.at(['automations']);
  const { path, attributes } = deployment.resource;
  return { resource: { path: [...path, 'automations'], attributes }, continues: [] };
}

async function deploymentOf(asked: Asked, resourceId: string): Promise<Place | undefined> {
  const id = uuidOfResource(resourceId, 'deployment');
  return id === undefined ? undefined : await asked.places.deployment(id, asked.freshness);
}

async function automationOf(asked: Asked): Promise<{ readonly facts: AutomationFacts; readonly place: Place }> {
  const facts = await existing(asked.places.names.get('automation', param(asked, 'id'), asked.freshness));
  const { id, name, tags } = facts;
  return { facts, place: asked.places.at(['automations', id], { id, displayName: name, tags }) };
}

async function replace(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const { place } = await automationOf(asked);
  const after = relabelled(place, { displayName: textField(body, 'name') ?? '', tags: textListField(body, 'tags') ?? [] });
  const attributes = attributesOf(asked.method, body);
  return [
    ...beforeAndAfter(asked, 'automation.update', place, after, { attributes }),
    ...(await actionRequests(asked, actionsOf(body))),
  ];
}

/** Switching on sets its actions to work; switching off does not. The server's default for a missing `enabled` is on. */
async function toggle(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const { facts, place } = await automationOf(asked);
  const attributes = attributesOf(asked.method, body);
  const actions = body['enabled'] === false ? [] : await actionRequests(asked, facts.actions);
  return [ask(asked, 'automation.update', place, { attributes }), ...actions];
}

async function read(asked: Asked): Promise<readonly AccessRequest[]> {
  return [ask(asked, 'automation.read', (await automationOf(asked)).place)];
}

async function remove(asked: Asked): Promise<readonly AccessRequest[]> {
  return [ask(asked, 'automation.delete', (await automationOf(asked)).place)];
}

/** Automations that touch an object are listed below the deployment that it is; for anything else among all. */
async function listRelated(asked: Asked): Promise<readonly AccessRequest[]> {
  const place = await ownerPlace(asked, param(asked, 'resource_id'));
  return [continuing(asked, 'automation.list', place)];
}

/** Every deploy and serve does this for its own deployment, and is broken without it. */
async function removeOwned(asked: Asked): Promise<readonly AccessRequest[]> {
  const deployment = await deploymentOf(asked, param(asked, 'resource_id'));
  if (deployment !== undefined) return [ask(asked, 'deployment.update', deployment)];
  return [ask(asked, 'automation.delete', asked.places.at(['automations']))];
}

export const AUTOMATIONS: Classifiers = {
  'POST /automations/': create,
  'GET /automations/{id}': read,
  'PUT /automations/{id}': replace,
  'PATCH /automations/{id}': toggle,
  'DELETE /automations/{id}': remove,
  'POST /automations/filter': listAutomations,
  'POST /automations/count': listAutomations,
  'GET /automations/related-to/{resource_id}': listRelated,
  'DELETE /automations/owned-by/{resource_id}': removeOwned,
};
