import { type Diagnostic, nearestName } from '../../core/diagnostic.ts';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { DEFAULT_MESH_CONFIG, type FieldPath, type MeshConfig, type MeshObject, type Place } from '../objects.ts';
import { fieldsAt, isObject, listAt, textAt, valueAt } from './field.ts';
import { READABLE_KINDS, type ReadableKind } from './kind.ts';
import { readMeshConfig } from './mesh-config.ts';
import { type FoundMeshConfig, findMeshConfig } from './mesh-config-document.ts';
import { MESH_CONFIG } from './schema.ts';
import { shapeFaults } from './shape.ts';

/** Where a value stands, and of which kind it is when it does not say. */
export interface Located {
  readonly placeOf: (path: FieldPath) => Place;
  /** The place of a field's name. */
  readonly nameOf: (path: FieldPath) => Place;
  /** `security.istio.io/v1 AuthorizationPolicy` inside an AuthorizationPolicyList; empty otherwise. */
  readonly defaultKind: string;
}

/** Sorts values that were read from files: objects, lists of objects, mesh configuration, other kinds. Collects what is wrong. */
export class ObjectReader {
  readonly objects: MeshObject[] = [];
  readonly meshConfigs: { readonly config: MeshConfig; readonly place: Place }[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly skipped = new Map<string, number>();
  readonly #defaultNamespace: string;

  constructor(defaultNamespace: string) {
    this.#defaultNamespace = defaultNamespace;
  }

  report(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic);
  }

  /** What the items of a list object are, empty when each says it itself; undefined when this is no list object. */
  listOf(value: JsonValue): string | undefined {
    if (!isObject(value) || !Array.isArray(valueAt(value, 'items'))) return undefined;
    const kind = textAt(value, 'kind');
    const apiVersion = textAt(value, 'apiVersion');
    if (!kind.endsWith('List') || apiVersion === '') return undefined;
    return kind === 'List' ? '' : `${apiVersion} ${kind.slice(0, -4)}`;
  }

  read(value: JsonValue, located: Located, depth = 0): void {
    const listOf = this.listOf(value);
    if (listOf !== undefined && isObject(value) && depth < MAX_LISTS) this.#list(value, listOf, located, depth);
    else if (isObject(value)) this.#single(value, located);
    else if (value !== null) this.#notAnObject(value, located);
  }

  #single(value: JsonObject, located: Located): void {
    const [defaultVersion = '', defaultKind = ''] = located.defaultKind.split(' ');
    const apiVersion = textAt(value, 'apiVersion') || defaultVersion;
    const kind = textAt(value, 'kind') || defaultKind;
    const mesh = findMeshConfig(value, apiVersion, kind);
    const readable =
      mesh === undefined && apiVersion !== '' && kind !== '' ? this.#readable(apiVersion, kind, located) : undefined;
    if (mesh !== undefined) this.#meshConfig(mesh, located);
    else if (readable !== undefined) this.#object(value, readable, located);
    else if (apiVersion === '' || kind === '') this.#unnamed(value, located);
  }

  #list(value: JsonObject, listOf: string, located: Located, depth: number): void {
    for (const [index, item] of listAt(value, 'items').entries()) {
      this.read(
        item,
        {
          placeOf: (path) => located.placeOf(['items', index, ...path]),
          nameOf: (path) => located.nameOf(['items', index, ...path]),
          defaultKind: listOf,
        },
        depth + 1,
      );
    }
  }

  #object(value: JsonObject, readable: ReadableKind, located: Located): void {
    const faults = shapeFaults(value, readable.shape);
    for (const fault of faults) {
      const place = fault.code === 'UNKNOWN_FIELD' ? located.nameOf(fault.path) : located.placeOf(fault.path);
      this.#fault(fault.code, fault.message, place, fault.help, fault.path);
    }
    const metadata = fieldsAt(value, 'metadata');
    if (faults.length === 0 && textAt(metadata, 'name') === '') {
      this.#fault('MISSING_FIELD', '`metadata.name` is missing', located.placeOf(['metadata']), undefined, ['metadata', 'name']);
      return;
    }
    if (faults.length > 0) return;
    this.objects.push(
      readable.read({ value: withoutServerFields(value), placeOf: located.placeOf, defaultNamespace: this.#defaultNamespace }),
    );
  }

  #meshConfig({ value, path: at }: FoundMeshConfig, located: Located): void {
    const place = located.placeOf(at);
    if (value === undefined) {
      this.#fault('WRONG_VALUE', 'the text here is no MeshConfig', place, 'it must be a map in YAML', at);
      return;
    }
    const faults = shapeFaults(value, MESH_CONFIG);
    for (const fault of faults) {
      const path = [...at, ...fault.path];
      this.#fault(fault.code, fault.message, located.placeOf(path), fault.help, path);
    }
    if (faults.length > 0) return;
    const config = readMeshConfig(value, DEFAULT_MESH_CONFIG);
    const other = this.meshConfigs.find((earlier) => JSON.stringify(earlier.config) !== JSON.stringify(config));
    if (other !== undefined) {
      const message = `a second mesh configuration that says something else than ${other.place.file}:${other.place.line}`;
      this.#fault('DUPLICATE_OBJECT', message, place, 'read the configuration of one mesh');
    }
    this.meshConfigs.push({ config, place });
  }

  #readable(apiVersion: string, kind: string, located: Located): ReadableKind | undefined {
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    const version = apiVersion.slice(slash + 1);
    const readable = READABLE_KINDS.find((candidate) => candidate.kind === kind && candidate.group === group);
    if (readable?.versions.includes(version)) return readable;
    if (readable !== undefined) {
      const help = `versions are ${readable.versions.map((name) => `\`${group === '' ? name : `${group}/${name}`}\``).join(', ')}`;
      this.#fault('UNKNOWN_KIND', `\`${kind}\` has no version \`${version}\``, located.placeOf(['apiVersion']), help, [
        'apiVersion',
      ]);
    } else if (group === SECURITY) {
      const kinds = READABLE_KINDS.filter((candidate) => candidate.group === SECURITY).map((candidate) => candidate.kind);
      const near = nearestName(kind, kinds);
      const help =
        near === undefined ? `kinds are ${kinds.map((name) => `\`${name}\``).join(', ')}` : `did you mean \`${near}\`?`;
      this.#fault('UNKNOWN_KIND', `\`${kind}\` is no kind of \`${SECURITY}\``, located.placeOf(['kind']), help, ['kind']);
    } else if (isMisspelt(group, kind)) {
      const message = `\`${group}\` is not the group of \`${kind}\``;
      this.#fault('UNKNOWN_KIND', message, located.placeOf(['apiVersion']), `did you mean \`${SECURITY}\`?`, ['apiVersion']);
    } else {
      this.#skip(`${apiVersion} ${kind}`);
    }
    return undefined;
  }

  /** Values files, settings of other tools: no Kubernetes object, but one that lost its head must not be lost with it. */
  #unnamed(value: JsonObject, located: Located): void {
    const has = (name: string): boolean => valueAt(value, name) !== undefined;
    if (has('apiVersion') || has('kind') || (has('metadata') && has('spec'))) {
      const name = has('apiVersion') ? 'kind' : 'apiVersion';
      this.#fault('MISSING_FIELD', `\`${name}\` is missing`, located.placeOf([]), 'every object has `apiVersion` and `kind`');
      return;
    }
    this.#skip('no object');
  }

  /** A patch or a list of settings is none of ours; a list of objects was meant to be a `List`. */
  #notAnObject(value: JsonValue, located: Located): void {
    const isList = Array.isArray(value) && value.some((item) => isObject(item) && valueAt(item, 'apiVersion') !== undefined);
    if (!isList) this.#skip('no object');
    else
      this.#fault(
        'WRONG_TYPE',
        'this is a list, not a Kubernetes object',
        located.placeOf([]),
        'separate the objects with `---`',
      );
  }

  #skip(name: string): void {
    this.skipped.set(name, (this.skipped.get(name) ?? 0) + 1);
  }

  #fault(code: string, message: string, place: Place, help?: string, path?: FieldPath): void {
    this.report({
      severity: 'error',
      code,
      message,
      ...place,
      ...(path === undefined ? {} : { path: pathText(path) }),
      ...(help === undefined ? {} : { help }),
    });
  }
}

/** `spec.rules[0].to`, as people write paths. */
export function pathText(path: FieldPath): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

const SECURITY = 'security.istio.io';
/** Lists in lists: no tool writes more than one. */
const MAX_LISTS = 3;

/** Other projects have an AuthorizationPolicy, too; a group one or two letters off is meant to be Istio's. */
function isMisspelt(group: string, kind: string): boolean {
  const isSecurityKind = READABLE_KINDS.some((candidate) => candidate.kind === kind && candidate.group === SECURITY);
  return isSecurityKind && nearestName(group, [SECURITY]) !== undefined;
}

/** Without what the server adds: it decides nothing and is most of what `kubectl get` prints. */
function withoutServerFields(value: JsonObject): JsonObject {
  const { status: _status, ...rest } = value;
  const metadata = valueAt(rest, 'metadata');
  if (!isObject(metadata)) return rest;
  const { managedFields: _managedFields, ...kept } = metadata;
  return { ...rest, metadata: kept };
}
