import { fetch, type RequestInit } from 'undici';
import type { Clock, Log, Secrets } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import type { JsonObject } from '../wire/call.ts';
import { allowedOrigins, discover, isAllowedUrl, type ProviderMetadata } from './discovery.ts';
import { createDispatcher, createJsonFetch } from './json-fetch.ts';
import type { OidcSource } from './oidc-source.ts';
import { identityUnavailable, unauthenticated } from './refusal.ts';

type Library = typeof import('openid-client');
type Configuration = import('openid-client').Configuration;
type ServerMetadata = import('openid-client').ServerMetadata;

const METADATA_MS = 10 * 60_000;
const TIMEOUT_SECONDS = 10;

/** One provider's authorization code flow, over the `openid-client` library (loaded at the first sign-in). */
export interface OpenidClient {
  authorizationUrl(flow: { readonly state: string; readonly nonce: string; readonly verifier: string }): Promise<string>;
  /**
   * Changes the code of a callback into an ID token, which is yet to be verified. Problems: `LOGIN_REFUSED`, `LOGIN_FAILED`
   * (unauthenticated), `IDENTITY_UNAVAILABLE` (fault). No token of the provider leaves this object but the ID token.
   */
  exchange(callback: {
    readonly rawQuery: string;
    readonly state: string;
    readonly nonce: string;
    readonly verifier: string;
  }): Promise<{ readonly idToken: string; userInfo(subject: string): Promise<JsonObject> }>;
}

export function createOpenidClient(options: {
  readonly source: OidcSource;
  readonly redirectUri: string;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
}): OpenidClient {
  const { source, redirectUri, clock, log } = options;
  const { config } = source;
  const fetchJson = createJsonFetch({ caFile: config.caFile });
  const dispatcher = createDispatcher(config.caFile);
  let metadata: { readonly value: ProviderMetadata; readonly readAtMs: number } | undefined;

  return {
    async authorizationUrl({ state, nonce, verifier }) {
      const library = await import('openid-client');
      const server = await configured(library);
      const url = library.buildAuthorizationUrl(server, {
        redirect_uri: redirectUri,
        scope: config.scopes.join(' '),
        state,
        nonce,
        code_challenge: await library.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return url.href;
    },
    async exchange({ rawQuery, state, nonce, verifier }) {
      const library = await import('openid-client');
      const server = await configured(library);
      try {
        const answer = await library.authorizationCodeGrant(server, new URL(`${redirectUri}?${rawQuery}`), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        const { id_token: idToken, access_token: accessToken } = answer;
        if (idToken === undefined) throw unauthenticated('LOGIN_FAILED', 'the identity provider sent no ID token');
        return { idToken, userInfo: (subject) => userInfo(library, server, { accessToken, subject }) };
      } catch (error) {
        throw asLoginProblem(library, error);
      }
    },
  };

  /** Claims that the provider keeps out of ID tokens. Nothing to ask gives none. */
  async function userInfo(
    library: Library,
    server: Configuration,
    { accessToken, subject }: { readonly accessToken: string; readonly subject: string },
  ): Promise<JsonObject> {
    if (server.serverMetadata().userinfo_endpoint === undefined) return {};
    try {
      // Parsed from a JSON body, so that it holds nothing but JSON values.
      return (await library.fetchUserInfo(server, accessToken, subject)) as JsonObject;
    } catch (error) {
      throw asLoginProblem(library, error);
    }
  }

  async function configured(library: Library): Promise<Configuration> {
    const provider = await readMetadata();
    const secret =
      config.clientSecret === undefined ? undefined : (await options.secrets.read(config.clientSecret.secret)).reveal();
    const server = new library.Configuration(
      provider as ServerMetadata,
      config.clientId,
      {},
      authentication(library, provider, secret),
    );
    server.timeout = TIMEOUT_SECONDS;
    // Configuration has made sure that `http:` issuers are on loopback.
    if (config.issuer.startsWith('http:')) library.allowInsecureRequests(server);
    const allowed = allowedOrigins(config.issuer, config.origins);
    server[library.customFetch] = async (url, init) => {
      if (!isAllowedUrl(url, allowed)) throw new Error('the provider names an address on an origin that is not allowed');
      // undici's own fetch, because its dispatcher carries the source's certificate authority; the types of the DOM differ in name only.
      const request = { ...init, redirect: 'manual', dispatcher: await dispatcher() } as RequestInit;
      return (await fetch(url, request)) as unknown as Response;
    };
    return server;
  }

  async function readMetadata(): Promise<ProviderMetadata> {
    const nowMs = clock.now();
    if (metadata !== undefined && nowMs - metadata.readAtMs < METADATA_MS) return metadata.value;
    try {
      const value = await discover({ issuer: config.issuer, origins: origins(), fetchJson });
      metadata = { value, readAtMs: nowMs };
      return value;
    } catch (error) {
      log.warn('identity.discovery_failed', { source: source.name, reason: error instanceof Error ? error.message : 'unknown' });
      throw identityUnavailable(source.name, error);
    }
  }

  /** Where a configured `jwksUri` is right, discovery may name it too. */
  function origins(): readonly string[] {
    return config.jwksUri === undefined ? config.origins : [...config.origins, new URL(config.jwksUri).origin];
  }

  function asLoginProblem(library: Library, error: unknown): Problem {
    if (error instanceof Problem) return error;
    const reason = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
    if (error instanceof library.AuthorizationResponseError) {
      log.warn('identity.login_failed', { source: source.name, code: 'LOGIN_REFUSED', reason: oauthCode(error.error) });
      if (error.error === 'server_error' || error.error === 'temporarily_unavailable') return identityUnavailable(source.name);
      return unauthenticated('LOGIN_REFUSED', 'the identity provider did not sign you in', 'try again, or use another account');
    }
    const isGrant = error instanceof library.ResponseBodyError && error.error === 'invalid_grant';
    const isAnswer = error instanceof library.ClientError && FORGED.has(reason);
    log.warn('identity.login_failed', {
      source: source.name,
      code: isGrant || isAnswer ? 'LOGIN_FAILED' : 'IDENTITY_UNAVAILABLE',
      reason,
    });
    if (isGrant || isAnswer) return unauthenticated('LOGIN_FAILED', 'the sign-in could not be completed', 'start again');
    // A refused client, a broken answer, no answer: all ours or the provider's to mend, none the person's fault.
    return identityUnavailable(source.name, error);
  }
}

/** Checks of the library that fail when an answer was swapped or forged: state, nonce, issuer, times. */
const FORGED: ReadonlySet<string> = new Set([
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
]);

/** RFC 6749 §5.2 error codes are short words; anything else is not for the log. */
function oauthCode(text: string): string {
  return /^[a-z_]{1,64}$/.test(text) ? text : 'other';
}

function authentication(library: Library, provider: ProviderMetadata, secret: string | undefined) {
  if (secret === undefined) return library.None();
  const methods = provider['token_endpoint_auth_methods_supported'];
  const isPostOnly = Array.isArray(methods) && !methods.includes('client_secret_basic') && methods.includes('client_secret_post');
  return isPostOnly ? library.ClientSecretPost(secret) : library.ClientSecretBasic(secret);
}
