import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from '../core/problem.ts';

/** Name of the one database file inside the data folder. */
export const DATABASE_FILE = 'fairlead.db';

/**
 * Makes the data folder with mode 0700, or closes an existing one that is empty or ours already. A folder with other people's
 * files that others may read is refused rather than closed to them. Throws a Problem STORE_UNUSABLE or STORE_FOLDER_OPEN.
 */
export function prepareFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const stat = statSync(dir);
    if (process.platform === 'win32' || (stat.mode & 0o077) === 0) return;
    if (!existsSync(join(dir, DATABASE_FILE)) && readdirSync(dir).length > 0) throw openFolder(dir);
    chmodSync(dir, 0o700);
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown;
    throw new Problem({
      code: 'STORE_UNUSABLE',
      kind: 'fault',
      message: `the data folder \`${dir}\` cannot be made or read`,
      hint: 'name a folder that this user may write to, as `store: sqlite:FOLDER`',
      cause: thrown,
    });
  }
}

function openFolder(dir: string): Problem {
  return new Problem({
    code: 'STORE_FOLDER_OPEN',
    kind: 'fault',
    message: `the data folder \`${dir}\` holds other files and may be read by others`,
    hint: `name a folder of its own, or run \`chmod 700 ${dir}\``,
  });
}
