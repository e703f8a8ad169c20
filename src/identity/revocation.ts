import { z } from 'zod';
import { type Caller, subjectText } from '../core/caller.ts';
import type { Clock, Log, Store } from '../core/ports.ts';
import type { Credential, Revocation, Revocations, RevocationTest } from './port.ts';
import { invalid } from './refusal.ts';

const KIND = 'revocation';
/** How far an issuer's clock may be ahead of ours: a bearer token that claims to be this much younger is refused as well. */
const SKEW_MS = 30_000;
/** Ended sessions that are remembered: far more than end while one call is on its way. */
const MAX_ENDED = 10_000;

const stored = z.strictObject({
  kind: z.enum(['subject', 'session', 'token']),
  value: z.string(),
  by: z.string(),
  atMs: z.number(),
  block: z.boolean(),
}) satisfies z.ZodType<Revocation>;

export interface RevocationBook extends Revocations {
  /**
   * A session has ended, as by a sign-out, with all that came from it: streams are closed, and calls that came by it and are still on
   * their way are refused. Tokens made under it go on. Kept in memory alone: the store knows no such session any more.
   */
  endSession(id: string): void;
}

/**
 * What was taken back, in memory for every call and in the store across restarts. A revocation of a subject also meets whoever acts
 * for it, and whomever it acts for. `keepMs` is the longest life of any credential: after that a revocation that does not block
 * has nothing left to refuse.
 */
export async function openRevocations(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly keepMs: number;
}): Promise<RevocationBook> {
  const { store, clock, log, keepMs } = options;
  const subjects = new Map<string, Revocation>();
  const ids = new Map<string, Revocation>();
  const ended = new Set<string>();
  const listeners = new Set<(isRevoked: RevocationTest) => void>();
  for (const { value } of await store.list(KIND)) remember(stored.parse(value));

  return {
    isRevoked,
    async revoke(input) {
      const revocation = revocationOf(input, clock.now());
      const earlier = subjects.get(keyOf(revocation));
      // A later revocation without `block` does not lift the block of an earlier one.
      const kept = { ...revocation, block: revocation.block || (revocation.kind === 'subject' && earlier?.block === true) };
      remember(kept);
      announce((caller, credential) => matches(kept, caller, credential));
      await store.put(KIND, keyOf(kept), kept, kept.block ? {} : { expiresAtMs: kept.atMs + keepMs });
    },
    async lift(subject) {
      const known = subjects.get(`subject:${canonicalSubject(subject)}`);
      if (known === undefined) return;
      const lifted = { ...known, block: false };
      await store.put(KIND, keyOf(lifted), lifted, { expiresAtMs: lifted.atMs + keepMs });
      remember(lifted);
    },
    async list() {
      const nowMs = clock.now();
      return [...subjects.values(), ...ids.values()].filter((one) => one.block || one.atMs + keepMs > nowMs);
    },
    onRevoked(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    endSession(id) {
      ended.add(id);
      if (ended.size > MAX_ENDED) ended.delete(ended.keys().next().value ?? id);
      announce((_caller, credential) => isOfSession(credential, id));
    },
  };

  function isRevoked(caller: Caller, credential: Credential): boolean {
    const own = idsOf(credential);
    if (own.some((id) => ids.has(id))) return true;
    if (credential.kind === 'session' && own.some((id) => ended.has(id))) return true;
    if (subjects.size === 0) return false;
    for (const name of subjectsOf(caller)) {
      const found = subjects.get(`subject:${name}`);
      if (found !== undefined && isMet(found, credential)) return true;
    }
    return false;
  }

  function remember(revocation: Revocation): void {
    if (revocation.kind === 'subject') subjects.set(keyOf(revocation), revocation);
    else ids.set(revocation.value, revocation);
  }

  function announce(isEnded: RevocationTest): void {
    for (const listener of listeners) {
      try {
        listener(isEnded);
      } catch (error) {
        // One listener's fault must not keep the others' streams open.
        log.error('identity.revocation_listener_failed', { error: error instanceof Error ? error.message : 'unknown' });
      }
    }
  }
}

function revocationOf(input: Parameters<Revocations['revoke']>[0], atMs: number): Revocation {
  const { subject, session, token, by, block = false } = input;
  const given = [subject, session, token].filter((value) => value !== undefined);
  if (given.length !== 1) throw invalid('REVOCATION_INVALID', 'a revocation names one subject, one session or one token');
  if (subject !== undefined) return { kind: 'subject', value: canonicalSubject(subject), by, atMs, block };
  const value = session ?? token ?? '';
  // Credentials are known by SHA-256; a pasted token would else be kept, and would revoke nothing.
  if (!/^[0-9a-f]{64}$/.test(value)) {
    throw invalid('REVOCATION_INVALID', 'a session or token is revoked by its id, 64 hex digits', {
      hint: 'ids are listed beside each session and token',
    });
  }
  return { kind: session === undefined ? 'token' : 'session', value, by, atMs, block: false };
}

/** The subject as `subjectText` writes it. A text that could never match would look like a revocation and be none. */
function canonicalSubject(text: string): string {
  const [, kind, name = ''] = /^(user|workload|agent):([^\s*]{1,512})$/.exec(text) ?? [];
  if (kind === undefined) {
    throw invalid('REVOCATION_INVALID', 'a subject is written `user:NAME`, `workload:NAMESPACE/SERVICEACCOUNT` or `agent:NAME`');
  }
  return kind === 'user' && name.includes('@') ? `user:${name.toLowerCase()}` : text;
}

function matches(revocation: Revocation, caller: Caller, credential: Credential): boolean {
  if (revocation.kind === 'subject') return subjectsOf(caller).includes(revocation.value) && isMet(revocation, credential);
  return idsOf(credential).includes(revocation.value);
}

function isOfSession(credential: Credential, id: string): boolean {
  return credential.kind === 'session' && idsOf(credential).includes(id);
}

function idsOf(credential: Credential): readonly string[] {
  return credential.ancestors === undefined ? [credential.id] : [credential.id, ...credential.ancestors];
}

function subjectsOf(caller: Caller): readonly string[] {
  return [caller.subject, ...caller.actors].map(subjectText);
}

/** Sessions and program tokens carry our own clock's time, bearer tokens their issuer's. */
function isMet(revocation: Revocation, credential: Credential): boolean {
  const skewMs = credential.kind === 'bearer' ? SKEW_MS : 0;
  return revocation.block || credential.issuedAtMs <= revocation.atMs + skewMs;
}

function keyOf(revocation: Revocation): string {
  // Sessions and tokens share one key space: both are ids of credentials.
  return revocation.kind === 'subject' ? `subject:${revocation.value}` : `id:${revocation.value}`;
}
