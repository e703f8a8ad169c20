import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/cli.ts';
import { Problem } from '../core/problem.ts';
import { chooseOrigin, credentialsFile, keepCredential, originOf, readCredentials } from './credentials.ts';

const folder = temporaryFolder();
afterAll(() => folder.dispose());

const A = 'https://a.example';
const B = 'https://b.example:8444';
const credential = (token: string) => ({ token, subject: 'user:ada@acme.example', expiresAtMs: 1_800_000_000_000 });

let homes = 0;
function home() {
  const env = { XDG_CONFIG_HOME: join(folder.path, `home ${++homes}`) };
  return { env, file: credentialsFile(env) };
}

describe('the file of credentials', () => {
  it('belongs to its owner alone, whatever the mask and the file before were', async () => {
    const { file } = home();
    const mask = process.umask(0);
    try {
      await keepCredential(file, A, credential('one'));
      expect([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);
      chmodSync(file, 0o644);
      await keepCredential(file, B, credential('two'));
      expect(statSync(file).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(mask);
    }
  });

  it('is replaced in one step and leaves nothing beside it', async () => {
    const { file } = home();
    await Promise.all(Array.from({ length: 20 }, (_, number) => keepCredential(file, A, credential(`t${number}`))));
    expect(readdirSync(dirname(file))).toEqual(['credentials.json']);
    expect((await readCredentials(file)).origins[A]?.token).toMatch(/^t\d+$/);
    const before = readFileSync(file, 'utf8');
    // A folder in its place cannot be replaced by a file.
    const blocked = home();
    mkdirSync(join(blocked.file, 'x'), { recursive: true });
    await expect(keepCredential(blocked.file, A, credential('t'))).rejects.toMatchObject({ code: 'CREDENTIALS_UNREADABLE' });
    expect(readdirSync(dirname(blocked.file))).toEqual(['credentials.json']);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('keeps one credential for each origin, and forgets one alone', async () => {
    const { file, env } = home();
    await keepCredential(file, A, credential('one'));
    await keepCredential(file, B, credential('two'));
    expect(await chooseOrigin(undefined, env)).toEqual({ origin: B, token: 'two' });
    expect(await chooseOrigin(A, env)).toEqual({ origin: A, token: 'one' });
    await keepCredential(file, B, undefined);
    expect(await chooseOrigin(undefined, env)).toEqual({ origin: A, token: 'one' });
    expect(await chooseOrigin(B, env)).toEqual({ origin: B, token: undefined });
    await keepCredential(file, A, undefined);
    await expect(chooseOrigin(undefined, env)).rejects.toMatchObject({ code: 'ORIGIN_UNKNOWN', kind: 'invalid' });
  });

  it('is never overwritten when it cannot be read', async () => {
    for (const text of ['', '{', '[]', '{"origins":{"https://a.example":"token"}}']) {
      const { file, env } = home();
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      await expect(readCredentials(file)).rejects.toMatchObject({ code: 'CREDENTIALS_UNREADABLE' });
      await expect(keepCredential(file, A, credential('one'))).rejects.toMatchObject({ code: 'CREDENTIALS_UNREADABLE' });
      expect(readFileSync(file, 'utf8')).toBe(text);
      await expect(chooseOrigin(A, env)).rejects.toMatchObject({ code: 'CREDENTIALS_UNREADABLE' });
      // Where both are given nothing is read.
      expect(await chooseOrigin(A, { ...env, FAIRLEAD_TOKEN: 'given' })).toEqual({ origin: A, token: 'given' });
    }
  });

  it('stands below the environment, and that below the option; an empty variable is none', async () => {
    const { file, env } = home();
    await keepCredential(file, A, credential('one'));
    await keepCredential(file, B, credential('two'));
    expect(await chooseOrigin(undefined, { ...env, FAIRLEAD_ORIGIN: A })).toEqual({ origin: A, token: 'one' });
    expect(await chooseOrigin(B, { ...env, FAIRLEAD_ORIGIN: A })).toEqual({ origin: B, token: 'two' });
    expect(await chooseOrigin(undefined, { ...env, FAIRLEAD_TOKEN: 'given' })).toEqual({ origin: B, token: 'given' });
    expect(await chooseOrigin(undefined, { ...env, FAIRLEAD_ORIGIN: '', FAIRLEAD_TOKEN: '' })).toEqual({
      origin: B,
      token: 'two',
    });
  });
});

describe('an origin', () => {
  it('is a scheme and a host, in one form', () => {
    expect(originOf('https://Access.Example.com:443/')).toBe('https://access.example.com');
    expect(originOf('http://127.0.0.1:8444')).toBe('http://127.0.0.1:8444');
    expect(originOf('http://[::1]:1')).toBe('http://[::1]:1');
    for (const text of [
      '',
      'access.example.com',
      'ftp://a.example',
      'https://u@a.example',
      'https://a.example/x',
      'https://a.example/?q',
      'https://a.example/#f',
    ])
      expect(() => originOf(text), text).toThrow(expect.objectContaining({ code: 'ORIGIN_INVALID' }));
  });

  it('is not reached over http but on this machine', () => {
    for (const text of [
      'http://a.example',
      'http://127.0.0.1.a.example',
      'http://localhost.a.example',
      'http://10.0.0.1:8444',
      'http://[::2]',
    ])
      expect(() => originOf(text), text).toThrow(expect.objectContaining({ code: 'ORIGIN_INSECURE' }));
  });

  it('is an origin or a known problem for any text', () => {
    const part = fc.constantFrom(
      'http://',
      'https://',
      'localhost',
      '127.0.0.1',
      '[::1]',
      '@',
      ':',
      '/',
      '?',
      '#',
      'a.example',
      '\\',
      '%2f',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(part).map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            const origin = originOf(text);
            expect(origin).toBe(new URL(origin).origin);
            expect(originOf(origin)).toBe(origin);
          } catch (error) {
            expect(error).toBeInstanceOf(Problem);
          }
        },
      ),
    );
  });
});
