import type { Clock, Store } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import { sha256Hex } from './digest.ts';
import { readLogoutToken, wrong } from './logout-token.ts';
import type { OidcSource } from './oidc-source.ts';
import type { ProviderLogout } from './port.ts';
import type { SessionBook } from './session.ts';

const USED_KIND = 'logout-used';

/** Sign-outs that a provider tells of by itself: OpenID Connect Back-Channel Logout 1.0. */
export function createProviderLogout(options: {
  readonly sources: readonly OidcSource[];
  readonly sessions: SessionBook;
  readonly store: Store;
  readonly clock: Clock;
}): ProviderLogout {
  const { sessions, store, clock } = options;
  const sources = new Map(options.sources.map((source) => [source.name, source]));

  return {
    async accept({ source: name, logoutToken }) {
      const source = sources.get(name);
      if (source === undefined) {
        throw new Problem({ code: 'LOGIN_SOURCE_UNKNOWN', kind: 'not_found', message: 'there is no such identity source' });
      }
      const { issuer, clientId, algorithms, clockSkew, maxLifetime } = source.config;
      const rules = {
        issuer,
        audience: [clientId],
        algorithms,
        skewMs: clockSkew,
        maxLifetimeMs: maxLifetime,
        keys: source.keys,
      };
      const { subject, session, id, expiresAtMs } = await readLogoutToken(logoutToken, rules, clock.now());
      const used = sha256Hex(`${name}\n${id}`);
      if ((await store.get(USED_KIND, used)) === true) throw wrong('it was used before');
      const ended = await sessions.endAtProvider({ source: name, subject, session });
      // Only now: a provider that got no answer sends the same token again, and to end twice is to end once.
      await store.put(USED_KIND, used, true, { expiresAtMs: expiresAtMs + clockSkew });
      return ended;
    },
  };
}
