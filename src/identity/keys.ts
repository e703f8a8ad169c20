import { importJWK, type JWK } from 'jose';
import { z } from 'zod';
import type { Clock, Health, Log } from '../core/ports.ts';
import type { Secret } from '../core/secret.ts';
import { type Algorithm, KEY_SHAPE } from './algorithm.ts';
import { discover } from './discovery.ts';
import type { JsonFetch } from './json-fetch.ts';
import { identityUnavailable } from './refusal.ts';

/** Keys are read again in the background from this age on … */
const REFRESH_MS = 5 * 60_000;
/** … and before use from this one. */
const FRESH_MS = 10 * 60_000;
/** While the issuer does not answer, keys serve until this age; then nothing is verified any more. */
export const STALE_LIMIT_MS = 4 * 3_600_000;
/** At most one fetch begins in this time, whatever tokens arrive. */
export const COOLDOWN_MS = 10_000;
/** The same while there are no keys at all: an issuer that starts after us is found soon. */
const FIRST_COOLDOWN_MS = 1_000;
/** How far an issuer's clock may be ahead when keys are compared with a token's `iat`. */
const SKEW_MS = 30_000;
const MAX_KEYS = 100;
const MAX_TRIED = 8;

export interface WantedKey {
  readonly kid: string | undefined;
  readonly algorithm: Algorithm;
  /** `iat` of the token, unverified; only used to tell "no such key" from "not known yet". */
  readonly issuedAtMs: number;
}

export interface IssuerKeys {
  /**
   * Keys that may have signed; empty when the issuer surely has no such key. Problem `IDENTITY_UNAVAILABLE` (fault) when it cannot
   * be told: no keys at all, keys too old, or a key that may be newer than the last fetch.
   */
  candidates(wanted: WantedKey): Promise<readonly CryptoKey[]>;
  /** Changes when the published keys do: what was verified under another version is verified again. */
  version(): number;
}

export interface IssuerKeysOptions {
  readonly source: string;
  readonly issuer: string;
  readonly origins: readonly string[];
  readonly jwksUri?: string | undefined;
  /** Sent with each fetch: a cluster's keys are not public everywhere. */
  readonly bearer?: (() => Promise<Secret>) | undefined;
  readonly fetchJson: JsonFetch;
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
}

interface KeySet {
  readonly keys: readonly JWK[];
  readonly text: string;
  /** When the fetch began: a key published later is not in it. */
  readonly asOfMs: number;
}

/** The public keys of one issuer, found by discovery and kept; one fetch at a time, one per cool-down. */
export function createIssuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const { clock } = options;
  let current: KeySet | undefined;
  let versionNumber = 0;
  let running: Promise<void> | undefined;
  let lastBeganMs = Number.NEGATIVE_INFINITY;
  let lastError: unknown;
  const imported = new WeakMap<JWK, Map<Algorithm, Promise<CryptoKey | undefined>>>();

  return {
    version: () => versionNumber,
    async candidates(wanted) {
      const askedAtMs = clock.now();
      const ageMs = current === undefined ? Number.POSITIVE_INFINITY : askedAtMs - current.asOfMs;
      // While the issuer is down, calls are not made to wait for each further attempt: old keys serve until their limit.
      const mustWait = current === undefined || (ageMs >= FRESH_MS && lastError === undefined) || ageMs >= STALE_LIMIT_MS;
      if (mustWait) await refresh();
      else if (ageMs >= REFRESH_MS) void refresh();
      const first = await look(wanted, askedAtMs, Number.POSITIVE_INFINITY);
      if (first !== undefined) return first;
      await refresh();
      const second = await look(wanted, askedAtMs, wanted.issuedAtMs);
      if (second !== undefined) return second;
      throw identityUnavailable(options.source, lastError);
    },
  };

  /** The keys found, an empty list when there surely is none, undefined when that cannot be told. */
  async function look(wanted: WantedKey, askedAtMs: number, issuedAtMs: number): Promise<readonly CryptoKey[] | undefined> {
    const set = usable();
    const keys = await Promise.all(select(set.keys, wanted).map((key) => importKey(key, wanted.algorithm)));
    const good = keys.filter((key) => key !== undefined);
    return good.length > 0 || surelyUnknown(set, askedAtMs, issuedAtMs) ? good : undefined;
  }

  /** Joins the fetch under way, or begins one unless the cool-down forbids it. Never rejects: what counts is `current`. */
  function refresh(): Promise<void> {
    if (running !== undefined) return running;
    if (clock.now() - lastBeganMs < (current === undefined ? FIRST_COOLDOWN_MS : COOLDOWN_MS)) return Promise.resolve();
    lastBeganMs = clock.now();
    running = load(lastBeganMs)
      .then(keep, fail)
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  async function load(asOfMs: number): Promise<KeySet> {
    const bearer = options.bearer === undefined ? undefined : (await options.bearer()).reveal();
    const { fetchJson, issuer, origins } = options;
    const jwksUri = options.jwksUri ?? (await discover({ issuer, origins, fetchJson, bearer })).jwks_uri;
    const answer = await fetchJson(jwksUri, bearer === undefined ? {} : { bearer });
    if (answer.status !== 200) throw new Error(`the key set answered with status ${answer.status}`);
    const keys = readKeySet(answer.body);
    return { keys, text: JSON.stringify(keys), asOfMs };
  }

  function keep(loaded: KeySet): void {
    if (loaded.text !== current?.text) versionNumber += 1;
    // Equal sets keep their key objects, which the imported ones hang on.
    current = loaded.text === current?.text ? { ...loaded, keys: current.keys } : loaded;
    lastError = undefined;
    options.health.set(`identity:${options.source}`, 'ok');
  }

  function fail(error: unknown): void {
    lastError = error;
    const reason = error instanceof Error ? error.message : 'unknown';
    options.log.warn('identity.keys_unavailable', { source: options.source, reason, haveKeys: current !== undefined });
    options.health.set(`identity:${options.source}`, current === undefined ? 'failed' : 'degraded', `keys: ${reason}`);
  }

  function usable(): KeySet {
    if (current === undefined || clock.now() - current.asOfMs >= STALE_LIMIT_MS)
      throw identityUnavailable(options.source, lastError);
    return current;
  }

  /**
   * INVARIANT: a token signed by a key that the issuer published before signing is never refused as unknown. Either the keys were
   * fetched after this token reached us, or after it was issued; a forger gains nothing by lying about `iat` but another answer.
   */
  function surelyUnknown(set: KeySet, askedAtMs: number, issuedAtMs: number): boolean {
    return set.asOfMs >= askedAtMs || set.asOfMs > issuedAtMs + SKEW_MS;
  }

  /** A CryptoKey is bound to one algorithm. A broken key is left out, as if it were not published. */
  function importKey(key: JWK, algorithm: Algorithm): Promise<CryptoKey | undefined> {
    const known = imported.get(key) ?? new Map<Algorithm, Promise<CryptoKey | undefined>>();
    imported.set(key, known);
    const found = known.get(algorithm);
    if (found !== undefined) return found;
    const promise = importJWK(key, algorithm).then(
      (value) => (value instanceof Uint8Array ? undefined : value),
      () => undefined,
    );
    known.set(algorithm, promise);
    return promise;
  }
}

const jwks = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) });

const publicKey = z.object({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  kid: z.string().max(256).optional(),
  use: z.string().optional(),
  alg: z.string().optional(),
  key_ops: z.array(z.string()).optional(),
  crv: z.string().optional(),
  n: z.string().optional(),
  e: z.string().optional(),
  x: z.string().optional(),
  y: z.string().optional(),
});

/** Public members of the keys that can verify; unknown kinds, symmetric and broken entries are left out (RFC 7517 §5). */
function readKeySet(body: unknown): readonly JWK[] {
  const parsed = jwks.safeParse(body);
  if (!parsed.success) throw new Error(`the key set is not a list of at most ${MAX_KEYS} keys`);
  return parsed.data.keys.flatMap((key) => {
    const read = publicKey.safeParse(key);
    if (!read.success) return [];
    const { use, key_ops: operations } = read.data;
    if ((use !== undefined && use !== 'sig') || (operations !== undefined && !operations.includes('verify'))) return [];
    return [Object.fromEntries(Object.entries(read.data).filter(([name]) => name !== 'key_ops')) as JWK];
  });
}

function select(keys: readonly JWK[], wanted: WantedKey): readonly JWK[] {
  const shape = KEY_SHAPE[wanted.algorithm];
  return keys
    .filter((key) => key.kty === shape.kty && (shape.crv === undefined || key.crv === shape.crv))
    .filter((key) => key.alg === undefined || key.alg === wanted.algorithm || (key.kty === 'OKP' && isEdwards(key.alg)))
    .filter((key) => wanted.kid === undefined || key.kid === wanted.kid)
    .slice(0, MAX_TRIED);
}

function isEdwards(algorithm: string): boolean {
  return algorithm === 'EdDSA' || algorithm === 'Ed25519';
}
