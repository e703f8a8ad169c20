import { sha256Hex } from './digest.ts';
import type { KnownCaller } from './port.ts';

/** What a provider calls a person (`sub`) and its own session (`sid`); at least one of the two is there. */
export interface ProviderSession {
  readonly source: string;
  readonly subject: string | undefined;
  readonly session: string | undefined;
}

/** Whether a sign-in is among those that are named: by both names where both are given. */
export function isOfProvider(
  { caller, providerSession }: { readonly caller: KnownCaller; readonly providerSession?: string },
  { source, subject, session }: ProviderSession,
): boolean {
  if (caller.source !== source || (subject === undefined && session === undefined)) return false;
  if (session !== undefined && providerSession !== session) return false;
  return subject === undefined || caller.claims['subject'] === subject;
}

/** Under which keys the end is noted: a session of the provider by its own name, else the person. */
export function endKeys({ source, subject, session }: ProviderSession): readonly string[] {
  if (session !== undefined) return [sha256Hex(JSON.stringify([source, 'sid', session]))];
  return subject === undefined ? [] : [sha256Hex(JSON.stringify([source, 'sub', subject]))];
}
