import type { Problem } from '../core/problem.ts';
import type { JsonObject, JsonValue } from '../wire/call.ts';
import { API_SERVER_AUDIENCES, type KubernetesConfig } from './config.ts';
import type { IssuerKeys } from './keys.ts';
import { serviceAccountOf } from './name.ts';
import type { KnownCaller } from './port.ts';
import { unauthenticated } from './refusal.ts';
import type { IdentitySource } from './source.ts';
import { type ParsedToken, type VerifiedToken, verifyToken } from './token.ts';

export interface KubernetesSourceOptions {
  readonly name: string;
  readonly config: KubernetesConfig;
  readonly home: boolean;
  readonly disclose: 'rule' | 'none';
  readonly keys: IssuerKeys;
  /** The live check, when `tokenReview` is on. */
  readonly review?: ((token: ParsedToken) => Promise<Problem | undefined>) | undefined;
}

/** Workloads that show a projected service-account token, verified offline by the cluster's published keys. */
export function createKubernetesSource(options: KubernetesSourceOptions): IdentitySource {
  const { name, config, keys, review } = options;
  return {
    name,
    issuer: config.issuer,
    disclose: options.disclose,
    keysVersion: () => keys.version(),
    owns: (subject) => subject.kind === 'workload' && subject.cluster === name && subject.home === options.home,
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
      refuseApiServerToken(verified, config);
      const { issuedAtMs, expiresAtMs, isExpired } = verified;
      return { who: workloadOf(verified, options), issuedAtMs, expiresAtMs, isExpired };
    },
    ...(review === undefined ? {} : { review }),
  };
}

/** A token that the API server takes too is more than a name badge: whoever it passes through could act in the cluster. */
function refuseApiServerToken(verified: VerifiedToken, config: KubernetesConfig): void {
  if (!verified.audience.some((name) => API_SERVER_AUDIENCES.includes(name) || name === config.issuer)) return;
  throw unauthenticated(
    'TOKEN_AUDIENCE',
    'a token for the Kubernetes API server is not accepted',
    'project a service-account token with an audience for Fairlead',
  );
}

/** `sub` and the private claim say the same thing twice (KEP-1205); a token in which they differ is no API server's. */
function workloadOf(verified: VerifiedToken, { name, home }: KubernetesSourceOptions): KnownCaller {
  const account = serviceAccountOf(verified.subject);
  const bound = object(verified.claims['kubernetes.io']);
  const stated = object(bound?.['serviceaccount']);
  if (account === undefined || bound?.['namespace'] !== account.namespace || stated?.['name'] !== account.serviceAccount) {
    throw unauthenticated('TOKEN_CLAIMS', 'the token does not name one service account');
  }
  const pod = object(bound['pod'])?.['name'];
  return {
    subject: { kind: 'workload', cluster: name, home, ...account },
    actors: [],
    source: name,
    membership: { groups: [], complete: true },
    claims: typeof pod === 'string' && /^[a-z0-9.-]{1,253}$/.test(pod) ? { pod } : {},
  };
}

function object(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}
