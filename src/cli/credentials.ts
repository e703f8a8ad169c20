import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Problem } from '../core/problem.ts';

/** What `fairlead login` keeps, per control origin, in a file of its owner alone. */
const file = z.object({
  last: z.string().optional(),
  origins: z.record(z.string(), z.object({ token: z.string(), subject: z.string(), expiresAtMs: z.number() })),
});
type Kept = z.infer<typeof file>;

const EMPTY: Kept = { origins: {} };

/** `$XDG_CONFIG_HOME/fairlead/credentials.json`. */
export function credentialsFile(env: Readonly<Record<string, string | undefined>>): string {
  return join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'fairlead', 'credentials.json');
}

export async function readCredentials(path: string): Promise<Kept> {
  try {
    return file.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY;
    throw new Problem({
      code: 'CREDENTIALS_UNREADABLE',
      kind: 'invalid',
      message: `\`${path}\` cannot be read`,
      hint: 'move it away and run `fairlead login`',
    });
  }
}

/** Keeps the credential of an origin, or forgets it. Written beside and renamed, so that two commands never see half a file. */
export async function keepCredential(
  path: string,
  origin: string,
  credential: Kept['origins'][string] | undefined,
): Promise<void> {
  const kept = await readCredentials(path).catch(() => EMPTY);
  const origins = { ...kept.origins };
  if (credential === undefined) delete origins[origin];
  else origins[origin] = credential;
  const last = credential === undefined ? (kept.last === origin ? Object.keys(origins)[0] : kept.last) : origin;
  const folder = join(path, '..');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const beside = `${path}.${process.pid}`;
  await writeFile(beside, `${JSON.stringify({ ...(last === undefined ? {} : { last }), origins }, undefined, 2)}\n`, {
    mode: 0o600,
  });
  await chmod(beside, 0o600);
  await rename(beside, path);
}

/** `--origin`, `FAIRLEAD_ORIGIN`, or where the last login went; and the token kept for it. */
export async function chooseOrigin(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly origin: string; readonly token: string | undefined }> {
  const kept = await readCredentials(credentialsFile(env));
  const chosen = option ?? env['FAIRLEAD_ORIGIN'] ?? kept.last;
  if (chosen === undefined) {
    throw new Problem({
      code: 'ORIGIN_UNKNOWN',
      kind: 'invalid',
      message: 'which gateway? no origin is known yet',
      hint: 'run `fairlead login https://access.example.com`, or name it with `--origin`',
    });
  }
  const origin = originOf(chosen);
  return { origin, token: env['FAIRLEAD_TOKEN'] ?? kept.origins[origin]?.token };
}

/** A control origin as it is written in full: scheme and host, no path. */
export function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    (url.pathname !== '/' && url.pathname !== '')
  ) {
    throw new Problem({
      code: 'ORIGIN_INVALID',
      kind: 'invalid',
      message: 'an origin is a scheme and a host: `https://access.example.com`',
    });
  }
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isLoopback) {
    throw new Problem({
      code: 'ORIGIN_INSECURE',
      kind: 'invalid',
      message: 'a token is never sent over http, except to this machine itself',
    });
  }
  return url.origin;
}
