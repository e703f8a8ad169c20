import type { AccessRequest } from '../../../core/access.ts';
import { ANY_RUN, type Asked, ask, type Classifier, type Classifiers } from '../ask.ts';
import { isGiven, objectBody, requiredUuid } from '../bodies.ts';
import { blockUse, referenceRequests } from '../references.ts';
import { referencesIn } from '../templates.ts';

const onServer =
  (action: string): Classifier =>
  (asked) => [ask(asked, action, asked.places.at(['server']))];

/** Every run asks these on its way, and must be able to until it ends. */
const forRuns =
  (action: string): Classifier =>
  (asked) => [ask(asked, action, asked.places.at(['server']), { continues: ANY_RUN })];

async function setStorage(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const field = 'default_result_storage_block_id';
  const block = isGiven(body, field) ? requiredUuid(body, field) : undefined;
  return [ask(asked, 'server.write_storage', asked.places.at(['server'])), ...(await blockUse(asked, block))];
}

/** The server's answer tells whether values fit, and it fills in variables before it looks. */
async function validateValues(asked: Asked): Promise<readonly AccessRequest[]> {
  const references = referencesIn(objectBody(asked.body)['values']);
  const requests = await referenceRequests(asked, {
    ...pick(references),
    blocks: new Map(),
    blockIds: new Set(),
    isAnyBlock: false,
  });
  return [ask(asked, 'server.read', asked.places.at(['server'])), ...requests];
}

function pick({ variables, isAnyVariable }: ReturnType<typeof referencesIn>) {
  return { variables, isAnyVariable };
}

export const SERVER: Classifiers = {
  'GET /health': onServer('server.read'),
  'GET /ready': onServer('server.read'),
  'GET /version': onServer('server.read'),
  'GET /hello': onServer('server.read'),
  'GET /csrf-token': forRuns('server.read'),
  'GET /admin/settings': onServer('server.read_settings'),
  'GET /admin/version': forRuns('server.read'),
  'GET /admin/storage': forRuns('server.read_storage'),
  'PUT /admin/storage': setStorage,
  'DELETE /admin/storage': onServer('server.write_storage'),
  'GET /collections/views/{view}': onServer('server.read'),
  'POST /templates/validate': onServer('server.read'),
  'POST /automations/templates/validate': onServer('server.read'),
  'POST /ui/schemas/validate': validateValues,
  'GET site': onServer('server.read'),
  'GET ui-settings': onServer('server.read'),
  'GET docs': onServer('server.read'),
};
