import { join } from 'node:path';

/** Files that the demo needs beside its code. */
export interface DemoAssets {
  readonly watcher: string;
  readonly deployScript: string;
  readonly lock: string;
  readonly flow: string;
}

/** The assets of a clone, by its root folder; a packed command has the same files in the same places below its own root. */
export function demoAssets(root: string): DemoAssets {
  const folder = join(root, 'src', 'demo');
  return {
    watcher: join(folder, 'watcher.py'),
    deployScript: join(folder, 'deploy.py'),
    lock: join(folder, 'requirements-prefect.txt'),
    flow: join(root, 'examples', 'flows', 'hello.py'),
  };
}
