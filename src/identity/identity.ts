import type { Clock, Health, Log, Randomness, Secrets, Store } from '../core/ports.ts';
import { createAuthenticator } from './authenticator.ts';
import { createBearerTokens } from './bearer.ts';
import { createCliLogin } from './cli-login.ts';
import type { IdentitySourceConfig, KubernetesConfig, SessionsConfig } from './config.ts';
import { createDirectory } from './directory.ts';
import { createHandoff } from './handoff.ts';
import { createJsonFetch } from './json-fetch.ts';
import { createIssuerKeys } from './keys.ts';
import { createKubernetesSource } from './kubernetes-source.ts';
import { createLogin } from './login.ts';
import { createOidcSource, type OidcSource } from './oidc-source.ts';
import type { Authenticator, CliLogin, Handoff, Login, ProgramTokens, ProviderLogout, Revocations, Sessions } from './port.ts';
import { createProgramTokens } from './program-token.ts';
import { createProviderLogout } from './provider-logout.ts';
import { openRevocations } from './revocation.ts';
import { createSessions } from './session.ts';
import type { IdentitySource } from './source.ts';
import { clusterReviewer, createTokenReview, type TokenReviewer } from './token-review.ts';

const DAY_MS = 86_400_000;
/** Life of a token that `fairlead login` gets, unless the configuration allows less. */
const CLI_TOKEN_MS = 30 * DAY_MS;
/** Where a pod finds its own credential for the API server. */
const POD_TOKEN = 'file:///var/run/secrets/kubernetes.io/serviceaccount/token';
const POD_CA = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt';
const POD_API_SERVER = 'https://kubernetes.default.svc';

export interface IdentityOptions {
  /** The parsed `identity:` list; `checkSources` has found nothing in it. */
  readonly sources: readonly IdentitySourceConfig[];
  readonly sessions: SessionsConfig;
  /** `https://access.acme.com` */
  readonly controlOrigin: string;
  readonly isTargetOrigin: (origin: string) => boolean;
  readonly store: Store;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Log;
  readonly health: Health;
  /** Whether a whole Authorization value is the target's own secret; must compare in constant time. */
  readonly sharedSecret?: (target: string, authorization: string) => boolean;
  /** Another way to ask a source's cluster than its API server. */
  readonly reviewer?: (source: string) => TokenReviewer | undefined;
}

export interface Identity {
  readonly authenticator: Authenticator;
  readonly revocations: Revocations;
  readonly sessions: Sessions;
  readonly programTokens: ProgramTokens;
  readonly login: Login;
  readonly providerLogout: ProviderLogout;
  readonly handoff: Handoff;
  readonly cliLogin: CliLogin;
}

/** The whole room, built from its configuration and ports. Reads the revocations from the store; asks no provider yet. */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { store, clock, randomness, log, health, secrets, controlOrigin } = options;
  const lives = options.sources.map((source) => source.oidc?.maxLifetime ?? source.kubernetes?.maxLifetime ?? 0);
  const keepMs = Math.max(options.sessions.absolute, options.sessions.tokens, ...lives) + DAY_MS;
  const revocations = await openRevocations({ store, clock, log, keepMs });
  const sessions = createSessions({ store, clock, randomness, log, config: options.sessions, revocations });
  const programTokens = createProgramTokens({ store, clock, randomness, revocations, maxTtlMs: options.sessions.tokens });
  const directory = createDirectory({ store, clock, keepMs });
  const people = oidcSources(options);
  const sources: readonly IdentitySource[] = [...people, ...clusterSources(options)];
  const tokens = createBearerTokens({ sources, programTokens, directory, clock });
  const { sharedSecret } = options;
  return {
    authenticator: createAuthenticator({ sources, tokens, sessions, revocations, log, health, sharedSecret }),
    revocations,
    sessions,
    programTokens,
    login: createLogin({ sources: people, controlOrigin, store, secrets, clock, randomness, log, directory, revocations }),
    providerLogout: createProviderLogout({ sources: people, sessions, store, clock }),
    handoff: createHandoff({
      store,
      clock,
      randomness,
      sessions,
      revocations,
      controlOrigin,
      isTargetOrigin: options.isTargetOrigin,
    }),
    cliLogin: createCliLogin({
      store,
      clock,
      randomness,
      programTokens,
      ttlMs: Math.min(CLI_TOKEN_MS, options.sessions.tokens),
    }),
  };
}

function oidcSources(options: IdentityOptions): readonly OidcSource[] {
  const { clock, log, health } = options;
  const sourceNames = options.sources.map(({ name }) => name);
  const clusters = options.sources.flatMap(({ name, home, kubernetes }) =>
    kubernetes === undefined ? [] : [{ name, home, issuer: kubernetes.issuer }],
  );
  return options.sources.flatMap(({ name, oidc: config, owns, disclose }) => {
    if (config === undefined) return [];
    const { issuer, jwksUri, origins, caFile } = config;
    const fetchJson = createJsonFetch({ caFile });
    const keys = createIssuerKeys({ source: name, issuer, jwksUri, origins, fetchJson, clock, log, health });
    return [createOidcSource({ name, config, owns, disclose, keys, sourceNames, clusters, log })];
  });
}

function clusterSources(options: IdentityOptions): readonly IdentitySource[] {
  const { clock, log, health, secrets } = options;
  return options.sources.flatMap(({ name, kubernetes: config, home, disclose }) => {
    if (config === undefined) return [];
    const { issuer, jwksUri, jwksToken, origins, caFile } = config;
    const fetchJson = createJsonFetch({ caFile });
    const bearer = jwksToken === undefined ? undefined : () => secrets.read(jwksToken.secret);
    const keys = createIssuerKeys({ source: name, issuer, jwksUri, origins, bearer, fetchJson, clock, log, health });
    const review = config.tokenReview ? reviewOf(name, config, options) : undefined;
    return [createKubernetesSource({ name, config, home, disclose, keys, review })];
  });
}

function reviewOf(source: string, config: KubernetesConfig, options: IdentityOptions) {
  const { apiServer, audience, jwksToken } = config;
  const caFile = config.caFile ?? (apiServer === POD_API_SERVER ? POD_CA : undefined);
  const reviewer =
    options.reviewer?.(source) ??
    clusterReviewer({
      apiServer,
      bearer: () => options.secrets.read(jwksToken?.secret ?? POD_TOKEN),
      fetchJson: createJsonFetch({ caFile }),
    });
  return createTokenReview({ source, audience, reviewer, clock: options.clock });
}
