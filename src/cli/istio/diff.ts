import { diffModels } from '../../istio/diff/diff.ts';
import { diffJson } from '../../istio/diff/render-json.ts';
import { diffMarkdown } from '../../istio/diff/render-markdown.ts';
import { diffText } from '../../istio/diff/render-text.ts';
import { DIFF_DEFAULTS } from '../../istio/diff/result.ts';
import { EXIT } from '../functions.ts';
import { createOutput, type Format } from '../output.ts';
import { loadMesh, type MeshOptions } from './mesh.ts';
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
  const names = { before: [...filename, before], after: [...filename, after] };
  const config = oldMeshConfig ?? mesh.meshConfig;
  const old = await loadMesh(
    { ...mesh, filename: names.before, ...(config === undefined ? {} : { meshConfig: config }) },
    output,
  );
  const now = await loadMesh({ ...mesh, filename: names.after }, output);
  const result = diffModels(old.model, now.model, {
    profile: now.profile.name,
    limit: count('--limit', limit) ?? DIFF_DEFAULTS.limit,
    budget: count('--budget', budget) ?? DIFF_DEFAULTS.budget,
  });
  output.data(diffJson(result), () => (format === 'markdown' ? diffMarkdown(result, names) : diffText(result, names)));
  return result.findings.length > 0 || result.bounds.length > 0 ? EXIT.failed : EXIT.ok;
}

function count(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
  if (number === 0) throw usage(`${option}: \`${text}\` is not a whole number above zero`);
  return number;
}
