import type { Subject } from '../core/caller.ts';
import { subjectText } from '../core/caller.ts';
import type { Log } from '../core/ports.ts';
import type { JsonObject } from '../wire/call.ts';
import { actorsOf, type KnownCluster, ownedAgent } from './actor.ts';
import type { OidcConfig, OwnsConfig } from './config.ts';
import type { IssuerKeys } from './keys.ts';
import { membershipOf } from './membership.ts';
import { isUserName, userName } from './name.ts';
import { ownPatternMatches } from './own-pattern.ts';
import type { KnownCaller } from './port.ts';
import { unauthenticated } from './refusal.ts';
import type { ClaimsReader, IdentitySource } from './source.ts';
import { type VerifiedToken, verifyToken } from './token.ts';

export interface OidcSourceOptions {
  readonly name: string;
  readonly config: OidcConfig;
  readonly owns: OwnsConfig;
  readonly disclose: 'rule' | 'none';
  readonly keys: IssuerKeys;
  readonly sourceNames: readonly string[];
  readonly clusters: readonly KnownCluster[];
  readonly log: Log;
}

export interface OidcSource extends IdentitySource {
  readonly kind: 'oidc';
  readonly config: OidcConfig;
  readonly keys: IssuerKeys;
  readonly read: ClaimsReader;
  /** Whether the claims name the person and say all that the source may say about groups. */
  isComplete(claims: JsonObject): boolean;
}

/** People and agents whose tokens an OpenID provider issues. */
export function createOidcSource(options: OidcSourceOptions): OidcSource {
  const { name, config, owns, disclose, keys } = options;
  const read: ClaimsReader = ({ claims, subject }) => callerOf(claims, subject, options);
  return {
    kind: 'oidc',
    name,
    issuer: config.issuer,
    disclose,
    config,
    keys,
    read,
    isComplete: (claims) =>
      claims[config.userClaim] !== undefined && (owns.groups.length === 0 || claims[config.groupsClaim] !== undefined),
    keysVersion: () => keys.version(),
    owns: (subject) => isOwned(subject, owns),
    async prove(token, nowMs) {
      const rules = {
        issuer: config.issuer,
        audience: config.audience,
        algorithms: config.algorithms,
        skewMs: config.clockSkew,
        maxLifetimeMs: config.maxLifetime,
        keys,
      };
      const verified = await verifyToken(token, rules, nowMs);
      checkAuthorizedParty(verified, config);
      const { issuedAtMs, expiresAtMs, isExpired } = verified;
      // A person's expired token is refused; only a worker's is held.
      if (isExpired) throw unauthenticated('TOKEN_EXPIRED', 'the token has expired', 'sign in again');
      return { who: read(verified), issuedAtMs, expiresAtMs, isExpired };
    },
  };
}

/**
 * OpenID Connect Core 1.0 §3.1.3.7 (5): a token whose audience is our own client was meant for our own client. With a list of
 * `clients` it must come from one of them, whatever its audience.
 */
function checkAuthorizedParty(verified: VerifiedToken, config: OidcConfig): void {
  const party = verified.claims['azp'] ?? verified.claims['client_id'];
  const mustBeKnown = config.clients !== undefined || (party !== undefined && verified.audience.includes(config.clientId));
  if (!mustBeKnown) return;
  if (typeof party === 'string' && (party === config.clientId || config.clients?.includes(party) === true)) return;
  throw unauthenticated('TOKEN_CLIENT', 'the token was issued to a client that is not accepted here');
}

function callerOf(claims: JsonObject, subject: string, options: OidcSourceOptions): KnownCaller {
  const { config, owns, name, sourceNames, log } = options;
  const actors = actorsOf({ claims, owns, agentClaim: config.agentClaim, clusters: options.clusters });
  const agent = config.agentClaim === undefined ? undefined : claims[config.agentClaim];
  const hasUser = claims[config.userClaim] !== undefined || agent === undefined;
  const who = hasUser ? userOf(claims, options) : ownedAgent(agent, owns);
  // An agent named beside the person acts for the person, unless the token says so itself in `act`.
  const acting = hasUser && agent !== undefined && actors.length === 0 ? [ownedAgent(agent, owns)] : actors;
  const membership = membershipOf({
    claims,
    groupsClaim: config.groupsClaim,
    ownedGroups: owns.groups,
    source: name,
    sourceNames,
    log,
  });
  return { subject: who, actors: acting, source: name, membership, claims: { ...textClaims(claims), subject } };
}

function userOf(claims: JsonObject, { config, owns, name, log }: OidcSourceOptions): Subject {
  if (config.userClaim === 'email' && !hasVerifiedEmail(claims)) {
    throw unauthenticated('TOKEN_EMAIL_UNVERIFIED', 'the e-mail address of the token is not verified');
  }
  const user: Subject = { kind: 'user', name: userName(claims[config.userClaim]) };
  if (!isOwned(user, owns)) {
    log.warn('identity.user_not_owned', { source: name, user: subjectText(user) });
    throw unauthenticated('TOKEN_USER_NOT_OWNED', 'the identity source may not name this user');
  }
  return user;
}

function isOwned(subject: Subject, owns: OwnsConfig): boolean {
  if (subject.kind === 'user') return owns.users.some((pattern) => ownPatternMatches(pattern, subject.name));
  return subject.kind === 'agent' && owns.agents.some((pattern) => ownPatternMatches(pattern, subject.name));
}

/** What conditions and pages may read beside the name: `caller.email`, `caller.name`. */
function textClaims(claims: JsonObject): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  const { email, name } = claims;
  // The same care as for names: a condition may look at the domain.
  if (typeof email === 'string' && hasVerifiedEmail(claims) && isUserName(email)) found['email'] = userName(email);
  if (typeof name === 'string' && name.length <= 256) found['name'] = name.replace(/\p{C}/gu, '');
  return found;
}

/** Absent means that the provider only hands out addresses it knows; anything but true means no. */
function hasVerifiedEmail(claims: JsonObject): boolean {
  const stated = claims['email_verified'];
  return stated === undefined || stated === true || stated === 'true';
}
