import type { Clock, Log, Randomness, Secrets, Store } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import type { JsonObject } from '../wire/call.ts';
import { queryValue } from '../wire/query.ts';
import { sha256Hex } from './digest.ts';
import type { Directory } from './directory.ts';
import { withPeer } from './known-caller.ts';
import { loginSecrets, openState, sealState } from './login-state.ts';
import type { OidcSource } from './oidc-source.ts';
import { createOpenidClient, type OpenidClient } from './openid-client.ts';
import type { Login } from './port.ts';
import { invalid, revoked, unauthenticated } from './refusal.ts';
import { localPathOrRoot } from './return-to.ts';
import type { RevocationBook } from './revocation.ts';
import { clearStateCookie, keepStateCookie, readStateCookie, STATE_MS } from './state-cookie.ts';
import { parseToken, verifyToken } from './token.ts';

const USED_KIND = 'login-used';

export interface LoginOptions {
  readonly sources: readonly OidcSource[];
  readonly controlOrigin: string;
  readonly store: Store;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Log;
  readonly directory: Directory;
  readonly revocations: RevocationBook;
}

/** Sign-in of people: authorization code flow with PKCE (S256), nonce and a one-time state bound to the browser, always all of them. */
export function createLogin(options: LoginOptions): Login {
  const { controlOrigin, store, clock, randomness, log, directory, revocations } = options;
  const sources = new Map(options.sources.map((source) => [source.name, source]));
  const clients = new Map<string, OpenidClient>();

  return {
    choices: () => options.sources.map(({ name, issuer }) => ({ source: name, issuer })),
    callbackPath,
    async start({ source, returnTo, head }) {
      const client = clientOf(source);
      const { value: cookie, setCookie } = keepStateCookie(head, controlOrigin, randomness);
      const state = sealState({ source, returnTo: localPathOrRoot(returnTo), startedAtMs: clock.now() }, cookie, randomness);
      return { location: await client.authorizationUrl({ state, ...loginSecrets(cookie, state) }), setCookie };
    },
    async finish({ source: name, head }) {
      const source = sourceOf(name);
      const cookie = readStateCookie(head, controlOrigin);
      const state = queryValue(head.query, 'state');
      const known = cookie === undefined || state === undefined ? undefined : openState(state, cookie);
      const nowMs = clock.now();
      if (cookie === undefined || state === undefined || known?.source !== name || known.startedAtMs + STATE_MS <= nowMs)
        throw wrongState();
      const { nonce, verifier } = loginSecrets(cookie, state);
      const answer = await clientOf(name).exchange({ rawQuery: head.rawQuery, state, nonce, verifier });
      const { who, providerSession } = await whoIs(source, answer, nowMs);
      // The provider takes a code once, and we take a state once: neither alone is trusted with it.
      if (!(await store.add(USED_KIND, sha256Hex(state), true, { expiresAtMs: known.startedAtMs + STATE_MS })))
        throw wrongState();
      // A sign-in that was under way when its subject was revoked does not outlive the revocation.
      const started = { kind: 'session', id: '', issuedAtMs: known.startedAtMs, viaCookie: true } as const;
      if (revocations.isRevoked(withPeer(who, { address: '' }), started)) throw revoked();
      await directory.note(who);
      return {
        caller: who,
        authenticatedAtMs: Math.min(known.startedAtMs, nowMs),
        ...(providerSession === undefined ? {} : { providerSession }),
        returnTo: localPathOrRoot(known.returnTo),
        setCookie: clearStateCookie(controlOrigin),
      };
    },
  };

  /** The same reading of the same claims as for bearer tokens: one person, one verdict, whichever way they came. */
  async function whoIs(source: OidcSource, answer: Awaited<ReturnType<OpenidClient['exchange']>>, nowMs: number) {
    const { config, keys } = source;
    const rules = {
      issuer: config.issuer,
      audience: [config.clientId],
      algorithms: config.algorithms,
      skewMs: config.clockSkew,
      maxLifetimeMs: config.maxLifetime,
      keys,
    };
    try {
      const verified = await verifyToken(parseToken(answer.idToken), rules, nowMs);
      if (verified.isExpired) throw unauthenticated('TOKEN_EXPIRED', 'the identity provider sent an expired token');
      const claims = source.isComplete(verified.claims)
        ? verified.claims
        : withMore(verified.claims, await answer.userInfo(verified.subject));
      const sid = verified.claims['sid'];
      return {
        who: source.read({ claims, subject: verified.subject }),
        providerSession: typeof sid === 'string' && sid !== '' && sid.length <= 255 ? sid : undefined,
      };
    } catch (error) {
      const code = error instanceof Problem ? error.code : 'unknown';
      log.warn('identity.login_failed', { source: source.name, code });
      throw error;
    }
  }

  function sourceOf(name: string): OidcSource {
    const source = sources.get(name);
    if (source !== undefined) return source;
    throw new Problem({
      code: 'LOGIN_SOURCE_UNKNOWN',
      kind: 'not_found',
      message: 'there is no such identity source to sign in at',
    });
  }

  function clientOf(name: string): OpenidClient {
    const found = clients.get(name);
    if (found !== undefined) return found;
    const source = sourceOf(name);
    const redirectUri = `${controlOrigin}${callbackPath(name)}`;
    const made = createOpenidClient({ source, redirectUri, secrets: options.secrets, clock, log });
    clients.set(name, made);
    return made;
  }
}

/** The ID token's claims first; an address and the word on whether it is verified stay together. */
function withMore(claims: JsonObject, more: JsonObject): JsonObject {
  const { email_verified: stated, ...others } = claims;
  if (claims['email'] !== undefined || more['email'] === undefined) {
    const { email_verified: _of, ...rest } = more;
    return { ...rest, ...others, ...(stated === undefined ? {} : { email_verified: stated }) };
  }
  return { ...more, ...others };
}

/** One redirect URI per source, so that one provider's answer can never be taken for another's (RFC 9700 §4.4). */
function callbackPath(source: string): string {
  return `/login/callback/${source}`;
}

function wrongState(): Error {
  return invalid('LOGIN_STATE_INVALID', 'this sign-in was used already, took too long, or began in another browser', {
    hint: 'open the page that you wanted again',
  });
}
