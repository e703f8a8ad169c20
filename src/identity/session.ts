import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { subjectText } from '../core/caller.ts';
import type { Clock, Log, Randomness, Store } from '../core/ports.ts';
import type { RequestHead } from '../wire/call.ts';
import { parseCookies, serializeSetCookie } from '../wire/cookie.ts';
import type { SessionsConfig } from './config.ts';
import { sessionCookieName } from './cookie-name.ts';
import { isRandomText, randomText, sha256Hex } from './digest.ts';
import { knownCaller, withoutPeer } from './known-caller.ts';
import type { Credential, KnownCaller, SessionSummary, Sessions } from './port.ts';
import { endKeys, isOfProvider, type ProviderSession } from './provider-session.ts';
import { revoked } from './refusal.ts';
import type { RevocationBook } from './revocation.ts';

const KIND = 'session';
/** When a session was last used, apart from the session itself: a late note of use can then never bring back one that was ended. */
const USE_KIND = 'session-use';
/** A session is not read again for this long; whatever ends here empties the cache at once. */
const CACHED_MS = 5_000;
/** Sign-outs at a provider, for longer than a sign-in may be under way. */
const ENDED_KIND = 'provider-logout';
const ENDED_KEPT_MS = 15 * 60_000;

const stored = z.strictObject({
  origin: z.string(),
  caller: knownCaller,
  authenticatedAtMs: z.number(),
  endsAtMs: z.number(),
  parent: z.string().exactOptional(),
  providerSession: z.string().exactOptional(),
});

export interface Session {
  /** SHA-256 of the cookie's value. */
  readonly id: string;
  readonly origin: string;
  readonly caller: KnownCaller;
  /** When the person proved who they are, which a derived session inherits. */
  readonly authenticatedAtMs: number;
  readonly endsAtMs: number;
  readonly parent?: string;
  readonly providerSession?: string;
}

export interface SessionBook extends Sessions {
  /** The live session of this cookie value on this origin, noted as used; undefined for any other value. */
  find(value: string, origin: string): Promise<Session | undefined>;
  /**
   * Ends what came from sign-ins at one source: of a person there, of one session of the provider, or of both at once. A sign-in that
   * began before and is still under way comes to nothing.
   */
  endAtProvider(whose: ProviderSession): Promise<readonly SessionSummary[]>;
  /** Every value of this origin's own session cookie, in order. */
  cookieValues(head: RequestHead, origin: string): readonly string[];
}

/** Browser sessions, kept on the server: the cookie is a random name for them and says nothing. */
export function createSessions(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Log;
  readonly config: SessionsConfig;
  readonly revocations: RevocationBook;
}): SessionBook {
  const { store, clock, randomness, config, revocations, log } = options;
  /** Uses are written down at most this often. */
  const noteEveryMs = Math.min(60_000, config.idle / 10);
  const cache = new LRUCache<string, Cached>({ max: 10_000 });
  let generation = 0;

  return {
    async start(input) {
      const { origin, authenticatedAtMs, parent, previous, providerSession, absoluteEndMs = Number.POSITIVE_INFINITY } = input;
      if (previous !== undefined && isRandomText(previous)) await end(sha256Hex(previous));
      const value = randomText(randomness);
      const id = sha256Hex(value);
      const nowMs = clock.now();
      const endsAtMs = Math.min(nowMs + config.absolute, absoluteEndMs);
      const caller = withoutPeer(input.caller);
      await store.put(USE_KIND, id, true, { expiresAtMs: Math.min(nowMs + config.idle, endsAtMs) });
      const session = {
        ...{ origin, caller, authenticatedAtMs, endsAtMs },
        ...(parent === undefined ? {} : { parent }),
        ...(providerSession === undefined ? {} : { providerSession }),
      };
      await store.put(KIND, id, session, { expiresAtMs: endsAtMs });
      // INVARIANT: written down before it is looked up here, and there the other way round: one of the two sees the other.
      if (await hasEndedAtProvider({ id, ...session })) {
        await end(id);
        throw revoked();
      }
      return { setCookie: cookie(origin, value), id };
    },
    async find(value, origin) {
      if (!isRandomText(value)) return undefined;
      const id = sha256Hex(value);
      const nowMs = clock.now();
      let known = cache.get(id);
      if (known === undefined || nowMs - known.readAtMs >= CACHED_MS) {
        const readIn = generation;
        const session = await read(id);
        if (session === undefined) return undefined;
        known = { session, readAtMs: nowMs, notedAtMs: known?.notedAtMs ?? 0 };
        if (readIn === generation) cache.set(id, known);
      }
      const { session } = known;
      if (session.origin !== origin || session.endsAtMs <= nowMs) return undefined;
      if (nowMs - known.notedAtMs >= noteEveryMs) {
        known.notedAtMs = nowMs;
        void noteUse(session, nowMs);
      }
      return session;
    },
    async end({ origin, credential }) {
      await end(credential.ancestors?.[0] ?? credential.id);
      await end(credential.id);
      return cookie(origin, undefined);
    },
    async list(subject) {
      const all = (await store.list(KIND)).map(({ key, value }): Session => ({ id: key, ...stored.parse(value) }));
      return (await summaries(all))
        .filter(({ caller }) => subject === undefined || subjectText(caller.subject) === subject)
        .sort((one, other) => one.authenticatedAtMs - other.authenticatedAtMs);
    },
    async endById(id) {
      const value = await store.get(KIND, id);
      if (isAbsent(value)) return false;
      await end(stored.parse(value).parent ?? id);
      return true;
    },
    async endAtProvider(whose) {
      for (const key of endKeys(whose))
        await store.put(ENDED_KIND, key, clock.now(), { expiresAtMs: clock.now() + ENDED_KEPT_MS });
      const all = (await store.list(KIND)).map(({ key, value }): Session => ({ id: key, ...stored.parse(value) }));
      const meant = new Set(all.filter((one) => one.parent === undefined && isOfProvider(one, whose)).map(({ id }) => id));
      const ended = (await summaries(all)).filter(({ id }) => meant.has(id));
      for (const id of meant) await end(id);
      return ended;
    },
    cookieValue(head, origin) {
      const values = cookieValues(head, origin);
      return values.length === 1 ? values[0] : undefined;
    },
    cookieValues,
  };

  /** INVARIANT: a derived session lives only while the one it came from does, so that one sign-out ends them all. */
  async function read(id: string): Promise<Session | undefined> {
    const [value, use] = await Promise.all([store.get(KIND, id), store.get(USE_KIND, id)]);
    if (isAbsent(value) || isAbsent(use)) return undefined;
    const session = { id, ...stored.parse(value) };
    if (session.parent !== undefined && isAbsent(await store.get(KIND, session.parent))) return undefined;
    return session;
  }

  async function summaries(all: readonly Session[]): Promise<readonly SessionSummary[]> {
    const uses = await store.list(USE_KIND);
    return summarise(all, new Map(uses.map(({ key, expiresAtMs = 0 }) => [key, expiresAtMs])));
  }

  async function hasEndedAtProvider(session: Session): Promise<boolean> {
    const { caller, providerSession, authenticatedAtMs, parent } = session;
    if (parent !== undefined) return false;
    const keys = [
      ...endKeys({ source: caller.source, subject: caller.claims['subject'], session: undefined }),
      ...endKeys({ source: caller.source, subject: undefined, session: providerSession }),
    ];
    const ends = await Promise.all(keys.map((key) => store.get(ENDED_KIND, key)));
    return ends.some((endedAtMs) => typeof endedAtMs === 'number' && endedAtMs >= authenticatedAtMs);
  }

  /** Ends a session and, by the invariant, all that came from it; closes their streams. */
  async function end(id: string): Promise<void> {
    forget();
    await store.delete(KIND, id);
    await store.delete(USE_KIND, id);
    forget();
    revocations.endSession(id);
  }

  function forget(): void {
    generation += 1;
    cache.clear();
  }

  /** Not waited for: when it cannot be written, the session merely ends earlier. */
  async function noteUse(session: Session, nowMs: number): Promise<void> {
    try {
      await store.put(USE_KIND, session.id, true, { expiresAtMs: Math.min(nowMs + config.idle, session.endsAtMs) });
    } catch (error) {
      log.warn('identity.session_use_not_noted', { error: error instanceof Error ? error.message : 'unknown' });
    }
  }

  function cookie(origin: string, value: string | undefined): string {
    return serializeSetCookie(sessionCookieName(origin), value ?? '', {
      path: '/',
      secure: origin.startsWith('https:'),
      httpOnly: true,
      sameSite: 'Lax',
      ...(value === undefined ? { maxAgeSeconds: 0 } : {}),
    });
  }
}

/** Each sign-in with what came from it; `uses` says until when a session lives unless it is used again. */
function summarise(all: readonly Session[], uses: ReadonlyMap<string, number>): readonly SessionSummary[] {
  return all.flatMap((root) => {
    if (root.parent !== undefined) return [];
    const live = [root, ...all.filter(({ parent }) => parent === root.id)].filter(({ id }) => uses.has(id));
    if (live.length === 0) return [];
    const { id, caller, authenticatedAtMs, endsAtMs } = root;
    const origins = [...new Set(live.map(({ origin }) => origin))];
    return [
      { id, caller, origins, authenticatedAtMs, endsAtMs, idleEndsAtMs: Math.max(...live.map((one) => uses.get(one.id) ?? 0)) },
    ];
  });
}

interface Cached {
  readonly session: Session;
  readonly readAtMs: number;
  notedAtMs: number;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function cookieValues(head: RequestHead, origin: string): readonly string[] {
  return ownCookies(head, sessionCookieName(origin));
}

/** Every value that a request carries under one cookie name. */
export function ownCookies(head: RequestHead, name: string): readonly string[] {
  const headers = head.headers.getAll('cookie');
  if (headers.length === 0) return headers;
  return headers
    .flatMap((header) => parseCookies(header))
    .filter(([candidate]) => candidate === name)
    .map(([, value]) => value);
}

/** What a session is to revocation and to the record. */
export function sessionCredential(session: Session): Credential {
  return {
    kind: 'session',
    id: session.id,
    issuedAtMs: session.authenticatedAtMs,
    expiresAtMs: session.endsAtMs,
    viaCookie: true,
    ...(session.parent === undefined ? {} : { ancestors: [session.parent] }),
  };
}
