import { diffModels } from '../../istio/diff/diff.ts';
import { diffJson } from '../../istio/diff/render-json.ts';
import { diffMarkdown } from '../../istio/diff/render-markdown.ts';
import { diffText } from '../../istio/diff/render-text.ts';
import { DIFF_DEFAULTS } from '../../istio/diff/result.ts';
import { EXIT } from '../functions.ts';
import { createOutput, type Format } from '../output.ts';
import { emptyMesh, loadMesh, type MeshOptions } from './mesh.ts';
import { usage } from './request-options.ts';

export interface DiffCommandOptions extends MeshOptions {
  readonly output: Format | 'markdown';
  readonly limit?: string;
  readonly budget?: string;
  readonly oldMeshConfig?: string;
}

/** Who gains or loses what between two sets of files? 0 nobody, 1 somebody or where the search was bounded, 3 unreadable. */
export async function diffFiles(before: string, after: string, options: DiffCommandOptions): Promise<number> {
  const { output: format, limit, budget, oldMeshConfig, filename = [], ...mesh } = options;
  const output = await createOutput(format === 'markdown' ? 'table' : format);
  const sides = [
    { ...mesh, filename: [...filename, before], ...(oldMeshConfig === undefined ? {} : { meshConfig: oldMeshConfig }) },
    { ...mesh, filename: [...filename, after] },
  ] as const;
  const old = await loadMesh(sides[0], output);
  const now = await loadMesh(sides[1], output);
  // One side may begin or end with nothing; two are a mistake in the names.
  if (old.reading.objects.length === 0 && now.reading.objects.length === 0) throw emptyMesh();
  const result = diffModels(old.model, now.model, {
    profile: now.profile.name,
    limit: count('--limit', limit) ?? DIFF_DEFAULTS.limit,
    budget: count('--budget', budget) ?? DIFF_DEFAULTS.budget,
  });
  const names = { before: optionsOf(sides[0]), after: optionsOf(sides[1]) };
  output.data(diffJson(result), () => (format === 'markdown' ? diffMarkdown(result, names) : diffText(result, names)));
  return result.findings.length > 0 || result.bounds.length > 0 ? EXIT.failed : EXIT.ok;
}

/** The options with which another verb reads the same files. */
function optionsOf({ filename = [], meshConfig, profile, partial }: MeshOptions): readonly string[] {
  return [
    ...filename.flatMap((file) => ['-f', file]),
    ...(meshConfig === undefined ? [] : ['--mesh-config', meshConfig]),
    ...(profile === undefined ? [] : ['--profile', profile]),
    ...(partial === true ? ['--partial'] : []),
  ];
}

function count(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
  if (number === 0) throw usage(`${option}: \`${text}\` is not a whole number above zero`);
  return number;
}
