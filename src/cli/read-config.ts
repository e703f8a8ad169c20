import { readFile } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { diagnosticText } from '../core/diagnostic.ts';
import { Problem } from '../core/problem.ts';

/** Reads and checks a configuration; what is wrong is said on standard error, all at once. Undefined when it cannot be used. */
export async function readConfig(file: string): Promise<Config | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new Problem({
      code: 'CONFIG_UNREADABLE',
      kind: 'invalid',
      message: `\`${file}\` cannot be read`,
      hint: 'name the configuration with `-c FILE`',
      cause: error,
    });
  }
  const { config, diagnostics } = loadConfig(text, file, { env: process.env });
  for (const diagnostic of diagnostics) process.stderr.write(`${diagnosticText(diagnostic)}\n`);
  return config;
}
