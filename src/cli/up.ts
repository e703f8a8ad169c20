import { diagnosticText } from '../core/diagnostic.ts';
import { type CliFunctions, EXIT } from './functions.ts';
import type { Output } from './output.ts';
import { readConfig } from './read-config.ts';

/** Runs the gateway of a configuration until a signal ends it; what is wrong in the file is said all at once. */
export async function up(
  options: { readonly config: string },
  functions: Pick<CliFunctions, 'up'>,
  output: Output,
): Promise<number> {
  const { config, diagnostics } = await readConfig(options.config, process.env);
  for (const diagnostic of diagnostics) output.say(diagnosticText(diagnostic));
  return config === undefined ? EXIT.invalid : await functions.up(config);
}
