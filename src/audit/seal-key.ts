import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { Problem } from '../core/problem.ts';

/** Bytes of the master key. */
export const KEY_BYTES = 32;

/**
 * The key that seals attributes, from a file of 32 bytes with mode 0600; made when there is none. Throws a Problem
 * AUDIT_KEY_UNUSABLE. A lost key takes what it sealed with it: the entries stay, their attributes can no longer be shown.
 */
export function loadSealKey(file: string): Buffer {
  try {
    return readKey(file);
  } catch (thrown) {
    if (!isAbsent(thrown)) throw unusable(file, thrown);
  }
  try {
    writeKey(file, randomBytes(KEY_BYTES));
    return readKey(file);
  } catch (thrown) {
    throw unusable(file, thrown);
  }
}

function readKey(file: string): Buffer {
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) throw new Error('others may read it');
  const key = readFileSync(file);
  if (key.length !== KEY_BYTES) throw new Error('it is not 32 bytes long');
  return key;
}

/** Whole or not at all: a key that is half written would be lost at the next start. */
function writeKey(file: string, key: Buffer): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, key);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  // Unlike a rename, a link never replaces a key that is there.
  linkSync(draft, file);
  rmSync(draft);
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function isAbsent(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}

function unusable(file: string, cause: unknown): Problem {
  const reason = cause instanceof Error && !('code' in cause) ? cause.message : 'it cannot be read or written';
  return new Problem({
    code: 'AUDIT_KEY_UNUSABLE',
    kind: 'fault',
    message: `the key file \`${file}\` cannot be used: ${reason}`,
    hint: `restore it from a backup, or run \`chmod 600 ${file}\``,
    cause,
  });
}
