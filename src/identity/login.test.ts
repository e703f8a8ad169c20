import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256Base64url } from './digest.ts';
import {
  ADA,
  cookiePair,
  head,
  oidcEntry,
  PEER,
  type Room,
  room,
  signingKey,
  type TestClock,
  type TestIssuer,
  testClock,
  testIssuer,
} from './fixture.ts';
import { CLIENT_SECRET, RESOURCE, startProvider, type TestProvider } from './provider-fixture.ts';

/** Nothing listens here: the tests play the browser. */
const ORIGIN = 'http://127.0.0.1:18444';
const CALLBACK = `${ORIGIN}/login/callback/okta`;
const INVALID_STATE = { code: 'LOGIN_STATE_INVALID', kind: 'invalid', status: 400 };

let clock: TestClock;
let built: Room;

function entry(issuer: string, oidc: Record<string, unknown> = {}): Record<string, unknown> {
  const base = oidcEntry(issuer);
  const secret = { clientSecret: { secret: 'file:///run/client' }, scopes: ['openid', 'email', 'groups'] };
  return { ...base, oidc: { ...(base['oidc'] as object), ...secret, ...oidc } };
}

const open = (issuer: string, oidc: Record<string, unknown> = {}) =>
  room([entry(issuer, oidc)], { clock, controlOrigin: ORIGIN });

async function start(returnTo = '/recent', cookie?: string) {
  const headers = cookie === undefined ? [] : [['cookie', cookie] as const];
  const begun = await built.identity.login.start({ source: 'okta', returnTo, head: head({ headers }) });
  return { url: new URL(begun.location), cookie: cookiePair(begun.setCookie), setCookie: begun.setCookie };
}

function finish(callback: URL, cookie: string | undefined, source = 'okta') {
  const headers = cookie === undefined ? [] : [['cookie', cookie] as const];
  const target = callback.pathname + callback.search;
  return built.identity.login.finish({ source, head: head({ target, headers }) });
}

describe('sign-in at a real provider', () => {
  let provider: TestProvider;
  beforeAll(async () => {
    provider = await startProvider(CALLBACK);
  });
  afterAll(() => provider.close());
  beforeEach(async () => {
    clock = testClock();
    built = await open(provider.issuer);
  });

  it('ends with a verified person, groups from the userinfo endpoint, and the page that was wanted', async () => {
    const { url, cookie } = await start('/recent?all=1');
    expect(await finish(await provider.authorize(url.href), cookie)).toMatchObject({
      caller: {
        subject: { kind: 'user', name: 'ada@acme.example' },
        source: 'okta',
        membership: { groups: ['data'], complete: true },
      },
      returnTo: '/recent?all=1',
      authenticatedAtMs: clock.now(),
      setCookie: expect.stringContaining('Max-Age=0'),
    });
  });

  it('CSRF-2: always carries a PKCE challenge, a nonce and a state, each new', async () => {
    const [first, second] = [await start(), await start()];
    for (const { url } of [first, second]) {
      expect(url.searchParams.get('code_challenge_method')).toBe('S256');
      for (const name of ['code_challenge', 'nonce', 'state'])
        expect(url.searchParams.get(name)?.length).toBeGreaterThanOrEqual(43);
      expect(url.searchParams.get('redirect_uri')).toBe(CALLBACK);
      expect(url.searchParams.get('response_type')).toBe('code');
    }
    for (const name of ['code_challenge', 'nonce', 'state']) {
      expect(first.url.searchParams.get(name)).not.toBe(second.url.searchParams.get(name));
    }
    expect(first.url.searchParams.get('code_challenge')).not.toBe(sha256Base64url(first.cookie.split('=')[1] ?? ''));
  });

  it('CSRF-2: takes a state once', async () => {
    const { url, cookie } = await start();
    const callback = await provider.authorize(url.href);
    await finish(callback, cookie);
    await expect(finish(callback, cookie)).rejects.toMatchObject({ kind: 'unauthenticated' });
    const again = await provider.authorize(url.href);
    await expect(finish(again, cookie)).rejects.toMatchObject(INVALID_STATE);
  });

  it('CSRF-2: takes a callback only from the browser that began, in time, at its own source', async () => {
    const entra = { ...entry('https://entra.example'), name: 'entra', owns: { users: ['*@entra.example'] } };
    built = await room([entry(provider.issuer), entra], { clock, controlOrigin: ORIGIN });
    const { url, cookie } = await start();
    const other = await start();
    const callback = await provider.authorize(url.href);
    await expect(finish(callback, other.cookie)).rejects.toMatchObject(INVALID_STATE);
    await expect(finish(callback, undefined)).rejects.toMatchObject(INVALID_STATE);
    await expect(finish(callback, `${cookie}; ${cookie}`)).rejects.toMatchObject(INVALID_STATE);
    await expect(finish(callback, cookie, 'entra')).rejects.toMatchObject(INVALID_STATE);
    for (const state of ['', 'x', `${callback.searchParams.get('state')}A`, other.url.searchParams.get('state') ?? '']) {
      const changed = new URL(callback);
      changed.searchParams.set('state', state);
      await expect(finish(changed, cookie)).rejects.toMatchObject(INVALID_STATE);
    }
    clock.nowMs += 10 * 60_000;
    await expect(finish(callback, cookie)).rejects.toMatchObject(INVALID_STATE);
  });

  it('CSRF-2: refuses a code that was got in another sign-in of the same browser', async () => {
    const first = await start();
    const second = await start('/b', first.cookie);
    expect(second.cookie).toBe(first.cookie);
    const callback = await provider.authorize(first.url.href);
    callback.searchParams.set('state', second.url.searchParams.get('state') ?? '');
    await expect(finish(callback, first.cookie)).rejects.toMatchObject({ code: 'LOGIN_FAILED', status: 401 });
  });

  it('keeps sign-ins in several tabs apart and whole', async () => {
    const first = await start('/a');
    const second = await start('/b', first.cookie);
    expect((await finish(await provider.authorize(second.url.href), first.cookie)).returnTo).toBe('/b');
    expect((await finish(await provider.authorize(first.url.href), first.cookie)).returnTo).toBe('/a');
  });

  it('refuses an answer that names another issuer', async () => {
    const { url, cookie } = await start();
    const callback = await provider.authorize(url.href);
    callback.searchParams.set('iss', 'https://evil.example');
    await expect(finish(callback, cookie)).rejects.toMatchObject({ code: 'LOGIN_FAILED', kind: 'unauthenticated' });
  });

  it('tells plainly when the provider did not sign the person in', async () => {
    for (const [error, code] of [
      ['access_denied', 'LOGIN_REFUSED'],
      ['<script>', 'LOGIN_REFUSED'],
      ['server_error', 'IDENTITY_UNAVAILABLE'],
    ] as const) {
      const { url, cookie } = await start();
      const callback = new URL(CALLBACK);
      callback.search = new URLSearchParams({
        error,
        error_description: 'a secret',
        state: url.searchParams.get('state') ?? '',
      }).toString();
      callback.searchParams.set('iss', provider.issuer);
      await expect(finish(callback, cookie)).rejects.toMatchObject({ code });
    }
    expect(JSON.stringify(built.log.lines)).not.toMatch(/script|a secret/);
  });

  it('is our own fault when the provider does not know our client secret', async () => {
    built = await room([entry(provider.issuer)], {
      clock,
      controlOrigin: ORIGIN,
      secrets: { read: async () => new (await import('../core/secret.ts')).Secret('wrong') },
    });
    const { url, cookie } = await start();
    await expect(finish(await provider.authorize(url.href), cookie)).rejects.toMatchObject({
      code: 'IDENTITY_UNAVAILABLE',
      kind: 'fault',
    });
  });

  it('REV-1: that was under way when the person was revoked does not end in a session', async () => {
    const { url, cookie } = await start();
    clock.nowMs += 1_000;
    await built.identity.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    clock.nowMs += 1_000;
    await expect(finish(await provider.authorize(url.href), cookie)).rejects.toMatchObject({ code: 'CREDENTIAL_REVOKED' });
    const fresh = await start();
    expect((await finish(await provider.authorize(fresh.url.href), fresh.cookie)).caller.source).toBe('okta');
    await built.identity.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root', block: true });
    clock.nowMs += 60_000;
    const blocked = await start();
    await expect(finish(await provider.authorize(blocked.url.href), blocked.cookie)).rejects.toMatchObject({
      code: 'CREDENTIAL_REVOKED',
    });
  });

  it("SESS-5, SESS-6, SESS-7: leaves none of the provider's tokens in a cookie, an address, the store or the log", async () => {
    const begun = await start();
    const callback = await provider.authorize(begun.url.href);
    const signedIn = await finish(callback, begun.cookie);
    const session = await built.identity.sessions.start({ origin: ORIGIN, ...signedIn });
    const all = [
      begun.setCookie,
      begun.url.href,
      JSON.stringify(signedIn),
      session.setCookie,
      built.store.text(),
      JSON.stringify(built.log.lines),
    ];
    for (const text of all) {
      expect(text).not.toMatch(/eyJ[A-Za-z0-9_-]+\./);
      expect(text).not.toContain(callback.searchParams.get('code'));
      expect(text).not.toContain(CLIENT_SECRET);
    }
    expect(begun.setCookie).toMatch(/; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/);
  });

  it('JWT-7: names the same person with the same groups as an access token of the same provider does', async () => {
    const { url, cookie } = await start();
    const signedIn = await finish(await provider.authorize(url.href), cookie);
    const verifier = 'v'.repeat(43);
    const authorization = new URL(`${provider.issuer}/auth`);
    authorization.search = new URLSearchParams({
      client_id: 'fairlead',
      response_type: 'code',
      redirect_uri: CALLBACK,
      scope: 'openid',
      resource: RESOURCE,
      code_challenge: sha256Base64url(verifier),
      code_challenge_method: 'S256',
    }).toString();
    const code = (await provider.authorize(authorization.href)).searchParams.get('code') ?? '';
    const response = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`fairlead:${CLIENT_SECRET}`)}` },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: CALLBACK,
        code_verifier: verifier,
        resource: RESOURCE,
      }),
    });
    const { access_token: token } = (await response.json()) as { access_token: string };
    const identified = await built.identity.authenticator.identifyToken(token, { peer: PEER, target: 'prefect' });
    if (identified.kind !== 'caller') throw new Error(identified.kind === 'refused' ? identified.problem.code : identified.kind);
    const { subject, membership, source } = identified.caller;
    expect({ subject, membership, source }).toEqual({
      subject: signedIn.caller.subject,
      membership: signedIn.caller.membership,
      source: signedIn.caller.source,
    });
  });

  it('gives the groups of the last sign-in to program tokens made before it', async () => {
    const caller = {
      subject: { kind: 'user', name: 'ada@acme.example' },
      actors: [],
      source: 'okta',
      membership: { groups: ['left-long-ago'], complete: true },
      claims: {},
    } as const;
    const { token } = await built.identity.programTokens.mint({ caller, ttlMs: 3_600_000 });
    const groups = async () => {
      const identified = await built.identity.authenticator.identifyToken(token.reveal(), { peer: PEER, target: 'prefect' });
      return identified.kind === 'caller' ? identified.caller.membership.groups : identified.kind;
    };
    expect(await groups()).toEqual(['left-long-ago']);
    clock.nowMs += 60_000;
    const { url, cookie } = await start();
    await finish(await provider.authorize(url.href), cookie);
    expect(await groups()).toEqual(['data']);
  });
});

describe('sign-in at a provider that lies', () => {
  let issuer: TestIssuer;
  let idToken: (nonce: string) => Promise<string>;
  let userInfo: Record<string, unknown>;
  let tokenAnswer: ((response: ServerResponse) => void) | undefined;
  let metadata: Record<string, unknown>;

  beforeEach(async () => {
    clock = testClock();
    issuer = await testIssuer(clock);
    idToken = (nonce) => issuer.sign({ ...ADA, nonce });
    userInfo = {};
    tokenAnswer = undefined;
    metadata = {};
    issuer.answer = (request, response) => answer(request, response);
    built = await open(issuer.issuer);
    return () => issuer.close();
  });
  let nonce = '';

  function answer(request: IncomingMessage, response: ServerResponse): boolean {
    const json = (body: unknown): boolean => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      return true;
    };
    switch (request.url) {
      case '/.well-known/openid-configuration':
        return json({
          issuer: issuer.issuer,
          jwks_uri: `${issuer.issuer}/keys`,
          authorization_endpoint: `${issuer.issuer}/auth`,
          token_endpoint: `${issuer.issuer}/token`,
          userinfo_endpoint: `${issuer.issuer}/me`,
          id_token_signing_alg_values_supported: ['ES256', 'HS256', 'none'],
          ...metadata,
        });
      case '/token':
        if (tokenAnswer !== undefined) tokenAnswer(response);
        else void idToken(nonce).then((id_token) => json({ access_token: 'opaque', token_type: 'Bearer', id_token }));
        return true;
      case '/me':
        return json({ sub: 'u-1', ...userInfo });
      default:
        return false;
    }
  }

  async function signIn() {
    const { url, cookie } = await start();
    nonce = url.searchParams.get('nonce') ?? '';
    const callback = new URL(CALLBACK);
    callback.search = new URLSearchParams({ code: 'c', state: url.searchParams.get('state') ?? '' }).toString();
    return finish(callback, cookie);
  }

  it('works while it tells the truth', async () => {
    expect((await signIn()).caller.subject).toEqual({ kind: 'user', name: 'ada@acme.example' });
  });

  it.each<[string, () => Promise<string>]>([
    ['CSRF-2: a swapped nonce', () => issuer.sign({ ...ADA, nonce: 'another' })],
    ['CSRF-2: no nonce', () => issuer.sign(ADA)],
    ['JWT-2: another audience', () => issuer.sign({ ...ADA, nonce, aud: 'other' })],
    ['JWT-2: another authorized party', () => issuer.sign({ ...ADA, nonce, aud: ['fairlead', 'x'], azp: 'x' })],
    ['JWT-2: another issuer', () => issuer.sign({ ...ADA, nonce, iss: 'https://evil.example' })],
    ['JWT-1: a foreign signature', async () => issuer.sign({ ...ADA, nonce }, { key: await signingKey('k1') })],
    [
      'JWT-1: no signature',
      async () => `${btoa('{"alg":"none"}').replace(/=+$/, '')}.${(await issuer.sign({ ...ADA, nonce })).split('.')[1]}.`,
    ],
    [
      'JWT-3: an expired token',
      () => issuer.sign({ ...ADA, nonce, iat: clock.now() / 1000 - 900, exp: clock.now() / 1000 - 600 }),
    ],
    ['JWT-6: an address that is not verified', () => issuer.sign({ ...ADA, nonce, email_verified: false })],
    ['JWT-6: an address with two at signs', () => issuer.sign({ ...ADA, nonce, email: 'a@evil.example@acme.example' })],
    ['JWT-2: a person of somebody else', () => issuer.sign({ ...ADA, nonce, email: 'a@partner.example' })],
  ])('refuses %s', async (_what, make) => {
    idToken = make;
    await expect(signIn()).rejects.toMatchObject({ kind: 'unauthenticated', status: 401 });
    expect(built.store.text()).toBe('[]');
  });

  it('refuses userinfo about another person, and takes an address and its verification from one place', async () => {
    idToken = (by) => issuer.sign({ sub: 'u-1', nonce: by, email_verified: true });
    userInfo = { sub: 'u-2', email: 'ada@acme.example' };
    await expect(signIn()).rejects.toMatchObject({ code: 'LOGIN_FAILED' });
    userInfo = { email: 'ada@acme.example', email_verified: false };
    await expect(signIn()).rejects.toMatchObject({ code: 'TOKEN_EMAIL_UNVERIFIED' });
    userInfo = { email: 'ada@acme.example', groups: ['data'] };
    expect((await signIn()).caller.membership).toEqual({ groups: ['data'], complete: true });
  });

  it('does not let userinfo overrule the ID token', async () => {
    idToken = (by) => issuer.sign({ ...ADA, groups: undefined, nonce: by });
    userInfo = { email: 'root@acme.example', groups: ['data'] };
    expect((await signIn()).caller.subject).toEqual({ kind: 'user', name: 'ada@acme.example' });
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['an error of its own', (response) => response.writeHead(500).end('{}')],
    ['no JSON', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('<html>')],
    ['a redirect', (response) => response.writeHead(307, { location: '/elsewhere' }).end()],
    ['a closed connection', (response) => response.destroy()],
    [
      'far too much',
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(`"${'x'.repeat(700_000)}"`),
    ],
  ])('calls it our own fault when the token endpoint answers with %s', async (_what, make) => {
    tokenAnswer = make;
    await expect(signIn()).rejects.toMatchObject({ code: 'IDENTITY_UNAVAILABLE', kind: 'fault', status: 503 });
    expect(issuer.hits).not.toContain('/elsewhere');
  });

  it.each([
    ['the token endpoint', { token_endpoint: 'http://127.0.0.1:9/token' }],
    ['the userinfo endpoint', { userinfo_endpoint: 'http://169.254.169.254/me' }],
    ['the sign-in page in the clear', { authorization_endpoint: 'http://evil.example/auth' }],
    ['a script as sign-in page', { authorization_endpoint: 'javascript:alert(1)' }],
  ])('does not follow discovery to %s elsewhere', async (_what, changed) => {
    metadata = changed;
    await expect(start()).rejects.toMatchObject({ code: 'IDENTITY_UNAVAILABLE' });
  });

  it('follows discovery to an origin that the configuration names', async () => {
    const second = await testIssuer(clock, '/second');
    second.answer = (request, response) => answer(request, response);
    const { origin } = new URL(second.issuer);
    metadata = { token_endpoint: `${origin}/token` };
    built = await open(issuer.issuer, { origins: [origin] });
    expect((await signIn()).caller.source).toBe('okta');
    expect(second.hits).toEqual(['/token']);
    await second.close();
  });

  it('fails clearly for new sign-ins while the provider is away', async () => {
    await issuer.close();
    await expect(start()).rejects.toMatchObject({ code: 'IDENTITY_UNAVAILABLE', kind: 'fault' });
  });
});

describe('several providers', () => {
  it('are a choice, each with a redirect address of its own', async () => {
    clock = testClock();
    const partner = { ...entry('https://partner.example'), name: 'partner', owns: { users: ['*@partner.example'] } };
    built = await room([entry('https://okta.example'), partner], { clock, controlOrigin: ORIGIN });
    const { login } = built.identity;
    expect(login.choices()).toEqual([
      { source: 'okta', issuer: 'https://okta.example' },
      { source: 'partner', issuer: 'https://partner.example' },
    ]);
    expect(login.callbackPath('partner')).toBe('/login/callback/partner');
    await expect(login.start({ source: 'nobody', returnTo: '/', head: head({}) })).rejects.toMatchObject({
      code: 'LOGIN_SOURCE_UNKNOWN',
    });
  });
});
