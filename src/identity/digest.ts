import { createHash, hash, timingSafeEqual } from 'node:crypto';
import type { Randomness } from '../core/ports.ts';

/** SHA-256 in hex: how secrets with full entropy are kept, compared and named in logs. */
export function sha256Hex(text: string): string {
  return hash('sha256', text, 'hex');
}

/** SHA-256 in base64url: the S256 challenge of RFC 7636 §4.2. */
export function sha256Base64url(text: string): string {
  return hash('sha256', text, 'base64url');
}

/** 256 random bits as 43 characters of base64url. */
export function randomText(randomness: Randomness): string {
  return Buffer.from(randomness.bytes(32)).toString('base64url');
}

/** The form that `randomText` gives; anything else is not looked up. */
export function isRandomText(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

/** Equality in a time that tells nothing about where the texts differ. */
export function isSameText(a: string, b: string): boolean {
  const left = createHash('sha256').update(a).digest();
  return timingSafeEqual(left, createHash('sha256').update(b).digest());
}
