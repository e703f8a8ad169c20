import { parseAllDocuments } from 'yaml';
import type { JsonObject, JsonValue } from '../wire/call.ts';
import type { MeshModel } from './objects.ts';
import { readJsonObjects } from './read/json-objects.ts';
import { readMeshConfig } from './read/mesh-config.ts';
import { buildModel } from './read/model.ts';

/** For tests: a model of YAML documents, without places; `config` as in MeshConfig. */
export function modelOf(text: string, config: JsonObject = {}): MeshModel {
  const values = parseAllDocuments(text).map((document) => document.toJS() as JsonValue); // YAML's core schema gives JSON values alone
  return buildModel(readJsonObjects(values.filter((value) => value !== null)).objects, readMeshConfig(config));
}
