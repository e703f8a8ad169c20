import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { keepSecret } from './secret-file.ts';

export interface SigningKey {
  /** RFC 7638 thumbprints need a hash; a short random id does as well for a key that is never shared. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** With `d`. */
  readonly privateJwk: Readonly<Record<string, string>>;
  /** Without `d`; fit to be published. */
  readonly publicJwk: Readonly<Record<string, string>>;
}

/** The ES256 key kept in `path` (mode 0600), made on first use, so that what it signed stays valid across restarts. */
export function keepSigningKey(path: string, makeKid: () => string): SigningKey {
  const text = keepSecret(path, () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return `${JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: makeKid(), alg: 'ES256', use: 'sig' })}\n`;
  });
  const privateJwk = readJwk(path, text);
  const privateKey = createPrivateKey({ key: privateJwk, format: 'jwk' });
  const shape = { kid: privateJwk['kid'] ?? '', alg: 'ES256', use: 'sig' };
  const publicJwk = { ...strings(createPublicKey(privateKey).export({ format: 'jwk' })), ...shape };
  return { kid: shape.kid, privateKey, privateJwk, publicJwk };
}

function readJwk(path: string, text: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(text);
    const jwk = typeof parsed === 'object' && parsed !== null ? strings(parsed) : {};
    if (jwk['kty'] === 'EC' && jwk['crv'] === 'P-256' && jwk['kid'] !== undefined) return jwk;
  } catch {
    // The text is a private key; no part of it goes into a message.
  }
  throw new Error(`${path} does not hold the key that the demo wrote: delete the file, and a new key is made`);
}

function strings(value: object): Record<string, string> {
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
