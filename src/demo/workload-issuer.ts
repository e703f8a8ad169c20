import { createHash } from 'node:crypto';
import { SignJWT } from 'jose';
import type { SigningKey } from './signing-key.ts';

export interface WorkloadName {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Issues what a Kubernetes cluster issues to its pods: tokens bound to an audience, discovery and keys. */
export interface WorkloadIssuer {
  /** `http://127.0.0.1:8085/workloads` */
  readonly issuer: string;
  /** The public documents, by path on the server; undefined for any other path. */
  document(path: string): Readonly<Record<string, unknown>> | undefined;
  /** A signed token. Only this process can ask; no path of the server issues one. */
  mint(options: WorkloadName & { readonly ttlSeconds: number }): Promise<string>;
}

const AUDIENCE = 'fairlead';
/** RFC 1123 labels, as Kubernetes has it for namespaces and service accounts. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * A workload issuer at `origin`/workloads. Token claims as in Kubernetes' bound service account tokens (`iss`, `sub`, `aud`,
 * `kubernetes.io`), discovery as in its service account issuer discovery.
 */
export function createWorkloadIssuer(options: {
  readonly origin: string;
  readonly key: SigningKey;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}): WorkloadIssuer {
  const { key } = options;
  const issuer = `${options.origin}/workloads`;
  const documents: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    '/workloads/.well-known/openid-configuration': {
      issuer,
      jwks_uri: `${issuer}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    },
    '/workloads/openid/v1/jwks': { keys: [key.publicJwk] },
  };

  return {
    issuer,
    document: (path) => (Object.hasOwn(documents, path) ? documents[path] : undefined),
    async mint({ namespace, serviceAccount, ttlSeconds }) {
      if (!NAME.test(namespace) || !NAME.test(serviceAccount))
        throw new Error('a workload name is lower case letters, digits and -');
      if (!(ttlSeconds > 0 && ttlSeconds <= 86_400)) throw new Error('a workload token lives for 1 to 86400 seconds');
      const issuedAt = Math.floor(options.now() / 1000);
      const uid = uidOf(`${key.kid}/${namespace}/${serviceAccount}`);
      return new SignJWT({ 'kubernetes.io': { namespace, serviceaccount: { name: serviceAccount, uid } } })
        .setProtectedHeader({ alg: 'ES256', kid: key.kid })
        .setIssuer(issuer)
        .setSubject(`system:serviceaccount:${namespace}:${serviceAccount}`)
        .setAudience([AUDIENCE])
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(issuedAt + Math.floor(ttlSeconds))
        .setJti(Buffer.from(options.randomBytes(16)).toString('hex'))
        .sign(key.privateKey);
    },
  };
}

/** A stable UUID (RFC 9562 §5.8: version 8, own content) for a name, as a cluster gives each of its objects one. */
function uidOf(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
