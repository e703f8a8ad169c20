import { isMap, parseDocument } from 'yaml';
import { Problem } from '../../core/problem.ts';
import type { MeshConfig } from '../../istio/objects.ts';
import { readMeshConfig } from '../../istio/read/mesh-config.ts';
import { readText } from './sources.ts';

type JsonObject = Parameters<typeof readMeshConfig>[0];
type JsonValue = JsonObject[string];

const MOST_BYTES = 1024 * 1024;

/**
 * The mesh configuration in a file: a MeshConfig document, the ConfigMap `istio` with it in `data.mesh`, or an IstioOperator with
 * it in `spec.meshConfig`. Problem: MESH_UNREADABLE, MESH_CONFIG_INVALID.
 */
export async function readMeshConfigFile(file: string): Promise<MeshConfig> {
  const value = parsed(await readText(file, process.stdin, MOST_BYTES), file);
  const { kind } = value;
  if (kind === 'ConfigMap') {
    const mesh = isObject(value['data']) ? value['data']['mesh'] : undefined;
    if (typeof mesh !== 'string') throw invalid(file, 'this ConfigMap has no `data.mesh`');
    return readMeshConfig(parsed(mesh, file));
  }
  if (kind === 'IstioOperator') {
    const spec = isObject(value['spec']) ? value['spec'] : {};
    return readMeshConfig(isObject(spec['meshConfig']) ? spec['meshConfig'] : {});
  }
  if (typeof kind === 'string') throw invalid(file, `this is a ${kind}`);
  return readMeshConfig(value);
}

function parsed(text: string, file: string): JsonObject {
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: true, schema: 'core' });
  const [error] = document.errors;
  if (error !== undefined) throw invalid(file, `line ${error.linePos?.[0].line ?? 1} is no YAML`, error);
  if (document.contents === null) return {};
  if (!isMap(document.contents)) throw invalid(file, 'it is no mapping');
  let value: JsonValue;
  try {
    value = document.toJS({ maxAliasCount: 100 }) as JsonValue; // the core schema gives JSON values alone
  } catch (error) {
    throw invalid(file, 'it has too many aliases', error);
  }
  return isObject(value) ? value : {};
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(file: string, why: string, cause?: unknown): Problem {
  return new Problem({
    code: 'MESH_CONFIG_INVALID',
    kind: 'invalid',
    message: `\`${file}\`: ${why}`,
    hint: 'it is a MeshConfig document, the ConfigMap `istio` with `data.mesh`, or an IstioOperator with `spec.meshConfig`',
    ...(cause === undefined ? {} : { cause }),
  });
}
