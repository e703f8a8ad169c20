import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { ADA, type ControlGateway, controlGateway, GRACE } from '../../test/support/control-gateway.ts';
import { freePort } from '../../test/support/ports.ts';
import { oidcEntry } from '../identity/fixture.ts';
import { startProvider } from '../identity/provider-fixture.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
let gateway: ControlGateway | undefined;
afterEach(() => gateway?.close());

const statusOf = async (at: ControlGateway, cookie: string) => (await at.send('/api/v1/whoami', { headers: { cookie } })).status;

describe('REV-2: the logout of a real provider', () => {
  it.each([true, false])('ends the sign-in here, on the server, streams included (session named: %s)', async (namesSession) => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const logout = { uri: `${origin}/login/logout/okta`, namesSession };
    const provider = await startProvider(`${origin}/login/callback/okta`, { logout });
    onTestFinished(() => provider.close());
    const entry = oidcEntry(provider.issuer);
    const secret = { clientSecret: { secret: 'file:///run/client' }, scopes: ['openid', 'email', 'groups'] };
    const source = { ...entry, oidc: { ...(entry['oidc'] as object), ...secret } };
    gateway = await controlGateway({ origin, port, source });
    const at = gateway;
    const signIn = async () => {
      const begun = await at.send('/login/okta', { headers: { host: `127.0.0.1:${port}` } });
      const state = begun.setCookies[0]?.split(';')[0] ?? '';
      const back = await provider.authorize(begun.location);
      const done = await at.send(`${back.pathname}${back.search}`, { headers: { cookie: state, host: `127.0.0.1:${port}` } });
      return done.setCookies.map((one) => one.split(';')[0] ?? '').find((one) => /^fl_[0-9a-f]{16}=./.test(one)) ?? '';
    };
    const whoami = async (cookie: string) =>
      (await at.send('/api/v1/whoami', { headers: { cookie, host: `127.0.0.1:${port}` } })).status;
    const other = await signIn();
    const cookie = await signIn();
    expect([await whoami(other), await whoami(cookie)]).toEqual([200, 200]);
    const cut: unknown[] = [];
    at.identity.revocations.onRevoked((isRevoked) => cut.push(isRevoked));
    await provider.signOut();
    const end = performance.now() + 1_000;
    while ((await whoami(cookie)) === 200 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
    // By its session the provider means one browser, by its person all of theirs.
    expect([await whoami(cookie), await whoami(other)]).toEqual([401, namesSession ? 200 : 401]);
    expect(cut).toHaveLength(namesSession ? 1 : 2);
    expect(at.record.events.filter(({ type }) => type === 'session.ended')).toHaveLength(namesSession ? 1 : 2);
    // Who signs in anew is in again.
    at.clock.nowMs += 1;
    expect(await whoami(await signIn())).toBe(200);
  });
});

describe('REV-2: a logout token at the control origin', () => {
  async function setUp() {
    gateway = await controlGateway();
    const at = gateway;
    let jti = 0;
    const token = (claims: Record<string, unknown>) => {
      jti += 1;
      const standing = { jti: `j-${jti}`, events: { [EVENT]: {} } };
      return at.provider.issuer.sign({ ...standing, ...claims }, { header: { typ: 'logout+jwt' } });
    };
    const post = (body: string, path = '/login/logout/okta', type = 'application/x-www-form-urlencoded') =>
      at.send(path, { method: 'POST', body, headers: { 'content-type': type } });
    const tell = async (claims: Record<string, unknown>) => post(`logout_token=${await token(claims)}`);
    return { at, token, post, tell };
  }

  it('ends the session that it names and no other, and is answered 200 also when there is none', async () => {
    const { at, tell } = await setUp();
    const first = await at.signIn({ ...ADA, sid: 's-1' });
    const second = await at.signIn({ ...ADA, sid: 's-2' });
    const answer = await tell({ sid: 's-1' });
    expect([answer.status, answer.text, answer.headers['cache-control']]).toEqual([200, '', 'no-store']);
    expect([await statusOf(at, first.cookie), await statusOf(at, second.cookie)]).toEqual([401, 200]);
    expect((await tell({ sid: 's-9' })).status).toBe(200);
    expect((await tell({ sid: 's-2', sub: 'u-other' })).status).toBe(200);
    expect(await statusOf(at, second.cookie)).toBe(200);
    expect(at.record.events.filter(({ type }) => type === 'session.ended')).toEqual([
      expect.objectContaining({ caller: 'user:ada@acme.example', detail: expect.objectContaining({ source: 'okta' }) }),
    ]);
  });

  it('ends all of a person by its subject, at no other person and for good', async () => {
    const { at, tell } = await setUp();
    const cookies = [await at.signIn(ADA), await at.signIn({ ...ADA, sid: 's-1' })].map(({ cookie }) => cookie);
    const grace = await at.signIn(GRACE);
    expect((await tell({ sub: ADA.sub })).status).toBe(200);
    for (const cookie of cookies) expect(await statusOf(at, cookie)).toBe(401);
    expect(await statusOf(at, grace.cookie)).toBe(200);
  });

  it('also ends a sign-in that is still under way', async () => {
    const { at, tell } = await setUp();
    const begun = await at.begin({ ...ADA, sid: 's-1' });
    expect((await tell({ sid: 's-1' })).status).toBe(200);
    const done = await at.send(begun.callback, { headers: { cookie: begun.cookie } });
    expect(done.json()).toMatchObject({ code: 'CREDENTIAL_REVOKED' });
    expect(done.setCookies.filter((one) => /^__Host-fl_[0-9a-f]{16}=[^;]/.test(one))).toEqual([]);
    at.clock.nowMs += 1;
    expect(await statusOf(at, (await at.signIn({ ...ADA, sid: 's-1' })).cookie)).toBe(200);
  });

  it('is taken once', async () => {
    const { at, token, post } = await setUp();
    const text = `logout_token=${await token({ sub: ADA.sub })}`;
    expect((await post(text)).status).toBe(200);
    at.clock.nowMs += 1;
    const { cookie } = await at.signIn(ADA);
    expect((await post(text)).json()).toMatchObject({ status: 400, code: 'LOGOUT_TOKEN_INVALID' });
    expect(await statusOf(at, cookie)).toBe(200);
  });

  it('is read strictly, and what is wrong ends nothing', async () => {
    const { at, token, post } = await setUp();
    const { cookie } = await at.signIn(ADA);
    const good = `logout_token=${await token({ sub: ADA.sub })}`;
    const forged = `logout_token=${await token({ sub: ADA.sub, nonce: 'n' })}`;
    const codes = [
      [await post(forged), 'LOGOUT_TOKEN_INVALID'],
      [await post('logout_token=x'), 'LOGOUT_TOKEN_INVALID'],
      [await post(''), 'BODY_INVALID'],
      [await post(`${good}&${good}`), 'BODY_INVALID'],
      [await post(good, '/login/logout/okta', 'application/json'), 'BODY_TYPE_UNSUPPORTED'],
      [await post(good, '/login/logout/nowhere'), 'LOGIN_SOURCE_UNKNOWN'],
      [await post(`logout_token=${'a'.repeat(70_000)}`), 'BODY_TOO_LARGE'],
    ] as const;
    for (const [answer, code] of codes) expect(answer.json()).toMatchObject({ code });
    expect((await at.send('/login/logout/okta', { headers: { cookie } })).status).toBe(404);
    expect(await statusOf(at, cookie)).toBe(200);
  });
});
