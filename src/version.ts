import { readFile } from 'node:fs/promises';

/** The version in the package's own description, such as `0.1.0`. */
export async function readVersion(): Promise<string> {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version;
}
