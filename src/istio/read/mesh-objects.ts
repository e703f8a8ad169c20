import type { Diagnostic } from '../../core/diagnostic.ts';
import type { MeshConfig, MeshObject, Place } from '../objects.ts';

export interface MeshSource {
  /** As it shall stand in diagnostics. */
  readonly file: string;
  readonly text: string;
}

export interface ReadOptions {
  /** For objects that name no namespace; `default` when not given. */
  readonly defaultNamespace?: string;
}

export interface MeshReading {
  readonly objects: readonly MeshObject[];
  readonly meshConfigs: readonly { readonly config: MeshConfig; readonly place: Place }[];
  readonly diagnostics: readonly Diagnostic[];
  /** How many objects of other kinds were left aside, by `apiVersion kind`. */
  readonly skipped: ReadonlyMap<string, number>;
  /** False when something was not read: no verdict may be given without saying so. */
  readonly isComplete: boolean;
}

/** Reads Kubernetes objects from YAML or JSON texts. */
export function readMeshObjects(_sources: readonly MeshSource[], _options: ReadOptions = {}): MeshReading {
  return { objects: [], meshConfigs: [], diagnostics: [], skipped: new Map(), isComplete: false };
}
