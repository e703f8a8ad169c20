import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Problem } from '../core/problem.ts';
import { makePrivate } from './database.ts';

/**
 * Takes the data folder for this process: two gateways never share it. The lock is the operating system's own, on a file beside
 * the database, so that it ends with the process however that dies. Returns the release; whoever drops it unheld gives
 * the lock up, for the handle is collected. Throws a Problem STORE_LOCKED.
 */
export function lockFolder(dir: string): () => void {
  const owner = join(dir, 'gateway.pid');
  const file = join(dir, 'gateway.lock');
  makePrivate(file);
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    // Nothing is ever written into this file; an exclusive transaction holds SQLite's byte-range lock on it.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (thrown) {
    lock.close();
    throw new Problem({
      code: 'STORE_LOCKED',
      kind: 'fault',
      message: `another gateway${ownerText(owner)} uses the data folder \`${dir}\``,
      hint: 'stop it first, or name another folder as `store: sqlite:FOLDER`',
      cause: thrown,
    });
  }
  writeFileSync(owner, `${process.pid}\n`, { mode: 0o600 });
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    rmSync(owner, { force: true });
    lock.close();
  };
}

function ownerText(file: string): string {
  try {
    const pid = /^\d{1,10}$/.exec(readFileSync(file, 'utf8').trim())?.[0];
    return pid === undefined ? '' : ` (process ${pid})`;
  } catch {
    return '';
  }
}
