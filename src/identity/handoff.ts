import { z } from 'zod';
import type { Clock, Randomness, Store } from '../core/ports.ts';
import { queryValue } from '../wire/query.ts';
import { isRandomText, isSameText, randomText, sha256Base64url, sha256Hex } from './digest.ts';
import { knownCaller, withoutPeer, withPeer } from './known-caller.ts';
import type { Credential, Handoff } from './port.ts';
import { invalid, revoked } from './refusal.ts';
import { localPathOrRoot } from './return-to.ts';
import type { RevocationBook } from './revocation.ts';
import type { SessionBook } from './session.ts';
import { clearStateCookie, keepStateCookie, readStateCookie } from './state-cookie.ts';

/** On the control origin. */
export const HANDOFF_PATH = '/login/handoff';
/** On a target origin. */
export const REDEEM_PATH = '/.fairlead/session';
const KIND = 'handoff';
const CODE_MS = 60_000;

const stored = z.strictObject({
  origin: z.string(),
  challenge: z.string(),
  returnTo: z.string(),
  caller: knownCaller,
  authenticatedAtMs: z.number(),
  endsAtMs: z.number(),
  parent: z.string(),
});

/**
 * Sends a browser from a target's origin to the control origin and back with a one-time code. The code is worth nothing in another
 * browser: the target's origin set a state cookie before, of which the control origin only saw the hash.
 */
export function createHandoff(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly sessions: SessionBook;
  readonly revocations: RevocationBook;
  readonly controlOrigin: string;
  /** Origins of the configured targets: nothing else is ever redirected to. */
  readonly isTargetOrigin: (origin: string) => boolean;
}): Handoff {
  const { store, clock, randomness, sessions, revocations, controlOrigin, isTargetOrigin } = options;

  return {
    begin({ origin, returnTo, head }) {
      const { value, setCookie } = keepStateCookie(head, origin, randomness);
      const query = new URLSearchParams({ to: origin, challenge: sha256Base64url(value), return: localPathOrRoot(returnTo) });
      return { location: `${controlOrigin}${HANDOFF_PATH}?${query}`, setCookie };
    },
    async issue({ query, caller, credential }) {
      const origin = queryValue(query, 'to');
      const challenge = queryValue(query, 'challenge');
      if (origin === undefined || !isTargetOrigin(origin) || challenge === undefined || !isRandomText(challenge)) throw wrong();
      if (credential.kind !== 'session' || credential.expiresAtMs === undefined) throw wrong();
      const code = randomText(randomness);
      const value = {
        origin,
        challenge,
        returnTo: localPathOrRoot(queryValue(query, 'return')),
        caller: withoutPeer(caller),
        authenticatedAtMs: credential.issuedAtMs,
        endsAtMs: credential.expiresAtMs,
        parent: credential.id,
      };
      await store.put(KIND, sha256Hex(code), value, { expiresAtMs: clock.now() + CODE_MS });
      return { location: `${origin}${REDEEM_PATH}?code=${code}` };
    },
    async redeem({ origin, head }) {
      const code = queryValue(head.query, 'code');
      const cookie = readStateCookie(head, origin);
      if (code === undefined || !isRandomText(code) || cookie === undefined) throw wrong();
      const value = await store.take(KIND, sha256Hex(code));
      if (value === undefined || value === null) throw wrong();
      const { challenge, returnTo, caller, authenticatedAtMs, endsAtMs, parent, ...rest } = stored.parse(value);
      if (rest.origin !== origin || !isSameText(challenge, sha256Base64url(cookie))) throw wrong();
      const credential: Credential = { kind: 'session', id: parent, issuedAtMs: authenticatedAtMs, viaCookie: true };
      if (revocations.isRevoked(withPeer(caller, { address: '' }), credential)) throw revoked();
      const previous = sessions.cookieValue(head, origin);
      const started = await sessions.start({
        origin,
        caller,
        authenticatedAtMs,
        parent,
        absoluteEndMs: endsAtMs,
        ...(previous === undefined ? {} : { previous }),
      });
      return { location: `${origin}${returnTo}`, setCookies: [started.setCookie, clearStateCookie(origin)] };
    },
  };
}

function wrong(): Error {
  return invalid('HANDOFF_INVALID', 'this sign-in link was used already, is too old, or belongs to another browser', {
    hint: 'open the page that you wanted again',
  });
}
