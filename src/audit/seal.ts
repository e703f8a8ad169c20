import { Buffer } from 'node:buffer';
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

/**
 * Sealed form: version 1 | key id 8 | salt 16 | counter 8 | ciphertext | tag 16. AES-256-GCM (NIST SP 800-38D) under
 * HKDF-SHA256(master, salt, "fairlead audit seal 1"), nonce = 4 zero bytes and the counter. Each writer draws a salt of its own, so
 * that a counter can never meet the same key twice, however many entries there are. The entry's id is authenticated with it.
 */
const VERSION = 1;
const HEAD_BYTES = 33;
const TAG_BYTES = 16;
const INFO = 'fairlead audit seal 1';
const MAX_CACHED_KEYS = 256;

/** Seals in the writer. */
export interface Sealer {
  seal(plain: string, entryId: string): Uint8Array;
}

/** Opens for administrators, in the search thread. */
export interface Opener {
  /** Undefined when it was sealed under another key, or is not what was sealed for this entry. */
  open(sealed: Uint8Array, entryId: string): string | undefined;
}

export function createSealer(masterKey: Buffer, random: (count: number) => Buffer = randomBytes): Sealer {
  const salt = random(16);
  const key = derive(masterKey, salt);
  const id = keyId(masterKey);
  let counter = 0n;
  return {
    seal(plain, entryId) {
      const head = Buffer.alloc(HEAD_BYTES);
      head[0] = VERSION;
      id.copy(head, 1);
      salt.copy(head, 9);
      head.writeBigUInt64BE(counter, 25);
      counter += 1n;
      const cipher = createCipheriv('aes-256-gcm', key, nonce(head), { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(entryId));
      const text = cipher.update(plain, 'utf8');
      // In counter mode nothing is left for the end but the tag.
      cipher.final();
      return Buffer.concat([head, text, cipher.getAuthTag()]);
    },
  };
}

export function createOpener(masterKey: Buffer): Opener {
  const id = keyId(masterKey);
  const keys = new Map<string, KeyObject>();

  function keyOf(salt: Buffer): KeyObject {
    const name = salt.toString('hex');
    const known = keys.get(name);
    if (known !== undefined) return known;
    if (keys.size >= MAX_CACHED_KEYS) keys.clear();
    const key = derive(masterKey, salt);
    keys.set(name, key);
    return key;
  }

  return {
    open(sealed, entryId) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (bytes.length < HEAD_BYTES + TAG_BYTES || bytes[0] !== VERSION || !bytes.subarray(1, 9).equals(id)) return undefined;
      const head = bytes.subarray(0, HEAD_BYTES);
      try {
        const decipher = createDecipheriv('aes-256-gcm', keyOf(head.subarray(9, 25)), nonce(head), { authTagLength: TAG_BYTES });
        decipher.setAAD(Buffer.from(entryId));
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
        return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}

/** What an entry says of its sealed part; the ciphertext can be destroyed and the entry still stands. */
export function sealDigest(sealed: Uint8Array): string {
  return `sha256:${hash('sha256', sealed, 'hex')}`;
}

/** Tells keys apart without saying anything about them. */
function keyId(masterKey: Buffer): Buffer {
  return createHash('sha256').update('fairlead audit key id').update(masterKey).digest().subarray(0, 8);
}

function derive(masterKey: Buffer, salt: Buffer): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', masterKey, salt, INFO, 32)));
}

function nonce(head: Buffer): Buffer {
  const bytes = Buffer.alloc(12);
  head.copy(bytes, 4, 25, 33);
  return bytes;
}
