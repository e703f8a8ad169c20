import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Clock, Log, Secrets } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import { Secret } from '../core/secret.ts';
import { parseSecretReference, unsupportedText } from './secret-reference.ts';

export interface SecretsOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long a file is believed unchanged without a look, in milliseconds. */
  readonly recheckAfterMs?: number;
}

/** A secret reader that can be told to look again at once. */
export interface RereadingSecrets extends Secrets {
  /** Forgets everything read so far (SIGHUP). */
  forget(): void;
}

/** Longest secret, in bytes. A key file or a token is far below; a log or a disk image is not. */
const MAX_BYTES = 64 * 1024;

interface Version {
  readonly device: number;
  readonly inode: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly size: number;
}

interface Kept {
  readonly version: Version;
  readonly secret: Secret;
  readonly checkedMs: number;
}

/**
 * Secrets by reference. A file is read again when it was replaced or changed, so that rotation needs no restart; one that
 * disappeared is a fault, not the old value. INVARIANT: neither value nor unparsed reference stands in an error or a log line.
 */
export function createSecrets(options: SecretsOptions): RereadingSecrets {
  const { log, clock, env, recheckAfterMs = 1_000 } = options;
  const kept = new Map<string, Kept>();
  const running = new Map<string, Promise<Secret>>();
  const warned = new Set<string>();

  async function readFile(path: string): Promise<Secret> {
    const before = kept.get(path);
    if (before !== undefined) {
      const age = clock.now() - before.checkedMs;
      if (age >= 0 && age < recheckAfterMs) return before.secret;
      const version = versionOf(await stat(path));
      if (sameVersion(version, before.version)) {
        kept.set(path, { ...before, checkedMs: clock.now() });
        return before.secret;
      }
    }
    const { version, mode, secret } = await load(path);
    warnOfMode(path, mode);
    kept.set(path, { version, secret, checkedMs: clock.now() });
    if (before !== undefined) log.info('secret.reloaded', { file: path });
    return secret;
  }

  function warnOfMode(path: string, mode: number): void {
    if ((mode & 0o077) === 0 || warned.has(path)) return;
    warned.add(path);
    log.warn('secret.file_mode', { file: path, mode: (mode & 0o777).toString(8).padStart(4, '0'), help: 'chmod 0600' });
  }

  /** Calls that ask at the same moment share one read. */
  function readOnce(path: string): Promise<Secret> {
    const other = running.get(path);
    if (other !== undefined) return other;
    const mine = readFile(path)
      .catch((error: unknown) => {
        kept.delete(path);
        throw unavailable(`the secret file \`${path}\` cannot be read`, error);
      })
      .finally(() => running.delete(path));
    running.set(path, mine);
    return mine;
  }

  return {
    async read(text) {
      const reference = parseSecretReference(text);
      switch (reference.kind) {
        case 'file':
          return readOnce(reference.path);
        case 'env': {
          const value = env[reference.name];
          if (value === undefined || value === '') throw unavailable(`the environment variable \`${reference.name}\` is not set`);
          return new Secret(value);
        }
        case 'unsupported':
          throw unavailable(unsupportedText(reference.scheme));
        case 'invalid':
          throw unavailable(reference.message);
        default:
          return reference satisfies never;
      }
    },
    forget() {
      kept.clear();
    },
  };
}

async function load(path: string): Promise<{ readonly version: Version; readonly mode: number; readonly secret: Secret }> {
  // Non-blocking, so that a pipe in the file's place cannot hang the process; it is refused below.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw unavailable(`the secret file \`${path}\` is not a regular file`);
    return { version: versionOf(info), mode: info.mode, secret: new Secret(text(path, await bytes(handle, path))) };
  } finally {
    await handle.close();
  }
}

async function bytes(handle: FileHandle, path: string): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_BYTES + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > MAX_BYTES) throw unavailable(`the secret file \`${path}\` is longer than ${MAX_BYTES} bytes`);
  return buffer.subarray(0, length);
}

/** Editors and `echo` end a file with one newline that is not part of the secret. */
function text(path: string, content: Uint8Array): string {
  let decoded: string;
  try {
    decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw unavailable(`the secret file \`${path}\` is not UTF-8 text`);
  }
  const value = decoded.replace(/\r?\n$/, '');
  if (value === '') throw unavailable(`the secret file \`${path}\` is empty`);
  return value;
}

function versionOf(info: { dev: number; ino: number; mtimeMs: number; ctimeMs: number; size: number }): Version {
  return { device: info.dev, inode: info.ino, modifiedMs: info.mtimeMs, changedMs: info.ctimeMs, size: info.size };
}

function sameVersion(a: Version, b: Version): boolean {
  return (
    a.device === b.device &&
    a.inode === b.inode &&
    a.modifiedMs === b.modifiedMs &&
    a.changedMs === b.changedMs &&
    a.size === b.size
  );
}

/** Only the system's error code goes on as the cause: other errors may quote what they read. */
function unavailable(message: string, cause?: unknown): Problem {
  if (cause instanceof Problem) return cause;
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return new Problem({
    code: 'SECRET_UNAVAILABLE',
    kind: 'fault',
    message: code === undefined ? message : `${message} (${code})`,
    hint: 'check that the reference is right and that the process may read it',
  });
}
