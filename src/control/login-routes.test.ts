import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADA,
  CANARY,
  CONTROL,
  type ControlGateway,
  controlGateway,
  GRACE,
  HOST,
  TARGET,
} from '../../test/support/control-gateway.ts';

let gateway: ControlGateway;
beforeAll(async () => {
  gateway = await controlGateway();
});
afterAll(() => gateway.close());

const whoami = async (cookie: string) => (await gateway.send('/api/v1/whoami', { headers: { cookie } })).status;

describe('sign-in', () => {
  it('goes from a page through the provider and back to that page', async () => {
    const id = '018f0000-0000-7000-8000-000000000000';
    const first = await gateway.send(`/why/${id}`);
    expect(first).toMatchObject({ status: 303, location: `${CONTROL}/login?return=%2Fwhy%2F${id}` });
    const choice = await gateway.send(first.location.slice(CONTROL.length));
    expect(choice).toMatchObject({ status: 303, location: `${CONTROL}/login/okta?return=%2Fwhy%2F${id}` });
    const { done, cookie } = await gateway.signIn(ADA, { returnTo: `/why/${id}` });
    expect(done).toMatchObject({ status: 303, location: `${CONTROL}/why/${id}` });
    expect(await whoami(cookie)).toBe(200);
    expect(gateway.record.events.at(-1)).toMatchObject({ type: 'session.started', caller: 'user:ada@acme.example' });
  });

  it('SESS-1: ends the session that the browser held before, and never keeps a planted name', async () => {
    const before = await gateway.signIn(ADA);
    const after = await gateway.signIn(ADA, { cookie: before.cookie });
    expect(after.cookie).not.toBe(before.cookie);
    expect(await whoami(before.cookie)).toBe(401);
    expect(await whoami(after.cookie)).toBe(200);

    const planted = `${after.cookie.split('=')[0]}=${'p'.repeat(43)}`;
    const fixed = await gateway.signIn(ADA, { cookie: planted });
    expect(fixed.cookie).not.toBe(planted);
    expect(await whoami(planted)).toBe(401);
  });

  it('CSRF-1: comes back to this origin only', async () => {
    const elsewhere = [
      '//evil.example',
      '/\\evil.example',
      '\\\\evil.example',
      'https:evil.example',
      'https://evil.example/',
      '/%2f/evil.example',
      '/.//evil.example',
      'javascript:alert(1)',
      `${CONTROL}@evil.example`,
      '@evil.example',
      '/\tx//evil.example',
      ' //evil.example',
    ];
    for (const returnTo of elsewhere) {
      const choice = await gateway.send(`/login?${new URLSearchParams({ return: returnTo })}`);
      expect(new URL(choice.location).origin, returnTo).toBe(CONTROL);
      const { done } = await gateway.signIn(ADA, { returnTo });
      expect(new URL(done.location).origin, returnTo).toBe(CONTROL);
      expect(done.location.slice(CONTROL.length), returnTo).not.toMatch(/^\/[/\\]/);
    }
  });

  it('CSRF-2: takes a state once, only in the browser that began, and always with PKCE and a nonce', async () => {
    const { done, callback, stateCookie } = await gateway.signIn(ADA);
    expect(done.status).toBe(303);
    const { searchParams } = gateway.provider.authorized.at(-1) ?? new URL('http://none');
    expect(searchParams.get('code_challenge_method')).toBe('S256');
    expect(searchParams.get('code_challenge')).toMatch(/^[\w-]{43}$/);
    expect(searchParams.get('nonce')).toBeTruthy();

    const noSession = (answer: { setCookies: readonly string[] }) =>
      expect(answer.setCookies.filter((one) => /^__Host-fl_[0-9a-f]{16}=[^;]/.test(one))).toEqual([]);
    const again = await gateway.send(callback, { headers: { cookie: stateCookie } });
    expect(again.status).toBeGreaterThanOrEqual(400);
    noSession(again);

    const begun = await gateway.begin(GRACE);
    const elsewhere = await gateway.send(begun.callback);
    expect(elsewhere.status).toBe(400);
    noSession(elsewhere);

    const other = await gateway.begin(ADA);
    const state = new URLSearchParams(other.callback.split('?')[1]).get('state') ?? '';
    const swapped = begun.callback.replace(/state=[^&]*/, `state=${encodeURIComponent(state)}`);
    const mixed = await gateway.send(swapped, { headers: { cookie: other.cookie } });
    expect(mixed.status).toBeGreaterThanOrEqual(400);
    noSession(mixed);
  });

  it('SESS-5: leaves nothing but HttpOnly, Secure cookies, and no token of the provider in any of them', async () => {
    const { done, cookie } = await gateway.signIn(ADA);
    for (const one of done.setCookies) expect(one).toMatch(/; Path=\/;.*Secure; HttpOnly; SameSite=Lax$/);
    const home = await gateway.send('/', { headers: { cookie } });
    for (const text of [done.location, ...done.setCookies, home.text]) {
      expect(text).not.toContain(CANARY);
      expect(text).not.toMatch(/eyJ[\w-]{10,}\./);
    }
    expect(home.text).not.toMatch(/<script|localStorage/i);
  });

  it('says what went wrong on a page with the id under which the record holds it', async () => {
    const failed = await gateway.send('/login/callback/okta?code=x&state=y', { headers: { accept: 'text/html' } });
    expect(failed.status).toBe(400);
    expect(failed.text).toContain('began in another browser');
    const id = String(failed.headers['x-fairlead-decision']);
    expect(failed.text).toContain(id);
    expect(gateway.record.refusals.at(-1)).toMatchObject({ id, code: 'LOGIN_STATE_INVALID', door: 'control' });
  });
});

describe('sign-out', () => {
  it('SESS-4: ends the session on the server, so that a kept cookie opens nothing', async () => {
    const { cookie } = await gateway.signIn(ADA);
    const out = await gateway.send('/logout', { method: 'POST', headers: { cookie, origin: CONTROL } });
    expect(out).toMatchObject({ status: 303, location: `${CONTROL}/` });
    expect(out.setCookies[0]).toMatch(/^__Host-fl_[0-9a-f]{16}=; .*Max-Age=0/);
    expect(await whoami(cookie)).toBe(401);
    expect((await gateway.send('/decisions', { headers: { cookie } })).status).toBe(303);
    expect(gateway.record.events.at(-1)).toMatchObject({ type: 'session.ended' });
  });

  it('CSRF-6: happens by POST from a page of this origin alone', async () => {
    const { cookie } = await gateway.signIn(ADA);
    expect((await gateway.send('/logout', { headers: { cookie } })).status).toBe(404);
    const foreign = await gateway.send('/logout', { method: 'POST', headers: { cookie, origin: 'https://evil.example' } });
    expect(foreign.status).toBe(403);
    expect((await gateway.send('/logout', { method: 'POST', headers: { cookie } })).status).toBe(403);
    expect(await whoami(cookie)).toBe(200);
  });
});

describe('the sign-in of a command', () => {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const asked = `/login/cli?${new URLSearchParams({ port: '53001', challenge, state: 's'.repeat(22), label: 'fairlead on <b>box</b>' })}`;

  it('asks first; the command gets a code, and for the code and its verifier a token that works', async () => {
    expect((await gateway.send(asked)).location).toContain(`${CONTROL}/login?return=`);
    const { cookie } = await gateway.signIn(ADA);
    const page = await gateway.send(asked, { headers: { cookie } });
    expect(page.status).toBe(200);
    expect(page.text).toContain('fairlead on &#60;b&#62;box&#60;/b&#62;');
    expect(page.headers['content-security-policy']).toContain("form-action 'self' http://127.0.0.1:53001;");

    const approved = await gateway.send(asked, { method: 'POST', headers: { cookie, origin: CONTROL } });
    const url = new URL(approved.location);
    expect(url.origin).toBe('http://127.0.0.1:53001');
    expect([...url.searchParams.keys()].sort()).toEqual(['code', 'state']);

    const code = url.searchParams.get('code') ?? '';
    const wrong = await gateway.send('/api/v1/login/exchange', { method: 'POST', body: { code, verifier: 'x'.repeat(43) } });
    expect(wrong.json()).toMatchObject({ status: 400, code: 'CLI_LOGIN_INVALID' });

    const second = await gateway.send(asked, { method: 'POST', headers: { cookie, origin: CONTROL } });
    const good = await gateway.send('/api/v1/login/exchange', {
      method: 'POST',
      body: { code: new URL(second.location).searchParams.get('code'), verifier },
    });
    const made = good.json() as { token: string; subject: string };
    expect(made).toMatchObject({ subject: 'user:ada@acme.example', token: expect.stringMatching(/^pnu_/) });
    const me = await gateway.send('/api/v1/whoami', { headers: { authorization: `Bearer ${made.token}` } });
    expect(me.json()).toMatchObject({ subject: 'user:ada@acme.example', credential: { kind: 'program_token' } });
  });

  it('SESS-6: puts no token into any URL, also not of a deep link', async () => {
    const { cookie, done, callback } = await gateway.signIn(ADA, { returnTo: asked });
    const approved = await gateway.send(asked, { method: 'POST', headers: { cookie, origin: CONTROL } });
    const sessionValue = cookie.split('=')[1] ?? '-';
    for (const url of [done.location, callback, approved.location, ...gateway.provider.authorized.map(String)]) {
      expect(url).not.toContain(sessionValue);
      expect(url).not.toMatch(/pn[ub]_[A-Za-z0-9_-]{43}|eyJ[A-Za-z0-9_-]{20,}\.|access_token|id_token=/);
    }
  });

  it('CSRF-6: is not approved by opening the link, nor from a page elsewhere, nor by a token', async () => {
    const { cookie } = await gateway.signIn(ADA);
    const kept = gateway.store.text();
    await gateway.send(asked, { headers: { cookie } });
    const posts = [{ cookie, origin: 'https://evil.example' }, { cookie }, { cookie, origin: 'null' }];
    for (const headers of posts) expect((await gateway.send(asked, { method: 'POST', headers })).status).toBe(403);
    expect(gateway.store.text()).toBe(kept);
    const token = await tokenOf(cookie);
    const authorization = `Bearer ${token}`;
    expect((await gateway.send(asked, { method: 'POST', headers: { authorization } })).status).toBe(400);
  });
});

describe('the hand-over to a target', () => {
  it('sends a signed-in browser to a configured origin alone, with a one-time code', async () => {
    const { cookie } = await gateway.signIn(ADA);
    const query = (to: string) => new URLSearchParams({ to, challenge: 'c'.repeat(43), return: '/x' });
    const good = await gateway.send(`/login/handoff?${query(TARGET)}`, { headers: { cookie } });
    expect(good.status).toBe(303);
    expect(good.location).toMatch(new RegExp(`^${TARGET}/\\.fairlead/session\\?code=[\\w-]{43}$`));
    const evil = await gateway.send(`/login/handoff?${query('https://evil.example')}`, { headers: { cookie } });
    expect(evil).toMatchObject({ status: 400, location: '' });
    const nobody = await gateway.send(`/login/handoff?${query(TARGET)}`);
    expect(new URL(nobody.location).pathname).toBe('/login');
    expect(new URL(nobody.location).searchParams.get('return')).toMatch(/^\/login\/handoff\?to=/);
  });
});

async function tokenOf(cookie: string): Promise<string> {
  const made = await gateway.send('/api/v1/tokens', {
    method: 'POST',
    headers: { cookie, origin: CONTROL, host: HOST },
    body: {},
  });
  return (made.json() as { token: string }).token;
}
