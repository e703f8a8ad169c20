import type { AccessRequest } from '../../../core/access.ts';
import {
  ANY_RUN,
  type Asked,
  ask,
  beforeAndAfter,
  type Classifiers,
  continuing,
  earlier,
  existing,
  param,
  relabelled,
} from '../ask.ts';
import { objectBody, requiredText, textListField } from '../bodies.ts';
import { exactIds } from '../filters.ts';
import { attributesOf } from '../request-attributes.ts';
import { listFlows } from './lists.ts';

/** Runs announce their flow by its name; only a new name creates anything. */
async function announce(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const attributes = attributesOf(asked.method, body);
  const flow = await asked.places.flowNamed(requiredText(body, 'name'), 'now');
  const created = asked.places.at(['flows']);
  if (flow === undefined) return [ask(asked, 'flow.create', created, { attributes, continues: earlier(ANY_RUN) })];
  return [continuing(asked, 'flow.read', flow, { attributes, continues: ANY_RUN })];
}

async function read(asked: Asked): Promise<readonly AccessRequest[]> {
  return [continuing(asked, 'flow.read', await existing(asked.places.flow(param(asked, 'id'), asked.freshness)))];
}

async function readNamed(asked: Asked): Promise<readonly AccessRequest[]> {
  return [continuing(asked, 'flow.read', await existing(asked.places.flowNamed(param(asked, 'name'), asked.freshness)))];
}

async function update(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const flow = await existing(asked.places.flow(param(asked, 'id'), 'now'));
  const tags = textListField(body, 'tags');
  const after = tags === undefined ? flow : relabelled(flow, { tags });
  return beforeAndAfter(asked, 'flow.update', flow, after, { attributes: attributesOf(asked.method, body) });
}

async function remove(asked: Asked): Promise<readonly AccessRequest[]> {
  return [ask(asked, 'flow.delete', await existing(asked.places.flow(param(asked, 'id'), 'now')))];
}

async function removeMany(asked: Asked): Promise<readonly AccessRequest[]> {
  const ids = exactIds(objectBody(asked.body), 'flows') ?? [];
  const requests: AccessRequest[] = [];
  for (const { id } of await asked.places.names.many('flow', ids, 'now')) {
    requests.push(ask(asked, 'flow.delete', await existing(asked.places.flow(id, 'ever'))));
  }
  return requests.length > 0 ? requests : [ask(asked, 'flow.delete', asked.places.at(['flows']))];
}

export const FLOWS: Classifiers = {
  'POST /flows/': announce,
  'GET /flows/{id}': read,
  'GET /flows/name/{name}': readNamed,
  'PATCH /flows/{id}': update,
  'DELETE /flows/{id}': remove,
  'POST /flows/filter': listFlows,
  'POST /flows/paginate': listFlows,
  'POST /flows/count': listFlows,
  'POST /flows/bulk_delete': removeMany,
};
