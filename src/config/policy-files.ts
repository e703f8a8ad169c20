import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Problem } from '../core/problem.ts';

/** Bounds of a policy folder; a larger one is a mistake, such as naming the home folder. */
const MAX_FILES = 5_000;
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_DEPTH = 16;

export interface ReadPolicyFile {
  /** As diagnostics show it: relative to `base`. */
  readonly path: string;
  readonly text: string;
}

/**
 * All `*.yaml` and `*.yml` files of folders (with sub-folders, hidden ones left out) and single files, in a stable order.
 * Throws a Problem POLICY_UNREADABLE that names the path.
 */
export async function readPolicyFiles(paths: readonly string[], base: string): Promise<readonly ReadPolicyFile[]> {
  const found = new Map<string, string>();
  for (const path of paths) await collect(path, found, 0);
  const files: ReadPolicyFile[] = [];
  for (const path of [...found.keys()].sort()) files.push({ path: relative(base, path) || path, text: found.get(path) ?? '' });
  return files;
}

async function collect(path: string, found: Map<string, string>, depth: number): Promise<void> {
  try {
    const info = await stat(path);
    if (!info.isDirectory()) {
      if (info.size > MAX_FILE_BYTES) throw unreadable(path, `the file is larger than ${MAX_FILE_BYTES} bytes`);
      found.set(path, await readFile(path, 'utf8'));
      if (found.size > MAX_FILES) throw unreadable(path, `there are more than ${MAX_FILES} policy files`);
      return;
    }
    if (depth > MAX_DEPTH) throw unreadable(path, 'the folders are nested too deeply');
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory() || /\.ya?ml$/.test(entry.name)) await collect(join(path, entry.name), found, depth + 1);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw unreadable(
      path,
      code === 'ENOENT' ? 'there is no such file or folder' : `it cannot be read (${code ?? 'unknown error'})`,
    );
  }
}

function unreadable(path: string, why: string): Problem {
  return new Problem({ code: 'POLICY_UNREADABLE', kind: 'invalid', message: `\`${path}\`: ${why}` });
}
