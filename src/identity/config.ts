import { z } from 'zod';
import type { Diagnostic } from '../core/diagnostic.ts';
import { ALGORITHMS } from './algorithm.ts';
import { isOwnPattern, ownPatternsMeet } from './own-pattern.ts';

/** Longest life of a token that is honoured, when the source says nothing. The kubelet renews its tokens after 24 h. */
const MAX_LIFETIME = { oidc: '24h', kubernetes: '30h' } as const;

/** Audiences that an API server gives to tokens by default; whoever holds such a token could use it there. */
export const API_SERVER_AUDIENCES: readonly string[] = [
  'https://kubernetes.default.svc',
  'https://kubernetes.default.svc.cluster.local',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'https://kubernetes.default',
  'api',
];

const secretReference = z.strictObject({
  secret: z.string().regex(/^[a-z0-9-]+:\/\/.+/, 'a secret is named by reference, such as `file:///run/secrets/client`'),
});

const duration = z
  .string()
  .regex(/^[1-9][0-9]{0,5}(?:s|m|h|d)$/, 'a duration is a whole number and s, m, h or d, such as `8h`')
  .transform(durationMs);

/** `https:`, or `http:` on loopback only: keys and codes never cross a network in the clear. */
const issuerUrl = z
  .string()
  .max(512)
  .refine((text) => isSafeUrl(text) && !/[?#]/.test(text), 'an issuer is an https URL (http only on loopback) without query');

const fetchUrl = z
  .string()
  .max(1024)
  .refine((text) => isSafeUrl(text), 'the URL must be https (http only on loopback), without user or password');

const originUrl = fetchUrl.refine(
  (text) => isSafeUrl(text) && new URL(text).origin === text,
  'an origin is scheme, host and port',
);

const audience = z.array(z.string().min(1).max(512)).min(1, 'at least one audience is required').max(16);

const algorithms = z
  .array(z.enum(ALGORITHMS))
  .min(1)
  .default([...ALGORITHMS]);

const clockSkew = duration.refine((ms) => ms <= 120_000, 'the clock skew is at most 2m').default(30_000);

const claimName = z.string().min(1).max(128);

const ownPatterns = z
  .array(z.string().refine(isOwnPattern, 'a pattern is a literal, `prefix*`, `*suffix` or `*`'))
  .max(256)
  .default([]);

const owns = z.strictObject({
  /** People this source may name. */
  users: ownPatterns,
  /** Groups it may put them in, without the source's name. */
  groups: ownPatterns,
  /** Agents it may name, as subject or as actor. */
  agents: ownPatterns,
  /** Workloads that it may name as *actors*: `NAMESPACE/SERVICEACCOUNT`, or `CLUSTER:NAMESPACE/SERVICEACCOUNT`. */
  workloads: ownPatterns,
});

const oidc = z.strictObject({
  issuer: issuerUrl,
  /** Fairlead's own client at the issuer, for sign-in. */
  clientId: z.string().min(1).max(256),
  clientSecret: secretReference.optional(),
  audience,
  /** Other clients whose tokens are accepted (`azp`, `client_id`). */
  clients: z.array(z.string().min(1).max(256)).max(64).optional(),
  userClaim: claimName.default('email'),
  groupsClaim: claimName.default('groups'),
  /** Names the agent that holds the token; looked for in the token and in its `act` claim. */
  agentClaim: claimName.optional(),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/)).default(['openid', 'email', 'profile']),
  algorithms,
  clockSkew,
  maxLifetime: duration.default(durationMs(MAX_LIFETIME.oidc)),
  /** Where the keys are, when it is not for discovery to say. */
  jwksUri: fetchUrl.optional(),
  /** Other origins that the issuer's discovery document may name. */
  origins: z.array(originUrl).max(8).default([]),
  caFile: z.string().min(1).optional(),
});

const kubernetes = z.strictObject({
  issuer: issuerUrl,
  audience: audience.refine(
    (list) => !list.some((name) => API_SERVER_AUDIENCES.includes(name)),
    "the API server's own default audience is never accepted; choose one for Fairlead, such as `fairlead`",
  ),
  tokenReview: z.boolean().default(false),
  /** Base URL of the API server, for `tokenReview`. */
  apiServer: fetchUrl.default('https://kubernetes.default.svc'),
  /** Sent to the API server for its keys and for reviews. */
  jwksToken: secretReference.optional(),
  jwksUri: fetchUrl.optional(),
  origins: z.array(originUrl).max(8).default([]),
  caFile: z.string().min(1).optional(),
  algorithms,
  clockSkew,
  maxLifetime: duration.default(durationMs(MAX_LIFETIME.kubernetes)),
});

const source = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a source name is lower case letters, digits and `-`'),
    oidc: oidc.optional(),
    kubernetes: kubernetes.optional(),
    mtls: z.never({ error: '`mtls` sources cannot be enforced by this version' }).optional(),
    owns: owns.prefault({}),
    disclose: z.enum(['rule', 'none']).default('none'),
    /** The cluster whose workloads are written without its name. */
    home: z.boolean().default(false),
  })
  .superRefine((value, context) => {
    if ((value.oidc === undefined) === (value.kubernetes === undefined)) {
      context.addIssue({ code: 'custom', message: 'a source is either `oidc` or `kubernetes`', path: [] });
    }
    if (value.kubernetes === undefined && value.home) {
      context.addIssue({ code: 'custom', message: 'only a `kubernetes` source can be `home`', path: ['home'] });
    }
    if (value.kubernetes !== undefined && Object.values(value.owns).some((patterns) => patterns.length > 0)) {
      context.addIssue({ code: 'custom', message: 'a `kubernetes` source owns its workloads and nothing else', path: ['owns'] });
    }
    if (value.oidc !== undefined && value.owns.users.length + value.owns.agents.length === 0) {
      context.addIssue({ code: 'custom', message: 'an `oidc` source must say which `users` it owns', path: ['owns'] });
    }
  });

/** The `identity:` list of `fairlead.yaml`; `checkSources` finds what a single entry cannot show. */
export const identitySchema = z.array(source).max(64);

/** The `sessions:` section; times in milliseconds once parsed. */
export const sessionsSchema = z
  .strictObject({
    /** A session that is not used for this long ends. */
    idle: duration.default(durationMs('8h')),
    /** A session never lives longer than this. */
    absolute: duration.default(durationMs('24h')),
    /** Longest life of a program token. */
    tokens: duration.default(durationMs('90d')),
  })
  .refine((value) => value.idle <= value.absolute, { message: '`idle` cannot be longer than `absolute`', path: ['idle'] });

export type IdentitySourceConfig = z.output<typeof source>;
export type OidcConfig = z.output<typeof oidc>;
export type KubernetesConfig = z.output<typeof kubernetes>;
export type OwnsConfig = z.output<typeof owns>;
export type SessionsConfig = z.output<typeof sessionsSchema>;

/**
 * Problems between sources: a name or an issuer that stands twice, two homes, and names that two sources both own (a person of
 * one provider could then pass for a person of the other). `path` tells where; file, line and column are for the caller to fill.
 */
export function checkSources(sources: readonly IdentitySourceConfig[]): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const report = (code: string, message: string, path: string, help?: string): void => {
    found.push({ severity: 'error', code, message, file: '', line: 0, column: 0, path, ...(help === undefined ? {} : { help }) });
  };
  sources.forEach((later, index) => {
    for (const earlier of sources.slice(0, index)) {
      if (later.name === earlier.name)
        report('IDENTITY_NAME_TWICE', `source \`${later.name}\` stands twice`, `identity[${index}].name`);
      if (issuerOf(later) !== undefined && issuerOf(later) === issuerOf(earlier)) {
        const kind = later.oidc === undefined ? 'kubernetes' : 'oidc';
        report(
          'IDENTITY_ISSUER_TWICE',
          `\`${later.name}\` and \`${earlier.name}\` have the same issuer`,
          `identity[${index}].${kind}.issuer`,
          'one source per issuer: list all audiences in it',
        );
      }
      if (later.home && earlier.home) {
        report('IDENTITY_HOME_TWICE', `\`${later.name}\` and \`${earlier.name}\` are both \`home\``, `identity[${index}].home`);
      }
      for (const field of ['users', 'groups', 'agents'] as const) {
        later.owns[field].forEach((pattern, at) => {
          const other = earlier.owns[field].find((candidate) => ownPatternsMeet(pattern, candidate));
          if (other === undefined) return;
          report(
            'IDENTITY_OWNS_OVERLAP',
            `\`${pattern}\` of \`${later.name}\` and \`${other}\` of \`${earlier.name}\` can name the same ${field}`,
            `identity[${index}].owns.${field}[${at}]`,
            'give each source names that the other cannot have, such as `*@acme.com`',
          );
        });
      }
    }
  });
  return found;
}

function issuerOf(config: IdentitySourceConfig): string | undefined {
  return config.oidc?.issuer ?? config.kubernetes?.issuer;
}

/** True for a URL that may be fetched or redirected to with a secret: https, or http on loopback; no credentials inside. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}

export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname);
}

function durationMs(text: string): number {
  const unit = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[text.slice(-1)] ?? Number.NaN;
  return Number(text.slice(0, -1)) * unit;
}
