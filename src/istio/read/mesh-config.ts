import type { JsonObject } from '../../wire/call.ts';
import { DEFAULT_MESH_CONFIG, type ExtensionProvider, type MeshConfig, type PathNormalization } from '../objects.ts';
import { fieldsAt, isTrueAt, numberAt, objectsAt, textAt, textsAt, valueAt } from './field.ts';

/** The part of a MeshConfig document that decides; what it leaves out comes from `base`. */
export function readMeshConfig(value: JsonObject, base: MeshConfig = DEFAULT_MESH_CONFIG): MeshConfig {
  const normalization = textAt(fieldsAt(value, 'pathNormalization'), 'normalization');
  return {
    rootNamespace: textAt(value, 'rootNamespace') || base.rootNamespace,
    trustDomain: textAt(value, 'trustDomain') || base.trustDomain,
    trustDomainAliases:
      valueAt(value, 'trustDomainAliases') === undefined ? base.trustDomainAliases : textsAt(value, 'trustDomainAliases'),
    normalization: PATH_NORMALIZATIONS.find((name) => name === normalization) ?? base.normalization,
    extensionProviders:
      valueAt(value, 'extensionProviders') === undefined
        ? base.extensionProviders
        : objectsAt(value, 'extensionProviders').map(readExtensionProvider),
  };
}

export const PATH_NORMALIZATIONS: readonly PathNormalization[] = [
  'DEFAULT',
  'NONE',
  'BASE',
  'MERGE_SLASHES',
  'DECODE_AND_MERGE_SLASHES',
];

function readExtensionProvider(provider: JsonObject): ExtensionProvider {
  const isGrpc = valueAt(provider, 'envoyExtAuthzGrpc') !== undefined;
  const isHttp = valueAt(provider, 'envoyExtAuthzHttp') !== undefined;
  const fields = fieldsAt(provider, isGrpc ? 'envoyExtAuthzGrpc' : 'envoyExtAuthzHttp');
  return {
    name: textAt(provider, 'name'),
    type: isGrpc ? 'extAuthzGrpc' : isHttp ? 'extAuthzHttp' : 'other',
    service: textAt(fields, 'service'),
    port: numberAt(fields, 'port') ?? 0,
    failOpen: isTrueAt(fields, 'failOpen'),
    statusOnError: textAt(fields, 'statusOnError'),
  };
}
