import { type CliFunctions, EXIT } from './functions.ts';
import { readConfig } from './read-config.ts';

/** Runs the gateway of a configuration until a signal ends it. */
export async function up(options: { readonly config: string }, functions: CliFunctions): Promise<number> {
  const config = await readConfig(options.config);
  return config === undefined ? EXIT.invalid : await functions.up(config);
}
