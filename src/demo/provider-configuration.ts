import type { Adapter, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Person } from './people.ts';
import { errorPage, PAGE_HEADERS, signedOutPage, signOutPage } from './sign-in-pages.ts';
import type { SigningKey } from './signing-key.ts';

/** Where the pages stand; every cookie of the provider is bound to this path, since ports do not separate cookies. */
export const PROVIDER_PATH = '/oidc';
/** Asked for as `resource`, the access token is a JWT for Fairlead (RFC 8707, RFC 9068). */
export const FAIRLEAD_RESOURCE = 'urn:fairlead';

const SCOPES = 'openid email profile groups';
const HOUR = 3_600;

export interface ProviderOptions {
  readonly people: readonly Person[];
  readonly key: SigningKey;
  /** Signs the provider's cookies. */
  readonly cookieSecret: string;
  readonly clientSecret: string;
  /** Origin of the control pages, where sign-in comes back to. */
  readonly controlOrigin: string;
  readonly memory: (model: string) => Adapter;
  readonly onError: (error: unknown) => void;
}

/** Name of the provider in the demo’s `fairlead.yaml`; its redirect URI ends with it. */
export const PROVIDER_SOURCE = 'acme';

/** Configuration of `oidc-provider`: one confidential client with PKCE, three people, our own pages, nothing for development. */
export function providerConfiguration(options: ProviderOptions): Configuration {
  const { controlOrigin } = options;
  const cookie = { signed: true, httpOnly: true, sameSite: 'lax', overwrite: true } as const;
  return {
    adapter: options.memory,
    jwks: { keys: [options.key.privateJwk] },
    clients: [
      {
        client_id: 'fairlead',
        client_name: 'Fairlead',
        client_secret: options.clientSecret,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: [`${controlOrigin}/login/callback/${PROVIDER_SOURCE}`],
        post_logout_redirect_uris: [
          `${controlOrigin}/`,
          `${controlOrigin}/login`,
          `${controlOrigin}/logout`,
          `${controlOrigin}/signed-out`,
        ],
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    responseTypes: ['code'],
    pkce: { required: () => true },
    scopes: ['openid', 'offline_access', 'email', 'profile', 'groups'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    // Fairlead reads the ID token alone, so what the scopes ask for stands in it.
    conformIdTokenClaims: false,
    findAccount: (_context, id) => {
      const person = options.people.find((candidate) => candidate.email === id);
      if (person === undefined) return undefined;
      return { accountId: id, claims: () => ({ sub: id, ...claimsOf(person) }) };
    },
    extraTokenClaims: (_context, token) => {
      const person = 'accountId' in token ? options.people.find((candidate) => candidate.email === token.accountId) : undefined;
      return person === undefined ? undefined : claimsOf(person);
    },
    loadExistingGrant: grantEverything,
    interactions: { url: (_context, interaction) => `${PROVIDER_PATH}/interaction/${interaction.uid}` },
    routes: {
      authorization: `${PROVIDER_PATH}/auth`,
      token: `${PROVIDER_PATH}/token`,
      jwks: `${PROVIDER_PATH}/jwks`,
      userinfo: `${PROVIDER_PATH}/userinfo`,
      end_session: `${PROVIDER_PATH}/sign-out`,
    },
    cookies: {
      keys: [options.cookieSecret],
      names: { session: 'demo_idp_session', interaction: 'demo_idp_interaction', resume: 'demo_idp_resume' },
      long: { ...cookie, path: PROVIDER_PATH },
      short: cookie,
    },
    ttl: {
      AccessToken: HOUR,
      AuthorizationCode: 60,
      IdToken: HOUR,
      RefreshToken: 24 * HOUR,
      Interaction: HOUR,
      Session: 24 * HOUR,
      Grant: 24 * HOUR,
    },
    features: {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      dPoP: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => show(context, signOutPage(form)),
        postLogoutSuccessSource: (context) => show(context, signedOutPage()),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => [],
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => {
          if (resource !== FAIRLEAD_RESOURCE) throw new Error('the only resource here is urn:fairlead');
          return {
            scope: SCOPES,
            audience: 'fairlead',
            accessTokenFormat: 'jwt',
            accessTokenTTL: HOUR,
            jwt: { sign: { alg: 'ES256' } },
          };
        },
      },
    },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    clientBasedCORS: () => false,
    // The library closes connections to loopback by itself; a demo has nowhere else to go.
    fetch: (url, init) => fetch(url, { ...init, dispatcher: undefined } as RequestInit),
    renderError: (context, out, error) => {
      options.onError(error);
      show(
        context,
        errorPage('Sign-in did not work', `${out.error_description ?? out.error}. Go back to Fairlead and try again.`),
      );
    },
  };
}

function claimsOf(person: Person) {
  return { email: person.email, email_verified: true, name: person.name, groups: [...person.groups] };
}

/** The demo's one client is the demo's own, so nobody is asked to consent. */
async function grantEverything(context: KoaContextWithOIDC) {
  const { client, provider, session } = context.oidc;
  if (client === undefined || session?.accountId === undefined) return undefined;
  const known = session.grantIdFor(client.clientId);
  const existing = known === undefined ? undefined : await provider.Grant.find(known);
  if (existing !== undefined) return existing;
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(`${SCOPES} offline_access`);
  grant.addResourceScope(FAIRLEAD_RESOURCE, SCOPES);
  await grant.save();
  return grant;
}

function show(context: KoaContextWithOIDC, html: string): void {
  context.set({ ...PAGE_HEADERS });
  context.body = html;
}
