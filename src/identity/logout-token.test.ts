import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Problem } from '../core/problem.ts';
import { signingKey, type TestClock, type TestIssuer, testClock, testHealth, testIssuer, testLog } from './fixture.ts';
import { createJsonFetch } from './json-fetch.ts';
import { createIssuerKeys } from './keys.ts';
import { readLogoutToken } from './logout-token.ts';
import type { TokenRules } from './token.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

let clock: TestClock;
let issuer: TestIssuer;
let rules: TokenRules;
beforeAll(async () => {
  clock = testClock();
  issuer = await testIssuer(clock);
  const parts = { fetchJson: createJsonFetch(), clock, log: testLog(), health: testHealth() };
  const keys = createIssuerKeys({ source: 'okta', issuer: issuer.issuer, origins: [], ...parts });
  const times = { skewMs: 30_000, maxLifetimeMs: 3_600_000 };
  rules = { issuer: issuer.issuer, audience: ['fairlead'], algorithms: ['ES256'], keys, ...times };
});
afterAll(() => issuer.close());

const sign = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = { typ: 'logout+jwt' }) =>
  issuer.sign({ sub: 'u-1', sid: 's-1', jti: 'j-1', events: { [EVENT]: {} }, ...claims }, { header });
const read = async (claims?: Record<string, unknown>, header?: Record<string, unknown>) =>
  readLogoutToken(await sign(claims, header), rules, clock.now());

describe('REV-2: a logout token', () => {
  it('names a person, a session of the provider, or both', async () => {
    const expiresAtMs = clock.now() + 600_000;
    expect(await read()).toEqual({ subject: 'u-1', session: 's-1', id: 'j-1', expiresAtMs });
    expect(await read({ sub: undefined })).toEqual({ subject: undefined, session: 's-1', id: 'j-1', expiresAtMs });
    expect(await read({ sid: undefined })).toEqual({ subject: 'u-1', session: undefined, id: 'j-1', expiresAtMs });
    for (const header of [{ typ: 'JWT' }, { typ: 'application/logout+jwt' }, {}]) expect((await read({}, header)).id).toBe('j-1');
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>?]>([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for another client', { aud: 'grafana' }],
    ['without an audience', { aud: undefined }],
    ['with a nonce, as an ID token has one', { nonce: 'n' }],
    ['without events, as an ID token is', { events: undefined }],
    ['with an empty event list', { events: {} }],
    ['with another event', { events: { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': {} } }],
    ['with an event that is no object', { events: { [EVENT]: true } }],
    ['with events as a list', { events: [EVENT] }],
    ['without jti', { jti: undefined }],
    ['with an empty jti', { jti: '' }],
    ['that names nobody', { sub: undefined, sid: undefined }],
    ['with a subject that is no text', { sub: 1 }],
    ['with a session that is no text beside a subject', { sid: ['s-1'] }],
    ['without iat', { iat: undefined }],
    ['without exp', { exp: undefined }],
    ['that has expired', { iat: 1_600_000_000, exp: 1_600_000_100 }],
    ['from the future', { iat: 4_000_000_000, exp: 4_000_000_100 }],
    ['that is an access token', {}, { typ: 'at+jwt' }],
  ])('%s is refused', async (_what, claims, header) => {
    await expect(read(claims, header)).rejects.toMatchObject({ code: 'LOGOUT_TOKEN_INVALID', kind: 'invalid', status: 400 });
  });

  it('is refused with another signature or algorithm', async () => {
    const other = await signingKey('k1');
    const forged = await issuer.sign({ sub: 'u-1', jti: 'j', events: { [EVENT]: {} } }, { key: other });
    const [, body] = (await sign()).split('.');
    const none = `${Buffer.from('{"alg":"none","typ":"logout+jwt"}').toString('base64url')}.${body}.`;
    for (const token of [forged, none, `${await sign()}A`]) {
      await expect(readLogoutToken(token, rules, clock.now())).rejects.toMatchObject({ code: 'LOGOUT_TOKEN_INVALID' });
    }
    await expect(readLogoutToken(await sign(), { ...rules, algorithms: ['RS256'] }, clock.now())).rejects.toMatchObject({
      code: 'LOGOUT_TOKEN_INVALID',
    });
  });

  it('is in doubt, never refused, while the keys cannot be had', async () => {
    const away = await testIssuer(clock);
    await away.close();
    const parts = { fetchJson: createJsonFetch(), clock, log: testLog(), health: testHealth() };
    const keys = createIssuerKeys({ source: 'okta', issuer: away.issuer, origins: [], ...parts });
    await expect(readLogoutToken(await sign(), { ...rules, keys }, clock.now())).rejects.toMatchObject({
      code: 'IDENTITY_UNAVAILABLE',
      kind: 'fault',
    });
  });

  it('ends in a statement or a known Problem, whatever the text is', async () => {
    const [head = '', body = '', signature = ''] = (await sign()).split('.');
    const part = fc.oneof(fc.constantFrom(head, body, signature, ''), fc.base64String(), fc.string());
    const text = fc.oneof(
      fc.string(),
      fc.tuple(part, part, part).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (given) => {
        try {
          expect((await readLogoutToken(given, rules, clock.now())).id).toBe('j-1');
        } catch (thrown) {
          if (!(thrown instanceof Problem)) throw thrown;
          expect(thrown.code).toBe('LOGOUT_TOKEN_INVALID');
        }
      }),
    );
  });
});
