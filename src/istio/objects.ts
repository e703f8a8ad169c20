import type { JsonValue } from '../wire/call.ts';

/** Where something stands in what a person wrote. Lines and columns are 1-based; 0 when unknown (objects that came as JSON values). */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A step into an object: `spec`, `rules`, 0, `to`. */
export type FieldPath = readonly (string | number)[];

/** What every read object carries: its name, and a way back to the line of each of its fields. */
export interface ObjectHead {
  readonly name: string;
  /** Empty for objects without a namespace (Namespace itself) and where none was given and no default applies. */
  readonly namespace: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Milliseconds since the epoch of `metadata.creationTimestamp`; undefined when absent. The oldest PeerAuthentication wins. */
  readonly created: number | undefined;
  /** The nearest place of a field; of the object itself for `[]`, of the nearest written ancestor when the field is absent. */
  readonly placeOf: (path: FieldPath) => Place;
  /** As written, for validation and for printing back. */
  readonly raw: JsonValue;
}

export type Labels = Readonly<Record<string, string>>;

export type PolicyAction = 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';

export interface AuthorizationPolicy extends ObjectHead, Attachment {
  readonly kind: 'AuthorizationPolicy';
  readonly action: PolicyAction;
  /** `spec.provider.name` of a CUSTOM policy. */
  readonly provider: string | undefined;
  /** A `null` item is read as the rule `{}`, as Istio does; absent and `[]` are both empty. */
  readonly rules: readonly Rule[];
  /** The annotation `istio.io/dry-run` in Go's boolean syntax; a bad value is false. */
  readonly dryRun: boolean;
}

/** How a policy names the workloads that it is for. */
export interface Attachment {
  /** `matchLabels`; undefined when there is no selector at all, `{}` matches everything. */
  readonly selector: Labels | undefined;
  /** `targetRefs`, or the one legacy `targetRef`. */
  readonly targetRefs: readonly TargetRef[];
}

export interface TargetRef {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** Empty when not given; another namespace than the policy's own never matches. */
  readonly namespace: string;
}

/** Any `from` and any `to` and every `when`; an empty list is no restriction. */
export interface Rule {
  readonly from: readonly SourceMatch[];
  readonly to: readonly OperationMatch[];
  readonly when: readonly Condition[];
}

export interface SourceMatch {
  readonly principals: readonly string[];
  readonly notPrincipals: readonly string[];
  readonly requestPrincipals: readonly string[];
  readonly notRequestPrincipals: readonly string[];
  readonly namespaces: readonly string[];
  readonly notNamespaces: readonly string[];
  readonly ipBlocks: readonly string[];
  readonly notIpBlocks: readonly string[];
  readonly remoteIpBlocks: readonly string[];
  readonly notRemoteIpBlocks: readonly string[];
  readonly serviceAccounts: readonly string[];
  readonly notServiceAccounts: readonly string[];
  readonly trustDomains: readonly string[];
  readonly notTrustDomains: readonly string[];
}

export interface OperationMatch {
  readonly hosts: readonly string[];
  readonly notHosts: readonly string[];
  readonly ports: readonly string[];
  readonly notPorts: readonly string[];
  readonly methods: readonly string[];
  readonly notMethods: readonly string[];
  readonly paths: readonly string[];
  readonly notPaths: readonly string[];
}

export interface Condition {
  readonly key: string;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

export interface RequestAuthentication extends ObjectHead, Attachment {
  readonly kind: 'RequestAuthentication';
  readonly jwtRules: readonly JwtRule[];
}

export interface JwtRule {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly jwksUri: string;
  readonly jwks: string;
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly forwardOriginalToken: boolean;
  readonly outputPayloadToHeader: string;
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly spaceDelimitedClaims: readonly string[];
}

export type MtlsMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export interface PeerAuthentication extends ObjectHead {
  readonly kind: 'PeerAuthentication';
  readonly selector: Labels | undefined;
  readonly mode: MtlsMode;
  /** Keyed by workload port. */
  readonly portLevelMtls: Readonly<Record<string, MtlsMode>>;
}

/** Namespace and ServiceAccount: that they exist, with their labels. */
export interface PlainObject extends ObjectHead {
  readonly kind: 'Namespace' | 'ServiceAccount';
}

export interface ServicePort {
  readonly name: string;
  /** 0 to 65535. */
  readonly port: number;
  /** A container port, or the name of one; undefined means the same as `port`. */
  readonly targetPort: number | string | undefined;
  /** As written; `TCP` when absent. A ServiceEntry names Istio's protocol here. */
  readonly protocol: string;
  /** `appProtocol` of a Service port; empty when absent. */
  readonly appProtocol: string;
}

export interface Service extends ObjectHead {
  readonly kind: 'Service';
  readonly selector: Labels;
  readonly ports: readonly ServicePort[];
}

export interface ServiceEntry extends ObjectHead {
  readonly kind: 'ServiceEntry';
  readonly hosts: readonly string[];
  readonly ports: readonly ServicePort[];
  readonly workloadSelector: Labels | undefined;
}

/** `networking.istio.io` Gateway (selector) and `gateway.networking.k8s.io` Gateway (class); told apart by `api`. */
export interface GatewayObject extends ObjectHead {
  readonly kind: 'Gateway';
  readonly api: 'istio' | 'kubernetes';
  readonly selector: Labels;
  readonly gatewayClass: string;
}

/** A Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob or WorkloadEntry: something that a proxy stands beside. */
export interface WorkloadObject extends ObjectHead {
  readonly kind: 'Workload';
  /** The kind as written, such as `Deployment`. */
  readonly workloadKind: string;
  /** The labels of its pods, which selectors are compared with. */
  readonly podLabels: Labels;
  /** Service account name; `default` when a pod names none, empty when a WorkloadEntry names none. */
  readonly serviceAccount: string;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
}

/** The part of MeshConfig that decides. Absent values have Istio's defaults. */
export interface MeshConfig {
  readonly rootNamespace: string;
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  readonly normalization: PathNormalization;
  readonly extensionProviders: readonly ExtensionProvider[];
}

export type PathNormalization = 'DEFAULT' | 'NONE' | 'BASE' | 'MERGE_SLASHES' | 'DECODE_AND_MERGE_SLASHES';

export interface ExtensionProvider {
  readonly name: string;
  /** `other` is a provider that does not authorise (tracing, access logs). */
  readonly type: 'extAuthzGrpc' | 'extAuthzHttp' | 'other';
  readonly service: string;
  readonly port: number;
  readonly failOpen: boolean;
  /** As written, such as `"503"`; empty when absent (then 403). */
  readonly statusOnError: string;
}

export const DEFAULT_MESH_CONFIG: MeshConfig = {
  rootNamespace: 'istio-system',
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  normalization: 'DEFAULT',
  extensionProviders: [],
};

export type MeshObject =
  | AuthorizationPolicy
  | RequestAuthentication
  | PeerAuthentication
  | PlainObject
  | Service
  | ServiceEntry
  | GatewayObject
  | WorkloadObject;

/** Everything that was read and decides: what the evaluator, lint, diff and who-can work on. */
export interface MeshModel {
  readonly config: MeshConfig;
  readonly policies: readonly AuthorizationPolicy[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  readonly peerAuthentications: readonly PeerAuthentication[];
  readonly namespaces: readonly PlainObject[];
  readonly serviceAccounts: readonly PlainObject[];
  readonly services: readonly Service[];
  readonly serviceEntries: readonly ServiceEntry[];
  readonly gateways: readonly GatewayObject[];
  readonly workloads: readonly WorkloadObject[];
}

/** Who enforces: the proxy beside or in front of a workload. */
export type ProxyKind = 'sidecar' | 'gateway' | 'waypoint' | 'ztunnel';

/** The workload whose inbound proxy is asked. `service` is the one that a waypoint serves. */
export interface WorkloadRef {
  readonly namespace: string;
  readonly labels: Labels;
  readonly kind: ProxyKind;
  readonly service?: { readonly name: string; readonly namespace: string; readonly registry: 'kubernetes' | 'external' };
  /** Gateways: how many proxies in front are believed in `x-forwarded-for`. */
  readonly trustedHops?: number;
  /** The identity comes from filter state (HBONE), not from TLS. Always so on waypoints. */
  readonly filterState?: boolean;
}
