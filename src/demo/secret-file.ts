import { randomBytes as cryptoRandomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The text of a secret file; made by `make` and written with mode 0600 when the file is not there yet. Two processes that
 * make it at once get the same text. A file that others may read is closed to them.
 */
export function keepSecret(path: string, make: () => string): string {
  const existing = readIfThere(path);
  if (existing !== undefined) {
    chmodSync(path, 0o600);
    return existing;
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${cryptoRandomBytes(6).toString('hex')}`;
  writeFileSync(fresh, make(), { mode: 0o600, flag: 'wx' });
  try {
    // Unlike a rename, a link never replaces what another process made meanwhile.
    linkSync(fresh, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  return readFileSync(path, 'utf8');
}

function readIfThere(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    // An empty file is what a crash of the machine may leave; it is no secret.
    if (text !== '') return text;
    rmSync(path);
    return undefined;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
