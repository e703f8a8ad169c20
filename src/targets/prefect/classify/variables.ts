import type { AccessRequest } from '../../../core/access.ts';
import {
  type Asked,
  ask,
  beforeAndAfter,
  type Classifier,
  type Classifiers,
  continuing,
  existing,
  param,
  relabelled,
} from '../ask.ts';
import { objectBody, requiredText, textField, textListField, uuidField } from '../bodies.ts';
import type { ArtifactFacts } from '../facts.ts';
import type { Place } from '../places.ts';
import { attributesOf } from '../request-attributes.ts';
import { listArtifacts, listVariables } from './lists.ts';

/** Variables, artifacts and saved searches. */

async function variableOf(asked: Asked): Promise<Place> {
  const { names } = asked.places;
  const byName = asked.params['name'];
  const facts =
    byName === undefined
      ? names.get('variable', param(asked, 'id'), asked.freshness)
      : names.get('variableByName', byName, asked.freshness);
  const { name, tags } = await existing(facts);
  return asked.places.variable(name, tags);
}

const onVariable =
  (action: string): Classifier =>
  async (asked) => [ask(asked, action, await variableOf(asked))];

function createVariable(asked: Asked): readonly AccessRequest[] {
  const body = objectBody(asked.body);
  requiredText(body, 'name');
  return [ask(asked, 'variable.create', asked.places.at(['variables']), { attributes: attributesOf(asked.method, body) })];
}

async function updateVariable(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const before = await variableOf(asked);
  const name = textField(body, 'name') ?? '';
  const tags = textListField(body, 'tags');
  const path = name === '' ? undefined : [...before.resource.path.slice(0, -1), name.normalize('NFC')];
  const after = relabelled(
    before,
    { ...(path === undefined ? {} : { variable: name }), ...(tags === undefined ? {} : { tags }) },
    path,
  );
  return beforeAndAfter(asked, 'variable.update', before, after, { attributes: attributesOf(asked.method, body) });
}

async function artifactPlace(asked: Asked, facts: Omit<ArtifactFacts, 'id'> & { readonly id?: string }): Promise<Place> {
  const { places, freshness } = asked;
  const run =
    facts.flowRunId !== undefined
      ? await places.run(facts.flowRunId, freshness)
      : facts.taskRunId === undefined
        ? undefined
        : await places.taskRun(facts.taskRunId, freshness);
  // An artifact without a run, or whose run is gone, stands for itself.
  return run ?? places.at(facts.id === undefined ? ['artifacts'] : ['artifacts', facts.key || facts.id]);
}

async function artifactOf(asked: Asked): Promise<Place> {
  const { names } = asked.places;
  const key = asked.params['key'];
  const facts =
    key === undefined
      ? names.get('artifact', param(asked, 'id'), asked.freshness)
      : names.get('latestArtifact', key, asked.freshness);
  return await artifactPlace(asked, await existing(facts));
}

const onArtifact =
  (action: string): Classifier =>
  async (asked) => [continuing(asked, action, await artifactOf(asked))];

async function createArtifact(asked: Asked): Promise<readonly AccessRequest[]> {
  const body = objectBody(asked.body);
  const flowRunId = uuidField(body, 'flow_run_id');
  const taskRunId = uuidField(body, 'task_run_id');
  const attributes = attributesOf(asked.method, body);
  const place = await artifactPlace(asked, { key: '', flowRunId, taskRunId });
  const requests = [continuing(asked, 'artifact.write', place, { attributes })];
  // Both may be said; then both are written about.
  const task =
    flowRunId === undefined || taskRunId === undefined ? undefined : await asked.places.taskRun(taskRunId, asked.freshness);
  const isOther = task !== undefined && JSON.stringify(task.resource.path) !== JSON.stringify(place.resource.path);
  if (task !== undefined && isOther) requests.push(continuing(asked, 'artifact.write', task, { attributes }));
  return requests;
}

const onSearches =
  (action: string): Classifier =>
  (asked) => {
    const id = asked.params['id'];
    return [ask(asked, action, asked.places.at(id === undefined ? ['saved-searches'] : ['saved-searches', id]))];
  };

export const VARIABLES: Classifiers = {
  'POST /variables/': createVariable,
  'GET /variables/{id}': onVariable('variable.read'),
  'GET /variables/name/{name}': onVariable('variable.read'),
  'PATCH /variables/{id}': updateVariable,
  'PATCH /variables/name/{name}': updateVariable,
  'DELETE /variables/{id}': onVariable('variable.delete'),
  'DELETE /variables/name/{name}': onVariable('variable.delete'),
  'POST /variables/filter': listVariables,
  'POST /variables/count': listVariables,
};

export const ARTIFACTS: Classifiers = {
  'POST /artifacts/': createArtifact,
  'GET /artifacts/{id}': onArtifact('artifact.read'),
  'GET /artifacts/{key}/latest': onArtifact('artifact.read'),
  'PATCH /artifacts/{id}': onArtifact('artifact.write'),
  'DELETE /artifacts/{id}': onArtifact('artifact.delete'),
  'POST /artifacts/filter': listArtifacts,
  'POST /artifacts/latest/filter': listArtifacts,
  'POST /artifacts/count': listArtifacts,
  'POST /artifacts/latest/count': listArtifacts,
  'PUT /saved_searches/': onSearches('saved_search.write'),
  'GET /saved_searches/{id}': onSearches('saved_search.read'),
  'POST /saved_searches/filter': onSearches('saved_search.read'),
  'DELETE /saved_searches/{id}': onSearches('saved_search.write'),
};
