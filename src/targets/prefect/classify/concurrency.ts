import type { AccessRequest } from '../../../core/access.ts';
import {
  ANY_RUN,
  type Asked,
  ask,
  beforeAndAfter,
  type Classifier,
  type Classifiers,
  earlier,
  existing,
  param,
  relabelled,
} from '../ask.ts';
import { isObject, mayBeTrue, objectBody, requiredText, textField, textListField, uuidField } from '../bodies.ts';
import type { Place } from '../places.ts';
import { attributesOf } from '../request-attributes.ts';
import { canonicalUuid } from '../uuid.ts';

/** Global limits by id or name, and limits of tags, which are global limits named `tag:TAG`. */
async function limitOf(asked: Asked): Promise<Place> {
  const { names } = asked.places;
  const tag = asked.params['tag'];
  if (tag !== undefined) return asked.places.limit(`tag:${tag}`);
  const id = asked.params['id'];
  if (id !== undefined) return asked.places.limit((await existing(names.get('tagLimit', id, asked.freshness))).name);
  const idOrName = param(asked, 'id_or_name');
  const uuid = canonicalUuid(idOrName);
  if (uuid === undefined) return asked.places.limit(idOrName);
  return asked.places.limit((await existing(names.get('limit', uuid, asked.freshness))).name);
}

const onLimit =
  (action: string): Classifier =>
  async (asked) => [ask(asked, action, await limitOf(asked))];

const onLimits =
  (action: string): Classifier =>
  (asked) => [ask(asked, action, asked.places.at(['concurrency-limits']))];

function create(asked: Asked): readonly AccessRequest[] {
  const body = objectBody(asked.body);
  const attributes = attributesOf(asked.method, body);
  return [ask(asked, 'concurrency_limit.create', asked.places.at(['concurrency-limits']), { attributes })];
}

async function update(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const before = await limitOf(asked);
  const name = textField(body, 'name') ?? '';
  const path = name === '' ? undefined : [...before.resource.path.slice(0, -1), name.normalize('NFC')];
  const after = path === undefined ? before : relabelled(before, { limit: name }, path);
  return beforeAndAfter(asked, 'concurrency_limit.update', before, after, { attributes: attributesOf(asked.method, body) });
}

/** Taking and returning slots is part of a run's work: of the run that the body names, or of any when it names none. */
async function acquire(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const attributes = attributesOf(asked.method, body);
  const continues = earlier(await holderOf(asked));
  const prefix = asked.method.includes('/v2/') ? '' : 'tag:';
  const names = [...new Set(textListField(body, 'names') ?? [])];
  const places = names.length <= MAX_NAMES ? names.map((name) => asked.places.limit(`${prefix}${name}`)) : [];
  const limits = places.length > 0 ? places : [asked.places.at(['concurrency-limits'])];
  const requests = limits.map((limit) => ask(asked, 'concurrency_limit.acquire', limit, { attributes, continues }));
  if (mayBeTrue(body['create_if_missing'])) {
    requests.push(ask(asked, 'concurrency_limit.create', asked.places.at(['concurrency-limits']), { attributes }));
  }
  return requests;
}

const MAX_NAMES = 50;

async function holderOf(asked: Asked): Promise<readonly string[]> {
  const body = objectBody(asked.body);
  const holder = body['holder'];
  const named = isObject(holder) ? holder : undefined;
  const task = named?.['type'] === 'task_run' ? uuidField(named, 'id') : uuidField(body, 'task_run_id');
  if (named?.['type'] === 'flow_run') return [`flow-run:${uuidField(named, 'id') ?? ''}`];
  const place = task === undefined ? undefined : await asked.places.taskRun(task, 'recent');
  return place?.continues ?? ANY_RUN;
}

/** A lease's id is known to its holder alone. */
function lease(asked: Asked): readonly AccessRequest[] {
  const body = objectBody(asked.body);
  if (asked.params['lease_id'] === undefined) requiredText(body, 'lease_id');
  return [ask(asked, 'concurrency_limit.release', asked.places.at(['concurrency-limits']), { continues: ANY_RUN })];
}

export const CONCURRENCY: Classifiers = {
  'POST /concurrency_limits/': create,
  'GET /concurrency_limits/{id}': onLimit('concurrency_limit.read'),
  'GET /concurrency_limits/tag/{tag}': onLimit('concurrency_limit.read'),
  'POST /concurrency_limits/filter': onLimits('concurrency_limit.list'),
  'POST /concurrency_limits/tag/{tag}/reset': onLimit('concurrency_limit.update'),
  'DELETE /concurrency_limits/{id}': onLimit('concurrency_limit.delete'),
  'DELETE /concurrency_limits/tag/{tag}': onLimit('concurrency_limit.delete'),
  'POST /concurrency_limits/increment': acquire,
  'POST /concurrency_limits/decrement': acquire,
  'POST /v2/concurrency_limits/': create,
  'GET /v2/concurrency_limits/{id_or_name}': onLimit('concurrency_limit.read'),
  'PATCH /v2/concurrency_limits/{id_or_name}': update,
  'DELETE /v2/concurrency_limits/{id_or_name}': onLimit('concurrency_limit.delete'),
  'POST /v2/concurrency_limits/filter': onLimits('concurrency_limit.list'),
  'POST /v2/concurrency_limits/increment': acquire,
  'POST /v2/concurrency_limits/increment-with-lease': acquire,
  'POST /v2/concurrency_limits/decrement': acquire,
  'POST /v2/concurrency_limits/decrement-with-lease': lease,
  'POST /v2/concurrency_limits/leases/{lease_id}/renew': lease,
};
