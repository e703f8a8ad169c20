import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { Problem } from '../core/problem.ts';

export interface AssertionKey {
  /** Compact JWS over the claims, ES256, with `iss` and `kid`. */
  sign(claims: object): Promise<string>;
  /** The public half as a JWK set (RFC 7517), for services that check `x-fairlead-assertion`. */
  jwks(): { readonly keys: readonly JWK[] };
}

const ALGORITHM = 'ES256';

/** The gateway's own key for identity assertions: made on first use in the data folder (0600), and kept. */
export async function openAssertionKey(folder: string, issuer: string): Promise<AssertionKey> {
  const file = join(folder, 'assertion-key.json');
  const secret = (await load(file)) ?? (await create(file));
  const { d: _, ...publicJwk } = secret;
  const kid = await calculateJwkThumbprint(publicJwk);
  const key = await importJWK(secret, ALGORITHM);
  return {
    sign: (claims) =>
      new SignJWT({ ...claims }).setProtectedHeader({ alg: ALGORITHM, kid, typ: 'JWT' }).setIssuer(issuer).sign(key),
    jwks: () => ({ keys: [{ ...publicJwk, kid, alg: ALGORITHM, use: 'sig' }] }),
  };
}

async function load(file: string): Promise<JWK | undefined> {
  try {
    const jwk = JSON.parse(await readFile(file, 'utf8')) as JWK;
    if (jwk.kty === 'EC' && jwk.crv === 'P-256' && typeof jwk.d === 'string') return jwk;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  }
  throw new Problem({
    code: 'KEY_UNREADABLE',
    kind: 'fault',
    message: `the key file \`${file}\` cannot be read; move it away and a new key is made`,
  });
}

async function create(file: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(JSON.stringify(jwk));
    await handle.sync();
  } finally {
    await handle.close();
  }
  return jwk;
}
