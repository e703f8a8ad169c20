/**
 * The format of cases and verdicts: a line is one set of objects with requests; answers stand in the order of the requests.
 * Strings of a request are latin-1: one character is one byte.
 */

/** Claims signed at the moment of asking. `key: 'bad'` signs with a key that the key set does not hold. */
export interface Token {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly key?: 'bad';
  /** Header that carries it, `authorization` by default. */
  readonly header?: string;
  /** What stands before the token, `Bearer ` by default. */
  readonly prefix?: string;
}

/** What every request says about its connection. */
export interface Wire {
  /** Key of the identities; null is plaintext. */
  readonly peer: string | null;
  readonly sni?: string;
  /** The TCP peer. */
  readonly directIp: string;
  /** Where a PROXY header says that the connection comes from. */
  readonly remoteIp: string;
  readonly localIp: string;
  readonly localPort: number;
}

export interface HttpRequest extends Wire {
  readonly kind?: undefined;
  readonly protocol?: 'h2';
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly jwt?: Token;
  readonly jwt2?: Token;
}

export interface TcpRequest extends Wire {
  readonly kind: 'tcp';
}

export type CaseRequest = HttpRequest | TcpRequest;

/** A Kubernetes object as JSON; `@JWKS` in it stands for the key set. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface ExtensionProvider {
  readonly name: string;
  readonly envoyExtAuthzGrpc?: ProviderSettings;
  readonly envoyExtAuthzHttp?: ProviderSettings;
}

export interface ProviderSettings {
  readonly service: string;
  readonly port: number;
  readonly [setting: string]: unknown;
}

export interface Mesh {
  readonly rootNamespace?: string;
  readonly trustDomain?: string;
  readonly trustDomainAliases?: readonly string[];
  readonly pathNormalization?: { readonly normalization: string };
  readonly extensionProviders?: readonly ExtensionProvider[];
}

export interface Case {
  readonly id: string;
  readonly mesh: Mesh;
  readonly workload: {
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly kind?: 'sidecar' | 'gateway' | 'waypoint';
  };
  readonly service?: { readonly name: string; readonly namespace: string };
  readonly useFilterState?: boolean;
  readonly xffNumTrustedHops?: number;
  readonly objects: readonly KubernetesObject[];
  readonly requests: readonly CaseRequest[];
}

/** What Envoy said about one request; keys without a value are left out. */
export interface Verdict {
  readonly v: 'allow' | 'deny' | 'reject';
  readonly s?: number;
  readonly by?: string;
  readonly id?: string;
  readonly audit?: string;
  readonly dryAllow?: string;
  readonly dryAllowId?: string;
  readonly dryDeny?: string;
  readonly dryDenyId?: string;
  readonly ext?: string;
  readonly asked?: string;
  readonly path?: string;
  readonly remote?: string;
}

export interface Finding {
  readonly name: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
}

/** A case with its answers, as it stands in a corpus. */
export interface AnsweredCase extends Case {
  readonly envoy: string;
  readonly validation: readonly Finding[];
  readonly attached: Readonly<Record<string, readonly string[]>>;
  readonly verdicts: readonly Verdict[];
  /** Per Envoy version, per index of a request: what that version says otherwise. */
  readonly differs?: Readonly<Record<string, Readonly<Record<string, Verdict>>>>;
}

/** Identities by name: the names in the certificate of that peer. */
export type Identities = Readonly<Record<string, Identity>>;

export interface Identity {
  readonly uri?: readonly string[];
  readonly dns?: readonly string[];
  readonly cn?: string;
  readonly o?: string;
}

/** Cases of JSON lines; empty lines are left out. */
export function parseLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): T => JSON.parse(line));
}
