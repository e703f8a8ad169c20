import type { JsonObject } from '../../../wire/call.ts';
import { parseFrame } from './frame.ts';

/** A frame that carries a token is short. */
const MAX_AUTH_BYTES = 16 * 1024;

/**
 * `{"type":"auth","token":TEXT-or-null}`, the first message of every stock client in server mode. Undefined: something else.
 * Never throws; a message that cannot be read is no such frame.
 */
export function authFrame(text: string): { readonly token: string | undefined } | undefined {
  let frame: JsonObject;
  try {
    frame = parseFrame(text, MAX_AUTH_BYTES);
  } catch {
    return undefined;
  }
  if (frame['type'] !== 'auth') return undefined;
  const token = frame['token'];
  return { token: typeof token === 'string' && token !== '' ? token : undefined };
}

/** The same message with the server's own secret. INVARIANT: a caller's token never goes up. */
export function authFrameFor(secret: string | undefined): string {
  return JSON.stringify({ type: 'auth', token: secret ?? null });
}
