import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Token } from '../case.ts';

/** Signs tokens with the one key of the key set, or with another that claims to be it. */
export class Tokens {
  /** The key set, as text for `jwks`. */
  readonly keySet: string;
  readonly #good: KeyObject;
  readonly #bad: KeyObject;
  readonly #signed = new Map<string, string>();

  constructor() {
    const good = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#good = good.privateKey;
    this.#bad = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    this.keySet = JSON.stringify({
      keys: [{ ...good.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }],
    });
  }

  /** The header that carries a token. */
  header(token: Token): readonly [string, string] {
    return [token.header ?? 'authorization', `${token.prefix ?? 'Bearer '}${this.#sign(token)}`];
  }

  #sign(token: Token): string {
    const text = `${base64url({ alg: 'ES256', typ: 'JWT', kid: 'k1' })}.${base64url(token.claims)}`;
    const label = `${token.key ?? ''} ${text}`;
    let signed = this.#signed.get(label);
    if (signed === undefined) {
      const key = token.key === 'bad' ? this.#bad : this.#good;
      signed = `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
      this.#signed.set(label, signed);
    }
    return signed;
  }
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
