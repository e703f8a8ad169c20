import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientSecretFile, type IdentityProvider, startIdentityProvider } from './identity-provider.ts';
import { keepSecret } from './secret-file.ts';

const CONTROL = 'http://127.0.0.1:18444';
const VERIFIER = 'v'.repeat(64);

let folder = '';
let provider: IdentityProvider;
let nowMs = Date.now();
const errors: unknown[] = [];

function start(port = 0): Promise<IdentityProvider> {
  return startIdentityProvider({
    port,
    folder,
    controlOrigin: CONTROL,
    now: () => nowMs,
    randomBytes,
    onError: (error) => errors.push(error),
  });
}
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-idp-'));
  provider = await start();
});
afterAll(async () => {
  await provider.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A browser without scripts: keeps cookies by name and path, follows nothing by itself. */
function browser() {
  const jar = new Map<string, { readonly value: string; readonly path: string }>();
  return async (url: string, init: RequestInit = {}): Promise<Response> => {
    const target = new URL(url, provider.issuer);
    const cookie = [...jar]
      .filter(([, { path }]) => target.pathname === path || target.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(target, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, ...(cookie === '' ? {} : { cookie }) },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ');
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      const path = attributes.find((text) => text.startsWith('path='))?.slice(5) ?? '/';
      if (value === '') jar.delete(name);
      else jar.set(name, { value, path });
    }
    return response;
  };
}

function authorizeUrl(extra: Readonly<Record<string, string>> = {}): string {
  const challenge = createHash('sha256').update(VERIFIER).digest('base64url');
  const parameters = {
    client_id: 'fairlead',
    response_type: 'code',
    redirect_uri: `${CONTROL}/login/callback/acme`,
    scope: 'openid email profile groups',
    state: 's',
    nonce: 'n',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  };
  return `/oidc/auth?${new URLSearchParams({ ...parameters, ...extra })}`;
}

function form(fields: Readonly<Record<string, string>>): RequestInit {
  return { method: 'POST', body: new URLSearchParams(fields) };
}

function passwordOf(email: string): string {
  return provider.people.find((person) => person.email === email)?.password ?? '';
}

/** Walks from the authorization request to the code; yields the callback's parameters. */
async function signIn(
  visit: ReturnType<typeof browser>,
  email: string,
  extra: Readonly<Record<string, string>> = {},
): Promise<URLSearchParams> {
  const started = await visit(authorizeUrl(extra));
  const page = started.headers.get('location') ?? '';
  expect((await visit(page)).status).toBe(200);
  let response = await visit(page, form({ email, password: passwordOf(email) }));
  for (let hop = 0; hop < 3 && response.status === 303; hop++) {
    const location = response.headers.get('location') ?? '';
    if (location.startsWith(CONTROL)) return new URL(location).searchParams;
    response = await visit(location);
  }
  throw new Error(`no callback: ${response.status} ${response.headers.get('location')} ${await response.text()}`);
}

async function redeem(code: string, extra: Readonly<Record<string, string>> = {}): Promise<Record<string, string>> {
  const secret = keepSecret(clientSecretFile(folder), () => '');
  const response = await fetch(`${provider.issuer}/oidc/token`, {
    ...form({
      grant_type: 'authorization_code',
      code,
      redirect_uri: `${CONTROL}/login/callback/acme`,
      code_verifier: VERIFIER,
      ...extra,
    }),
    headers: { authorization: `Basic ${Buffer.from(`fairlead:${secret}`).toString('base64')}` },
  });
  return (await response.json()) as Record<string, string>;
}

describe('the identity provider', () => {
  it('signs a person in by a form and puts e-mail and groups into the ID token', async () => {
    const callback = await signIn(browser(), 'ada@acme.example');
    expect(callback.get('state')).toBe('s');
    expect(callback.get('iss')).toBe(provider.issuer);
    const tokens = await redeem(callback.get('code') ?? '');
    const keys = createRemoteJWKSet(new URL(`${provider.issuer}/oidc/jwks`));
    const { payload } = await jwtVerify(tokens['id_token'] ?? '', keys, { issuer: provider.issuer, audience: 'fairlead' });
    expect(payload).toMatchObject({
      sub: 'ada@acme.example',
      email: 'ada@acme.example',
      email_verified: true,
      groups: ['data-engineers'],
      nonce: 'n',
    });
  });

  it('gives an access token that is a JWT for Fairlead when that is asked for', async () => {
    const resource = { resource: 'urn:fairlead' };
    const callback = await signIn(browser(), 'lee@acme.example', resource);
    const tokens = await redeem(callback.get('code') ?? '', resource);
    expect(decodeJwt(tokens['access_token'] ?? '')).toMatchObject({
      aud: 'fairlead',
      client_id: 'fairlead',
      email: 'lee@acme.example',
      groups: ['data-leads', 'platform'],
    });
  });

  it('remembers who signed in, so that a second application asks nothing', async () => {
    const visit = browser();
    await signIn(visit, 'vic@acme.example');
    const again = await visit(authorizeUrl());
    expect(again.headers.get('location')).toMatch(/^http:\/\/127\.0\.0\.1:18444\/login\/callback\/acme\?code=/);
  });

  it('shows a page that runs no script and can be filled in by anybody', async () => {
    const visit = browser();
    const page = (await visit(authorizeUrl())).headers.get('location') ?? '';
    const response = await visit(page);
    const html = await response.text();
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(html).not.toMatch(/<script|\son\w+=/i);
    expect(html).toContain('<html lang="en">');
    for (const id of ['email', 'password']) expect(html).toContain(`<label for="${id}">`);
    const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? '';
    expect(response.headers.get('content-security-policy')).toContain(
      `'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    );
  });

  it('says so when the password is wrong, repeats what was typed as text, and lets nobody in', async () => {
    const visit = browser();
    const page = (await visit(authorizeUrl())).headers.get('location') ?? '';
    const response = await visit(page, form({ email: '"><script>alert(1)</script>', password: passwordOf('ada@acme.example') }));
    const html = await response.text();
    expect(response.status).toBe(401);
    expect(html).toContain('role="alert"');
    expect(html).not.toContain('<script');
    expect((await visit(page, form({ email: 'ada@acme.example', password: '' }))).status).toBe(401);
    expect((await visit(page, form({ email: 'vic@acme.example', password: passwordOf('ada@acme.example') }))).status).toBe(401);
  });

  it('slows guessing down, and forgets after a minute', async () => {
    const visit = browser();
    const page = (await visit(authorizeUrl())).headers.get('location') ?? '';
    let status = 0;
    for (let index = 0; index < 25; index++)
      status = (await visit(page, form({ email: 'ada@acme.example', password: 'guess' }))).status;
    expect(status).toBe(429);
    expect((await visit(page, form({ email: 'ada@acme.example', password: passwordOf('ada@acme.example') }))).status).toBe(429);
    nowMs += 61_000;
    expect((await visit(page, form({ email: 'ada@acme.example', password: passwordOf('ada@acme.example') }))).status).toBe(303);
  });

  it('answers a form only in the browser that began the sign-in', async () => {
    const page = (await browser()(authorizeUrl())).headers.get('location') ?? '';
    const other = await browser()(page, form({ email: 'ada@acme.example', password: passwordOf('ada@acme.example') }));
    expect(other.status).toBe(400);
    expect(await other.text()).toContain('This sign-in has ended');
  });

  it('refuses forms that are too long or no forms', async () => {
    const visit = browser();
    const page = (await visit(authorizeUrl())).headers.get('location') ?? '';
    expect((await visit(page, form({ email: 'x'.repeat(5_000) }))).status).toBe(400);
    expect((await visit(page, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })).status).toBe(400);
    expect((await visit(page, { method: 'PUT' })).status).toBe(405);
  });

  it('asks for PKCE, knows one client, and sends a code nowhere else', async () => {
    const noPkce = await browser()(authorizeUrl({ code_challenge: '', code_challenge_method: '' }));
    expect(noPkce.headers.get('location')).toContain('error=invalid_request');
    const elsewhere = await browser()(authorizeUrl({ redirect_uri: 'http://127.0.0.1:1/steal' }));
    expect(elsewhere.status).toBe(400);
    expect(elsewhere.headers.get('content-type')).toContain('text/html');
    expect((await browser()(authorizeUrl({ client_id: 'other' }))).status).toBe(400);
    const callback = await signIn(browser(), 'ada@acme.example');
    expect(await redeem(callback.get('code') ?? '', { code_verifier: 'w'.repeat(64) })).toMatchObject({ error: 'invalid_grant' });
  });

  it('signs out by a form and sends the person back', async () => {
    const visit = browser();
    const callback = await signIn(visit, 'ada@acme.example');
    const tokens = await redeem(callback.get('code') ?? '');
    const parameters = new URLSearchParams({ id_token_hint: tokens['id_token'] ?? '', post_logout_redirect_uri: `${CONTROL}/` });
    const page = await visit(`/oidc/sign-out?${parameters}`);
    const html = await page.text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
    const action = new URL(/action="([^"]+)"/.exec(html)?.[1] ?? '', provider.issuer).pathname;
    const done = await visit(action, form({ xsrf, logout: 'yes' }));
    expect(done.headers.get('location')).toBe(`${CONTROL}/`);
    expect((await visit(authorizeUrl())).headers.get('location')).toContain('/oidc/interaction/');
  });

  it('binds its cookies to its own path, since ports do not separate cookies', async () => {
    const response = await browser()(authorizeUrl());
    const cookies = response.headers.getSetCookie();
    expect(cookies.length).toBeGreaterThan(0);
    for (const cookie of cookies) expect(cookie).toMatch(/; path=\/oidc\/.*; samesite=lax; httponly/);
  });

  it('answers to its own address alone', async () => {
    const { port } = new URL(provider.issuer);
    const status = await new Promise<number>((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, path: '/', headers: { host: 'evil.example' } }, (response) =>
        resolve(response.statusCode ?? 0),
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(421);
  });

  it('keeps keys and passwords across a restart, readable by their owner alone', async () => {
    const callback = await signIn(browser(), 'ada@acme.example');
    const tokens = await redeem(callback.get('code') ?? '');
    const { issuer, people } = provider;
    await provider.close();
    // Until this process has noticed that its kept connections are gone.
    await sleep(50);
    provider = await start(Number(new URL(issuer).port));
    expect(provider.people).toEqual(people);
    const keys = createRemoteJWKSet(new URL(`${issuer}/oidc/jwks`));
    await jwtVerify(tokens['id_token'] ?? '', keys, { issuer, audience: 'fairlead' });
    for (const name of ['passwords.txt', 'people-key.json', 'workload-key.json', 'client-secret', 'cookie-secret']) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
  });
});

describe('the workload issuer', () => {
  it('mints tokens as a cluster does, which verify by discovery', async () => {
    const { workloads } = provider;
    const discovery = (await (await fetch(`${workloads.issuer}/.well-known/openid-configuration`)).json()) as Record<
      string,
      string
    >;
    expect(discovery['issuer']).toBe(workloads.issuer);
    const token = await workloads.mint({ namespace: 'demo', serviceAccount: 'worker', ttlSeconds: 60 });
    const keys = createRemoteJWKSet(new URL(discovery['jwks_uri'] ?? ''));
    const { payload } = await jwtVerify(token, keys, {
      issuer: workloads.issuer,
      audience: 'fairlead',
      currentDate: new Date(nowMs),
    });
    expect(payload.sub).toBe('system:serviceaccount:demo:worker');
    expect(payload['kubernetes.io']).toMatchObject({
      namespace: 'demo',
      serviceaccount: { name: 'worker', uid: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
    const again = decodeJwt(await workloads.mint({ namespace: 'demo', serviceAccount: 'worker', ttlSeconds: 60 }));
    expect(again['kubernetes.io']).toEqual(payload['kubernetes.io']);
    expect(again.jti).not.toBe(payload.jti);
  });

  it('mints nothing over HTTP and nothing with a name or a life that a cluster would not give', async () => {
    for (const path of ['/workloads', '/workloads/token', '/workloads/mint']) {
      expect((await fetch(`${provider.issuer}${path}`, { method: 'POST' })).status).toBe(404);
    }
    const { mint } = provider.workloads;
    await expect(mint({ namespace: 'demo:x', serviceAccount: 'worker', ttlSeconds: 60 })).rejects.toThrow('lower case');
    await expect(mint({ namespace: 'demo', serviceAccount: 'worker', ttlSeconds: 0 })).rejects.toThrow('lives for');
    await expect(mint({ namespace: 'demo', serviceAccount: 'worker', ttlSeconds: Number.NaN })).rejects.toThrow('lives for');
  });
});
