import type { JsonObject, JsonValue } from '../../wire/call.ts';
import type { FieldPath } from '../objects.ts';
import { fieldsAt, isObject, textAt, valueAt } from './field.ts';
import { readSpan } from './written-value.ts';

export interface FoundMeshConfig {
  /** Undefined when the text inside a ConfigMap is no YAML map. */
  readonly value: JsonObject | undefined;
  readonly path: FieldPath;
}

/**
 * The MeshConfig in a document, wherever installations keep it: the ConfigMap `istio` (with a revision `istio-REVISION`), an
 * IstioOperator, an Istio of the Sail operator, values for Istio's chart, or a file that is nothing but a MeshConfig.
 */
export function findMeshConfig(value: JsonObject, apiVersion: string, kind: string): FoundMeshConfig | undefined {
  if (kind === 'ConfigMap' && apiVersion === 'v1') return inConfigMap(value);
  if (kind === 'IstioOperator' && apiVersion.startsWith('install.istio.io/')) {
    return at(value, ['spec', 'meshConfig']) ?? at(value, ['spec', 'values', 'meshConfig']);
  }
  if (kind === 'Istio' && apiVersion.startsWith('sailoperator.io/')) return at(value, ['spec', 'values', 'meshConfig']);
  if (apiVersion !== '' || kind !== '') return undefined;
  const inValues = at(value, ['meshConfig']);
  if (inValues !== undefined) return inValues;
  return MESH_FIELDS.some((name) => valueAt(value, name) !== undefined) ? { value, path: [] } : undefined;
}

/** Fields that only a MeshConfig has at its top. */
const MESH_FIELDS = ['rootNamespace', 'trustDomainAliases', 'pathNormalization', 'extensionProviders', 'trustDomain'];

function inConfigMap(value: JsonObject): FoundMeshConfig | undefined {
  const name = textAt(fieldsAt(value, 'metadata'), 'name');
  const text = valueAt(fieldsAt(value, 'data'), 'mesh');
  if ((name !== 'istio' && !name.startsWith('istio-')) || typeof text !== 'string') return undefined;
  const read = readSpan({ text, start: 0, end: text.length, line: 1, column: 1 }, { left: text.length });
  const mesh: JsonValue | undefined = 'value' in read ? read.value : undefined;
  return { value: isObject(mesh) ? mesh : mesh === null ? {} : undefined, path: ['data', 'mesh'] };
}

function at(value: JsonObject, path: readonly string[]): FoundMeshConfig | undefined {
  let found: JsonValue | undefined = value;
  for (const step of path) found = isObject(found) ? valueAt(found, step) : undefined;
  return isObject(found) ? { value: found, path } : undefined;
}
