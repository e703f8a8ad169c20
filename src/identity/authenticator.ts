import type { OperationClass } from '../core/access.ts';
import type { Caller, Peer } from '../core/caller.ts';
import { anonymousCaller, subjectText } from '../core/caller.ts';
import type { Health, Log } from '../core/ports.ts';
import { asProblem, Problem } from '../core/problem.ts';
import type { BearerTokens, Proven } from './bearer.ts';
import { withPeer } from './known-caller.ts';
import { checkOrigin } from './origin-check.ts';
import type { Authenticator, Credential, Identified, IdentifyInput, KnownCaller } from './port.ts';
import { ambiguous, revoked, unauthenticated } from './refusal.ts';
import type { RevocationBook } from './revocation.ts';
import { type SessionBook, sessionCredential } from './session.ts';
import type { IdentitySource } from './source.ts';
import { MAX_TOKEN_CHARS } from './token.ts';

export interface AuthenticatorOptions {
  readonly sources: readonly IdentitySource[];
  readonly tokens: BearerTokens;
  readonly sessions: SessionBook;
  readonly revocations: RevocationBook;
  readonly log: Log;
  readonly health: Health;
  /** Whether a whole Authorization value is the target's own configured secret; must compare in constant time. */
  readonly sharedSecret?: ((target: string, authorization: string) => boolean) | undefined;
}

/** Says who calls: by one bearer token, or by this origin's own session cookie, or nobody. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { tokens, sessions, revocations, log, health } = options;
  const sources = new Map(options.sources.map((source) => [source.name, source]));
  const reviews = new WeakMap<Credential, NonNullable<Proven['review']>>();
  /** Workloads that went on calling with an expired token, until they show a good one. */
  const expired = new Map<string, Set<string>>();

  return {
    identify: (input) => guarded(() => identify(input)),
    identifyToken: (token, { peer, target }) => guarded(() => byToken(token, target, peer)),
    async confirm(identified, operationClass) {
      if (identified.kind !== 'caller' || !REVIEWED.has(operationClass)) return undefined;
      try {
        return await reviews.get(identified.credential)?.();
      } catch (error) {
        return asProblem(error, 'IDENTITY_UNAVAILABLE');
      }
    },
  };

  function identify(input: IdentifyInput): Identified | Promise<Identified> {
    const { head, peer, target, origin } = input;
    const authorizations = head.headers.getAll('authorization');
    const cookies = sessions.cookieValues(head, origin);
    if (authorizations.length + cookies.length > 1) throw ambiguous();
    const [authorization] = authorizations;
    if (authorization !== undefined) {
      if (options.sharedSecret?.(target, authorization) === true) return bySharedSecret(target, peer);
      return byToken(bearerOf(authorization), target, peer);
    }
    const [cookie] = cookies;
    return cookie === undefined ? { kind: 'anonymous', caller: anonymousCaller(peer) } : bySession(cookie, input);
  }

  function byToken(token: string, target: string, peer: Peer): Identified | Promise<Identified> {
    const proven = tokens.prove(token, target);
    return proven instanceof Promise ? proven.then((late) => admitProven(late, peer)) : admitProven(proven, peer);
  }

  function admitProven(proven: Proven, peer: Peer): Identified {
    const admitted = admit(proven.who, proven.credential, peer);
    if (proven.isHeld) {
      noteExpired(proven.who);
      return { kind: 'refused', held: true, problem: unauthenticated('TOKEN_EXPIRED', "the workload's token has expired") };
    }
    if (expired.size > 0) noteRenewed(proven.who);
    if (proven.review !== undefined) reviews.set(proven.credential, proven.review);
    return admitted;
  }

  async function bySession(cookie: string, { head, peer, origin }: IdentifyInput): Promise<Identified> {
    const session = await sessions.find(cookie, origin);
    if (session === undefined) throw unauthenticated('SESSION_ENDED', 'the session has ended', 'sign in again');
    const admitted = admit(session.caller, sessionCredential(session), peer);
    checkOrigin(head, origin);
    return admitted;
  }

  /** The last gate for every credential, cached or not: is its source still configured, may it still name the subject, is it revoked? */
  function admit(who: KnownCaller, credential: Credential, peer: Peer): Identified {
    const source = sources.get(who.source);
    if (source?.owns(who.subject) !== true) {
      throw unauthenticated('CREDENTIAL_SOURCE_GONE', 'the identity source of the credential no longer vouches for it');
    }
    const caller: Caller = withPeer(who, peer);
    if (revocations.isRevoked(caller, credential)) throw revoked();
    return { kind: 'caller', caller, credential, disclose: source.disclose };
  }

  async function guarded(work: () => Identified | Promise<Identified>): Promise<Identified> {
    try {
      return await work();
    } catch (error) {
      const problem = error instanceof Problem ? error : asProblem(error, 'IDENTITY_UNAVAILABLE');
      if (problem !== error) log.error('identity.failed', { error: error instanceof Error ? error.message : 'unknown' });
      return { kind: 'refused', problem };
    }
  }

  function noteExpired(who: KnownCaller): void {
    const names = expired.get(who.source) ?? new Set();
    expired.set(who.source, names);
    const name = subjectText(who.subject);
    if (names.has(name) || names.size >= 1_000) return;
    names.add(name);
    log.error('identity.workload_token_expired', { source: who.source, workload: name });
    reportExpired(who.source, names);
  }

  function noteRenewed(who: KnownCaller): void {
    const names = expired.get(who.source);
    if (names?.delete(subjectText(who.subject)) !== true) return;
    if (names.size === 0) expired.delete(who.source);
    reportExpired(who.source, names);
  }

  function reportExpired(source: string, names: ReadonlySet<string>): void {
    const [first] = names;
    const rest = names.size > 1 ? ` and ${names.size - 1} more` : '';
    if (first === undefined) health.set(`identity:${source}:tokens`, 'ok');
    else health.set(`identity:${source}:tokens`, 'degraded', `expired token of ${first}${rest}: their calls are held`);
  }
}

/** Classes for which a cluster's live word is asked. */
const REVIEWED: ReadonlySet<OperationClass> = new Set<OperationClass>(['write', 'act', 'secret', 'invoke']);

/** RFC 6750 §2.1; the scheme's name in any case (RFC 9110 §11.1). */
function bearerOf(authorization: string): string {
  if (authorization.length > MAX_TOKEN_CHARS + 16) throw unreadable();
  const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?: +([A-Za-z0-9\-._~+/]+=*))? *$/.exec(authorization);
  const [, scheme, token] = match ?? [];
  if (scheme !== undefined && scheme.toLowerCase() !== 'bearer') {
    throw unauthenticated(
      'SCHEME_UNSUPPORTED',
      'the Authorization scheme is not accepted here',
      'send `Authorization: Bearer TOKEN`',
    );
  }
  if (token === undefined) throw unreadable();
  return token;
}

function unreadable(): Problem {
  return unauthenticated('TOKEN_MALFORMED', 'the bearer token cannot be read');
}

/** Nobody is named by a secret that many share: the caller is the secret itself (POLICY: granted nothing when enforcing). */
function bySharedSecret(target: string, peer: Peer): Identified {
  const caller: Caller = { ...anonymousCaller(peer), subject: { kind: 'shared_secret', target } };
  const credential: Credential = { kind: 'bearer', id: `shared-secret:${target}`, issuedAtMs: 0, viaCookie: false };
  return { kind: 'caller', caller, credential, disclose: 'none' };
}
