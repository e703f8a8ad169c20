import type { Diagnostic } from '../../core/diagnostic.ts';
import type { JsonValue } from '../../wire/call.ts';
import type { MeshObject, Place } from '../objects.ts';
import { asFields, isObject, textAt } from './field.ts';
import { READABLE_KINDS } from './kind.ts';

export interface JsonReading {
  readonly objects: readonly MeshObject[];
  /** Why a value was left out; `path` says which, such as `objects[2]`. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Kubernetes objects that came as JSON values, read as Istio's translator reads them when no webhook stood before it: objects
 * that validation would reject are read all the same. Places are unknown. Values of other kinds are left out without a word; what
 * is no object is an error.
 */
export function readJsonObjects(values: readonly JsonValue[], options: { readonly defaultNamespace?: string } = {}): JsonReading {
  const objects: MeshObject[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const [index, value] of values.entries()) {
    if (!isObject(value)) {
      diagnostics.push(notAnObject(index));
      continue;
    }
    const kind = readableKind(textAt(asFields(value), 'apiVersion'), textAt(value, 'kind'));
    if (kind === undefined) continue;
    objects.push(kind.read({ value, placeOf: () => NOWHERE, defaultNamespace: options.defaultNamespace ?? 'default' }));
  }
  return { objects, diagnostics };
}

function readableKind(apiVersion: string, kind: string): (typeof READABLE_KINDS)[number] | undefined {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return READABLE_KINDS.find((readable) => readable.kind === kind && readable.group === group);
}

const NOWHERE: Place = { file: '', line: 0, column: 0 };

function notAnObject(index: number): Diagnostic {
  const message = 'this is not a Kubernetes object';
  return { severity: 'error', code: 'WRONG_TYPE', message, file: '', line: 0, column: 0, path: `objects[${index}]` };
}
