import { type Diagnostic, diagnosticText } from '../../core/diagnostic.ts';
import { Problem } from '../../core/problem.ts';
import type { MeshModel } from '../../istio/objects.ts';
import type { Profile } from '../../istio/profile.ts';
import { type MeshReading, readMeshObjects } from '../../istio/read/mesh-objects.ts';
import { buildModel } from '../../istio/read/model.ts';
import type { Output } from '../output.ts';
import { readMeshConfigFile } from './mesh-config-file.ts';
import { chooseProfile } from './profile-option.ts';
import { type MeshSource, readMeshSources } from './sources.ts';

/** What every verb on files takes. */
export interface MeshOptions {
  readonly filename?: readonly string[];
  readonly namespace?: string;
  readonly meshConfig?: string;
  readonly profile?: string;
  readonly partial?: boolean;
}

export interface LoadedMesh {
  readonly model: MeshModel;
  readonly profile: Profile;
  readonly reading: MeshReading;
  readonly sources: readonly MeshSource[];
}

/**
 * Reads the files that are named, or the current folder. What could not be read is told, and nothing goes on without it unless
 * `--partial` says so: a rule that is missing could change every answer. Problem: MESH_UNREADABLE, MESH_INCOMPLETE, MESH_CONFIG_INVALID.
 */
export async function loadMesh(options: MeshOptions, output: Output): Promise<LoadedMesh> {
  const profile = chooseProfile(options.profile);
  const sources = await readMeshSources(options.filename ?? ['.'], process.stdin);
  const reading = readSources(sources, options.namespace);
  const errors = reading.diagnostics.filter(({ severity }) => severity === 'error');
  tellAll([...errors, ...reading.diagnostics.filter(({ severity }) => severity === 'warning')], output);
  if (!reading.isComplete && options.partial !== true) {
    throw new Problem({
      code: 'MESH_INCOMPLETE',
      kind: 'invalid',
      message: `${errors.length === 1 ? 'one error' : `${errors.length} errors`} in these files, so no answer would be sure`,
      hint: 'mend them, name other files with -f, or say --partial to go without them',
    });
  }
  const config =
    options.meshConfig === undefined ? reading.meshConfigs.at(-1)?.config : await readMeshConfigFile(options.meshConfig);
  return { model: buildModel(reading.objects, config), profile, reading, sources };
}

/** As `loadMesh`. Without any object there is no answer: nothing would be denied and nothing found. Problem: MESH_EMPTY too. */
export async function loadSomeMesh(options: MeshOptions, output: Output): Promise<LoadedMesh> {
  const mesh = await loadMesh(options, output);
  if (mesh.reading.objects.length === 0) throw emptyMesh();
  return mesh;
}

export function emptyMesh(): Problem {
  return new Problem({
    code: 'MESH_EMPTY',
    kind: 'invalid',
    message: 'there is no object of Istio or Kubernetes in these files',
    hint: 'name files or folders with -f',
  });
}

/** Objects of files and folders; `namespace` for those that name none, as `kubectl apply -n` takes them. */
export async function readFiles(paths: readonly string[], namespace: string | undefined): Promise<MeshReading> {
  return readSources(await readMeshSources(paths, process.stdin), namespace);
}

function readSources(sources: readonly MeshSource[], namespace: string | undefined): MeshReading {
  return readMeshObjects(sources, namespace === undefined ? {} : { defaultNamespace: namespace });
}

const MOST_TOLD = 20;

export function tellAll(diagnostics: readonly Diagnostic[], output: Output): void {
  for (const one of diagnostics.slice(0, MOST_TOLD)) output.say(diagnosticText(one));
  if (diagnostics.length > MOST_TOLD) output.say(`… and ${diagnostics.length - MOST_TOLD} more`);
}
