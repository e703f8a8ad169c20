import { readFile } from 'node:fs/promises';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { Problem } from '../core/problem.ts';

/** What a configuration is looked for as when none is named. */
export const CONFIG_FILE = 'fairlead.yaml';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks a configuration, with `env` laid over it; nothing that it names is opened or asked. Problem: CONFIG_UNREADABLE.
 */
export async function readConfig(file: string, env: Variables): Promise<LoadedConfig> {
  const loaded = await findConfig(file, env);
  if (loaded !== undefined) return loaded;
  throw unreadable(file, 'there is no such file');
}

/** As `readConfig`, with undefined for a file that does not exist. */
export async function findConfig(file: string, env: Variables): Promise<LoadedConfig | undefined> {
  const text = await readText(file);
  return text === undefined ? undefined : loadConfig(text, file, { env });
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw unreadable(file, code === 'EISDIR' ? 'this is a folder' : `it cannot be read (${code ?? 'unknown error'})`, error);
  }
}

function unreadable(file: string, why: string, cause?: unknown): Problem {
  return new Problem({
    code: 'CONFIG_UNREADABLE',
    kind: 'invalid',
    message: `the configuration \`${file}\`: ${why}`,
    hint: 'name it with `-c FILE`: policies are read by the targets and identity sources that it names',
    ...(cause === undefined ? {} : { cause }),
  });
}
