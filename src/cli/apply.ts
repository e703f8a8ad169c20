import type { Config } from '../config/config.ts';
import { diagnosticText } from '../core/diagnostic.ts';
import { Problem } from '../core/problem.ts';
import { EXIT } from './functions.ts';
import type { Output } from './output.ts';
import { choosePolicies, placed } from './policy-choice.ts';
import { CONFIG_FILE, findConfig, readConfig } from './read-config.ts';
import { signedIn } from './session.ts';
import { failedTestTexts } from './test-text.ts';

export interface ApplyOptions {
  readonly config?: string;
  readonly expect?: string;
  readonly origin?: string;
}

/**
 * Makes policies active on a running gateway, by digest; what it refuses is told in full. Without paths: those that the
 * configuration names, and without one those in `./policies`.
 */
export async function apply(paths: readonly string[], options: ApplyOptions, output: Output): Promise<number> {
  const config = await configFor(paths, options, output);
  if (config === 'invalid') return EXIT.invalid;
  const chosen = await choosePolicies(paths.length > 0 || config !== undefined ? paths : ['policies'], config);
  const { files, place } = chosen;
  // A folder named by mistake must not take all rights away.
  if (files.length === 0)
    throw new Problem({ code: 'POLICY_UNREADABLE', kind: 'invalid', message: 'there is no policy file (`*.yaml`) to apply' });
  const { client } = await signedIn(options);
  const result = await client.applyPolicy({ files, ...(options.expect === undefined ? {} : { expected: options.expect }) });
  const diagnostics = placed(result.diagnostics, chosen);
  output.data({ ...result, diagnostics }, () => {
    const lines = [...diagnostics.map(diagnosticText), ...failedTestTexts(result.tests, place)];
    if (result.applied) lines.push(`Active: ${result.revision ?? ''}`);
    else if (result.conflict) lines.push(`Not applied: ${options.expect} is no longer active; another revision has become so.`);
    else lines.push('Not applied: the active policy stays as it is.');
    return lines.join('\n');
  });
  return result.applied ? EXIT.ok : EXIT.failed;
}

/** Undefined when no configuration is named and none lies here, or when paths stand in its place. */
async function configFor(
  paths: readonly string[],
  { config: named }: ApplyOptions,
  output: Output,
): Promise<Config | 'invalid' | undefined> {
  if (paths.length > 0) {
    if (named === undefined) return undefined;
    throw new Problem({ code: 'USAGE', kind: 'invalid', message: 'name paths, or a configuration with `-c`, not both' });
  }
  const loaded = named === undefined ? await findConfig(CONFIG_FILE, process.env) : await readConfig(named, process.env);
  if (loaded === undefined) return undefined;
  for (const diagnostic of loaded.diagnostics) output.say(diagnosticText(diagnostic));
  return loaded.config ?? 'invalid';
}
