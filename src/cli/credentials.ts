import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
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
  const kept = await readCredentials(path);
  const origins = { ...kept.origins };
  if (credential === undefined) delete origins[origin];
  else origins[origin] = credential;
  const last = credential === undefined ? (kept.last === origin ? Object.keys(origins)[0] : kept.last) : origin;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    // A new file, so that nobody has opened it before and its mode is ours.
    const text = `${JSON.stringify({ ...(last === undefined ? {} : { last }), origins }, undefined, 2)}\n`;
    await writeFile(beside, text, { flag: 'wx', mode: 0o600 });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** `--origin`, `FAIRLEAD_ORIGIN`, or where the last login went; and the token kept for it. */
export async function chooseOrigin(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly origin: string; readonly token: string | undefined }> {
  // An empty variable counts as not set, as in configuration. Where both are given no file is needed.
  const [given, token] = [option ?? (env['FAIRLEAD_ORIGIN'] || undefined), env['FAIRLEAD_TOKEN'] || undefined];
  const kept = given !== undefined && token !== undefined ? EMPTY : await readCredentials(credentialsFile(env));
  const chosen = given ?? kept.last;
  if (chosen === undefined) {
    throw new Problem({
      code: 'ORIGIN_UNKNOWN',
      kind: 'invalid',
      message: 'which gateway? no origin is known yet',
      hint: 'run `fairlead login https://access.example.com`, or name it with `--origin`',
    });
  }
  const origin = originOf(chosen);
  return { origin, token: token ?? kept.origins[origin]?.token };
}

/** A control origin as it is written in full: scheme and host, no path. */
export function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
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
