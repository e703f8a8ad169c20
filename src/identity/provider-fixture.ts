import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK } from 'jose';
import type Provider from 'oidc-provider';
import type { Configuration } from 'oidc-provider';
import { signingKey } from './fixture.ts';

/** A real OpenID provider on loopback, for tests: one confidential client, one person, sign-in without a page. */
export interface TestProvider {
  readonly issuer: string;
  /** Walks from an authorization URL to the callback that a browser would be sent to. */
  authorize(url: string): Promise<URL>;
  /** Signs out at the provider in the browser that the last `authorize` walked in; resolves when the provider has told its clients. */
  signOut(): Promise<void>;
  close(): Promise<void>;
}

export const CLIENT_SECRET = 'a-client-secret';
/** Audience of access tokens, by resource indicator (RFC 8707). */
export const RESOURCE = 'urn:fairlead';

export interface ProviderOptions {
  /** Where the provider tells of a sign-out, and whether it names its session there. */
  readonly logout?: { readonly uri: string; readonly namesSession: boolean };
}

export async function startProvider(redirectUri: string, options: ProviderOptions = {}): Promise<TestProvider> {
  const { default: OidcProvider } = await import('oidc-provider');
  let provider: Provider | undefined;
  const server = createServer((request, response) => {
    const uid = /^\/interaction\/([\w-]+)$/.exec(request.url ?? '')?.[1];
    if (provider === undefined) response.writeHead(503).end();
    else if (uid === undefined) void provider.callback()(request, response);
    else void provider.interactionFinished(request, response, { login: { accountId: 'u-1' } });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  provider = new OidcProvider(issuer, await configuration(redirectUri, options));
  let cookies = new Map<string, string>();
  const browse = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=');
      cookies.set(name, value);
    }
    return response;
  };
  return {
    issuer,
    async authorize(start) {
      cookies = new Map();
      let url = start;
      for (let step = 0; step < 10; step++) {
        const response = await browse(url);
        const next = response.headers.get('location');
        if (next === null) throw new Error(`no redirect: ${response.status} ${await response.text()}`);
        if (next.startsWith(redirectUri)) return new URL(next);
        url = new URL(next, url).href;
      }
      throw new Error('too many redirects');
    },
    async signOut() {
      const page = await (await browse(`${issuer}/session/end`)).text();
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
      const body = new URLSearchParams({ xsrf, logout: 'yes' });
      const { status } = await browse(`${issuer}/session/end/confirm`, { method: 'POST', body });
      if (status >= 400) throw new Error(`the provider did not sign out: ${status}`);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function configuration(redirectUri: string, { logout }: ProviderOptions): Promise<Configuration> {
  const key = await signingKey('op-1');
  const person = { email: 'ada@acme.example', email_verified: true, name: 'Ada', groups: ['data'] };
  return {
    jwks: { keys: [{ ...(await exportJWK(key.privateKey)), kid: 'op-1', alg: 'ES256', use: 'sig' }] },
    clients: [
      {
        ...{ client_id: 'fairlead', client_secret: CLIENT_SECRET, redirect_uris: [redirectUri] },
        ...(logout && { backchannel_logout_uri: logout.uri, backchannel_logout_session_required: logout.namesSession }),
      },
    ],
    // The library's own connections refuse to go to loopback.
    fetch: (url, init) => fetch(url, { ...init, dispatcher: undefined } as RequestInit),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    pkce: { required: () => true },
    scopes: ['openid', 'email', 'profile', 'groups'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...person }) }),
    extraTokenClaims: () => person,
    async loadExistingGrant(context) {
      const grant = new context.oidc.provider.Grant({ clientId: 'fairlead', accountId: context.oidc.session?.accountId ?? '' });
      grant.addOIDCScope('openid email profile groups');
      grant.addResourceScope(RESOURCE, 'openid');
      await grant.save();
      return grant;
    },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    cookies: { keys: ['for-tests-only'] },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: logout !== undefined },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => [],
        getResourceServerInfo: () => ({
          scope: 'openid',
          audience: 'fairlead',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
}
