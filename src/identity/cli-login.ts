import { z } from 'zod';
import type { Clock, Randomness, Store } from '../core/ports.ts';
import { queryValue } from '../wire/query.ts';
import { isRandomText, isSameText, randomText, sha256Base64url, sha256Hex } from './digest.ts';
import { knownCaller, withoutPeer } from './known-caller.ts';
import type { CliLogin, ProgramTokens } from './port.ts';
import { invalid } from './refusal.ts';

const KIND = 'cli-login';
const CODE_MS = 60_000;

const stored = z.strictObject({
  challenge: z.string(),
  label: z.string(),
  caller: knownCaller,
  credential: z.strictObject({
    kind: z.literal('session'),
    id: z.string(),
    issuedAtMs: z.number(),
    viaCookie: z.boolean(),
    ancestors: z.array(z.string()).exactOptional(),
    expiresAtMs: z.number().exactOptional(),
  }),
});

/**
 * Sign-in of a command through the browser (RFC 8252 §7.3 and RFC 7636): a one-time code goes to a listener on 127.0.0.1, and only
 * the command that holds the verifier can change it into a program token. No token stands in any URL.
 */
export function createCliLogin(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly programTokens: ProgramTokens;
  /** Life of the tokens made here. */
  readonly ttlMs: number;
}): CliLogin {
  const { store, clock, randomness, programTokens, ttlMs } = options;
  return {
    read(query) {
      const port = Number(/^[1-9][0-9]{3,4}$/.exec(queryValue(query, 'port') ?? '')?.[0]);
      const challenge = queryValue(query, 'challenge') ?? '';
      const state = queryValue(query, 'state') ?? '';
      const label = queryValue(query, 'label') ?? '';
      const isGood = port >= 1024 && port <= 65_535 && isRandomText(challenge) && /^[A-Za-z0-9_-]{16,128}$/.test(state);
      if (!isGood || !/^[\x20-\x7e]{0,80}$/.test(label)) throw wrong('the sign-in that the command asked for is not complete');
      return { port, challenge, state, label };
    },
    async approve({ request, caller, credential }) {
      if (credential.kind !== 'session') throw wrong('only a browser session can sign a command in');
      const code = randomText(randomness);
      const { challenge, label, port, state } = request;
      const value = { challenge, label, caller: withoutPeer(caller), credential };
      await store.put(KIND, sha256Hex(code), value, { expiresAtMs: clock.now() + CODE_MS });
      return { location: `http://127.0.0.1:${port}/callback?${new URLSearchParams({ code, state })}` };
    },
    async exchange({ code, verifier }) {
      if (!isRandomText(code) || !/^[A-Za-z0-9\-._~]{43,128}$/.test(verifier)) throw unknownCode();
      const value = await store.take(KIND, sha256Hex(code));
      if (value === undefined || value === null) throw unknownCode();
      const { challenge, label, caller, credential } = stored.parse(value);
      if (!isSameText(challenge, sha256Base64url(verifier))) throw unknownCode();
      return programTokens.mint({ caller, credential, ttlMs, label });
    },
  };
}

function unknownCode(): Error {
  return wrong('the code was used already, is too old, or belongs to another command');
}

function wrong(message: string): Error {
  return invalid('CLI_LOGIN_INVALID', message, { hint: 'run `fairlead login` again' });
}
