import type { AccessRequest } from '../../../core/access.ts';
import { queryValues } from '../../../wire/query.ts';
import { type Asked, ask, type Classifier, type Classifiers, existing, param } from '../ask.ts';
import { mayBeTrue, objectBody, requiredText, requiredUuid, uuidField } from '../bodies.ts';
import { exactIds } from '../filters.ts';
import type { Place } from '../places.ts';
import { referenceRequests } from '../references.ts';
import { attributesOf } from '../request-attributes.ts';
import { referencesIn } from '../templates.ts';

/** A block's secrets are a right of their own; whoever holds it may see the block as well. */
function readRequests(asked: Asked, place: Place, withSecrets: boolean, action = 'block.read'): readonly AccessRequest[] {
  if (!withSecrets) return [ask(asked, action, place)];
  return [
    ask(asked, 'block.read_secret', place),
    ask(asked, action, place, action === 'block.read' ? { impliedBy: 'prefect.block.read_secret' } : {}),
  ];
}

/** Any of the values counts: a server that took another one of two would give more than was asked for. */
function asksForSecrets(asked: Asked): boolean {
  return queryValues(asked.query, 'include_secrets').some((value) => mayBeTrue(value));
}

async function blockOf(asked: Asked): Promise<Place> {
  return asked.places.block(await existing(asked.places.names.get('block', param(asked, 'id'), 'ever')));
}

function namedBlock(asked: Asked): Place {
  return asked.places.block({ type: param(asked, 'slug'), name: param(asked, 'block_document_name') });
}

function typePlace(asked: Asked, slug: string): Place {
  return asked.places.at(['blocks', slug], { block_type: slug });
}

async function typeById(asked: Asked, id: string): Promise<Place> {
  return typePlace(asked, (await existing(asked.places.names.get('blockType', id, asked.freshness))).slug);
}

async function schemaType(asked: Asked): Promise<Place> {
  const { names } = asked.places;
  const checksum = asked.params['checksum'];
  const schema =
    checksum === undefined
      ? names.get('blockSchema', param(asked, 'id'), asked.freshness)
      : names.get('blockSchemaByChecksum', checksum, asked.freshness);
  return typePlace(asked, (await existing(schema)).slug);
}

const onType =
  (action: string, place: (asked: Asked) => Place | Promise<Place>): Classifier =>
  async (asked) => [ask(asked, action, await place(asked))];

async function createBlock(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const type = await typeById(asked, requiredUuid(body, 'block_type_id'));
  const attributes = attributesOf(asked.method, body);
  return [ask(asked, 'block.create', type, { attributes }), ...(await nestedBlocks(asked))];
}

async function updateBlock(asked: Asked): Promise<readonly AccessRequest[]> {
  return [ask(asked, 'block.update', await blockOf(asked)), ...(await nestedBlocks(asked))];
}

/** A block that holds another by `$ref` yields the other's secrets to whoever reads it. */
async function nestedBlocks(asked: Asked): Promise<readonly AccessRequest[]> {
  const { blockIds, blocks, isAnyBlock } = referencesIn(objectBody(asked.body)['data']);
  return await referenceRequests(asked, { blockIds, blocks, isAnyBlock, variables: new Set(), isAnyVariable: false });
}

async function listBlocks(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const withSecrets = mayBeTrue(body['include_secrets']);
  const requests: AccessRequest[] = [];
  for (const id of exactIds(body, 'block_documents') ?? []) {
    const block = await asked.places.names.get('block', id, 'ever');
    if (block !== undefined) requests.push(...readRequests(asked, asked.places.block(block), withSecrets));
  }
  return requests.length > 0 ? requests : readRequests(asked, asked.places.at(['blocks']), withSecrets, 'block.list');
}

async function createSchema(asked: Asked): Promise<readonly AccessRequest[]> {
  const id = uuidField(objectBody(asked.body), 'block_type_id');
  return [ask(asked, 'block_type.update', id === undefined ? asked.places.at(['blocks']) : await typeById(asked, id))];
}

async function createType(asked: Asked): Promise<readonly AccessRequest[]> {
  requiredText(objectBody(asked.body), 'slug');
  return [ask(asked, 'block_type.create', asked.places.at(['blocks']))];
}

const allTypes = (asked: Asked): Place => asked.places.at(['blocks']);

export const BLOCKS: Classifiers = {
  'GET /block_capabilities/': onType('block_type.list', allTypes),
  'POST /block_types/': createType,
  'GET /block_types/{id}': onType('block_type.read', (asked) => typeById(asked, param(asked, 'id'))),
  'GET /block_types/slug/{slug}': onType('block_type.read', (asked) => typePlace(asked, param(asked, 'slug'))),
  'PATCH /block_types/{id}': onType('block_type.update', (asked) => typeById(asked, param(asked, 'id'))),
  'DELETE /block_types/{id}': onType('block_type.delete', (asked) => typeById(asked, param(asked, 'id'))),
  'POST /block_types/filter': onType('block_type.list', allTypes),
  'GET /block_types/slug/{slug}/block_documents': (asked) =>
    readRequests(asked, typePlace(asked, param(asked, 'slug')), asksForSecrets(asked), 'block.list'),
  'GET /block_types/slug/{slug}/block_documents/name/{block_document_name}': (asked) =>
    readRequests(asked, namedBlock(asked), asksForSecrets(asked)),
  'POST /block_types/install_system_block_types': onType('block_type.create', allTypes),
  'POST /block_schemas/': createSchema,
  'GET /block_schemas/{id}': onType('block_type.read', schemaType),
  'GET /block_schemas/checksum/{checksum}': onType('block_type.read', schemaType),
  'POST /block_schemas/filter': onType('block_type.list', allTypes),
  'DELETE /block_schemas/{id}': onType('block_type.update', schemaType),
  'POST /block_documents/': createBlock,
  'GET /block_documents/{id}': async (asked) => readRequests(asked, await blockOf(asked), asksForSecrets(asked)),
  'PATCH /block_documents/{id}': updateBlock,
  'DELETE /block_documents/{id}': onType('block.delete', blockOf),
  'POST /block_documents/filter': listBlocks,
  'POST /block_documents/count': listBlocks,
};
