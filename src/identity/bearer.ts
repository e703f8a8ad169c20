import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import { sha256Hex } from './digest.ts';
import type { Directory } from './directory.ts';
import type { Credential, KnownCaller } from './port.ts';
import { isProgramToken, type ProgramTokenBook } from './program-token.ts';
import { unauthenticated } from './refusal.ts';
import type { IdentitySource } from './source.ts';
import { parseToken } from './token.ts';

/** How long a verified token counts without being verified again, and how long a refused one is refused without a look. */
const VERIFIED_MS = 60_000;
const REFUSED_MS = 10_000;

/** Whom a bearer token speaks for. One token gives one object while it is cached. */
export interface Proven {
  readonly who: KnownCaller;
  readonly credential: Credential;
  /** A workload's token that is right but for its expiry. */
  readonly isHeld: boolean;
  /** The issuer's live word on the token, where the source asks for it. */
  readonly review?: () => Promise<Problem | undefined>;
}

export interface BearerTokens {
  /**
   * At once when the token is known, since nearly every call comes with one that is. Throws, now or later, a Problem of kind
   * `unauthenticated`, or `fault` when it cannot be told.
   */
  prove(text: string, target: string): Proven | Promise<Proven>;
}

/**
 * Tokens of all sources and program tokens. Caches go by SHA-256, never by the token; a verified token counts until it expires, a
 * minute passes, or its issuer's keys change. Revocations are not this file's matter: they are looked at on every call.
 */
export function createBearerTokens(options: {
  readonly sources: readonly IdentitySource[];
  readonly programTokens: ProgramTokenBook;
  readonly directory: Directory;
  readonly clock: Clock;
}): BearerTokens {
  const { sources, programTokens, directory, clock } = options;
  const byIssuer = new Map(sources.map((source) => [source.issuer, source]));
  const verified = new LRUCache<string, Kept<Proven>>({ max: 20_000 });
  const refused = new LRUCache<string, Kept<Problem>>({ max: 5_000 });
  const programs = new LRUCache<string, Kept<{ proven: Proven; targets: readonly string[] }>>({ max: 20_000 });

  return {
    prove: (text, target) => (isProgramToken(text) ? proveProgramToken(text, target) : proveSigned(text)),
  };

  function proveSigned(text: string): Proven | Promise<Proven> {
    const digest = sha256Hex(text);
    const nowMs = clock.now();
    const known = verified.get(digest);
    if (known !== undefined && isGood(known, nowMs)) return known.value;
    const problem = refused.get(digest);
    if (problem !== undefined && isGood(problem, nowMs)) throw problem.value;
    return verifyAndKeep(text, digest, nowMs);
  }

  async function verifyAndKeep(text: string, digest: string, nowMs: number): Promise<Proven> {
    const version = keysVersion();
    try {
      const proven = await verify(text, nowMs);
      const untilMs = Math.min(nowMs + VERIFIED_MS, proven.credential.expiresAtMs ?? 0);
      if (!proven.isHeld) verified.set(digest, { value: proven, untilMs, version });
      return proven;
    } catch (error) {
      // Only what time cannot mend is remembered: neither our own doubt, nor a token that becomes valid.
      if (error instanceof Problem && error.kind === 'unauthenticated' && error.code !== 'TOKEN_NOT_YET_VALID') {
        refused.set(digest, { value: error, untilMs: nowMs + REFUSED_MS, version });
      }
      throw error;
    }
  }

  async function verify(text: string, nowMs: number): Promise<Proven> {
    const token = parseToken(text);
    const source = byIssuer.get(token.issuer);
    if (source === undefined) throw unauthenticated('TOKEN_ISSUER', 'the token is from an issuer that is not configured');
    const { who, issuedAtMs, expiresAtMs, isExpired } = await source.prove(token, nowMs);
    const review = source.review;
    return {
      who,
      credential: { kind: 'bearer', id: token.id, issuedAtMs, expiresAtMs, viaCookie: false },
      isHeld: isExpired,
      ...(review === undefined ? {} : { review: () => review(token) }),
    };
  }

  async function proveProgramToken(text: string, target: string): Promise<Proven> {
    const digest = sha256Hex(text);
    const nowMs = clock.now();
    let known = programs.get(digest);
    if (known === undefined || !isGood(known, nowMs)) {
      const version = keysVersion();
      const details = await programTokens.find(text);
      if (details === undefined) {
        throw unauthenticated(
          'TOKEN_UNKNOWN',
          'the token is not known here, or has ended',
          'make a new one with `fairlead token`',
        );
      }
      const { id, issuedAtMs, expiresAtMs, ancestors } = details;
      const credential: Credential = { kind: 'program_token', id, issuedAtMs, expiresAtMs, viaCookie: false, ancestors };
      const who = await directory.refreshed(details.caller, issuedAtMs);
      const untilMs = Math.min(nowMs + VERIFIED_MS, expiresAtMs);
      known = { value: { proven: { who, credential, isHeld: false }, targets: details.targets }, untilMs, version };
      programs.set(digest, known);
    }
    const { proven, targets } = known.value;
    if (targets.length > 0 && !targets.includes(target)) {
      throw unauthenticated('TOKEN_AUDIENCE', 'the token was made for another target');
    }
    return proven;
  }

  /** One number for all sources: it only grows, and a change means that something may be verified otherwise. */
  function keysVersion(): number {
    return sources.reduce((sum, source) => sum + source.keysVersion(), 0);
  }

  function isGood(kept: Kept<unknown>, nowMs: number): boolean {
    return nowMs < kept.untilMs && kept.version === keysVersion();
  }
}

interface Kept<T> {
  readonly value: T;
  readonly untilMs: number;
  readonly version: number;
}
