import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomText } from './digest.ts';
import { randomness } from './fixture.ts';
import { loginSecrets, openState, sealState } from './login-state.ts';

const STATE = { source: 'okta', returnTo: '/recent?secret=1', startedAtMs: 1 };

describe('the state of a sign-in', () => {
  it('opens with the cookie it was made with, and with no other', () => {
    const [cookie, other] = [randomText(randomness), randomText(randomness)];
    const sealed = sealState(STATE, cookie, randomness);
    expect(openState(sealed, cookie)).toEqual(STATE);
    expect(openState(sealed, other)).toBeUndefined();
    expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('secret');
  });

  it('is broken by any change, and by any text that was not made here', () => {
    const cookie = randomText(randomness);
    const sealed = sealState(STATE, cookie, randomness);
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.stringMatching(/^[A-Za-z0-9_-]$/), (at, letter) => {
        const changed = sealed.slice(0, at) + letter + sealed.slice(at + 1);
        expect(openState(changed, cookie)).toEqual(changed === sealed ? STATE : undefined);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(openState(text, cookie)).toBeUndefined();
      }),
    );
  });

  it('gives a verifier and a nonce that nobody can know without the cookie', () => {
    const cookie = randomText(randomness);
    const { verifier, nonce } = loginSecrets(cookie, 'a');
    expect(verifier).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(nonce).not.toBe(verifier);
    expect(loginSecrets(cookie, 'b').verifier).not.toBe(verifier);
    expect(loginSecrets(randomText(randomness), 'a').verifier).not.toBe(verifier);
  });
});
