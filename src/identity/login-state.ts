import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Randomness } from '../core/ports.ts';

const stated = z.strictObject({ source: z.string(), returnTo: z.string(), startedAtMs: z.number() });

/** What a sign-in under way must remember. */
export type LoginState = z.output<typeof stated>;

/**
 * `state` of RFC 6749 §4.1.1: the sign-in's own memory, encrypted (AES-256-GCM) under a key that only the browser's state cookie
 * gives. So nothing is stored for a sign-in that nobody finishes, the provider learns nothing from it, and another browser
 * cannot use it.
 */
export function sealState(state: LoginState, cookie: string, randomness: Randomness): string {
  const iv = randomness.bytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyOf(cookie, 'state'), iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(state), 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url');
}

/** Undefined for anything that `sealState` did not make with this cookie. */
export function openState(sealed: string, cookie: string): LoginState | undefined {
  if (sealed.length > 4_096 || !/^[A-Za-z0-9_-]+$/.test(sealed)) return undefined;
  const bytes = Buffer.from(sealed, 'base64url');
  // One state has one text: what was used once is known by its text.
  if (bytes.length <= 28 || bytes.toString('base64url') !== sealed) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', keyOf(cookie, 'state'), bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(bytes.subarray(12, 28));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
    const parsed = stated.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** PKCE verifier (RFC 7636 §4.1) and nonce of one sign-in, from the cookie and the state: neither needs a place of its own. */
export function loginSecrets(cookie: string, sealed: string): { readonly verifier: string; readonly nonce: string } {
  return {
    verifier: keyOf(cookie, `verifier ${sealed}`).toString('base64url'),
    nonce: keyOf(cookie, `nonce ${sealed}`).toString('base64url'),
  };
}

function keyOf(cookie: string, purpose: string): Buffer {
  return createHmac('sha256', cookie).update(purpose).digest();
}
