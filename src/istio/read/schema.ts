import { closed, LABELS, listOf, open, type Shape, TEXT, TEXTS } from './shape.ts';

/**
 * The schemas of the kinds that are read, as in Istio's resource definitions (istio.io/api, `customresourcedefinitions.gen.yaml`).
 * Those of `security.istio.io` are complete; of the others stands here what is read.
 */
const METADATA: Shape = closed({
  name: TEXT,
  generateName: TEXT,
  namespace: TEXT,
  labels: LABELS,
  annotations: LABELS,
  creationTimestamp: TEXT,
  deletionTimestamp: TEXT,
  deletionGracePeriodSeconds: { type: 'integer' },
  uid: TEXT,
  resourceVersion: TEXT,
  generation: { type: 'integer' },
  selfLink: TEXT,
  clusterName: TEXT,
  finalizers: TEXTS,
  ownerReferences: { type: 'any' },
  managedFields: { type: 'any' },
});

const SELECTOR: Shape = closed({ matchLabels: LABELS });
const TARGET_REF: Shape = closed({ group: TEXT, kind: TEXT, name: TEXT, namespace: TEXT });
const ATTACHMENT = { selector: SELECTOR, targetRef: TARGET_REF, targetRefs: listOf(TARGET_REF, 16) };

const RULE: Shape = closed({
  from: listOf(
    closed({
      source: closed({
        principals: TEXTS,
        notPrincipals: TEXTS,
        requestPrincipals: TEXTS,
        notRequestPrincipals: TEXTS,
        namespaces: TEXTS,
        notNamespaces: TEXTS,
        ipBlocks: TEXTS,
        notIpBlocks: TEXTS,
        remoteIpBlocks: TEXTS,
        notRemoteIpBlocks: TEXTS,
        serviceAccounts: TEXTS,
        notServiceAccounts: TEXTS,
        trustDomains: TEXTS,
        notTrustDomains: TEXTS,
      }),
    }),
    512,
  ),
  to: listOf(
    closed({
      operation: closed({
        hosts: TEXTS,
        notHosts: TEXTS,
        ports: TEXTS,
        notPorts: TEXTS,
        methods: TEXTS,
        notMethods: TEXTS,
        paths: TEXTS,
        notPaths: TEXTS,
      }),
    }),
  ),
  when: listOf(closed({ key: TEXT, values: TEXTS, notValues: TEXTS })),
});

export const AUTHORIZATION_POLICY: Shape = object(
  closed({
    ...ATTACHMENT,
    action: { type: 'word', words: ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'] },
    provider: closed({ name: TEXT }),
    rules: listOf(RULE, 512),
  }),
);

export const REQUEST_AUTHENTICATION: Shape = object(
  closed({
    ...ATTACHMENT,
    jwtRules: listOf(
      closed({
        issuer: TEXT,
        audiences: TEXTS,
        jwksUri: TEXT,
        jwks_uri: TEXT,
        jwks: TEXT,
        fromHeaders: listOf(closed({ name: TEXT, prefix: TEXT })),
        fromParams: TEXTS,
        fromCookies: TEXTS,
        outputPayloadToHeader: TEXT,
        forwardOriginalToken: { type: 'boolean' },
        outputClaimToHeaders: listOf(closed({ header: TEXT, claim: TEXT })),
        spaceDelimitedClaims: listOf(TEXT, 64),
        timeout: TEXT,
      }),
      4096,
    ),
  }),
);

const MTLS: Shape = closed({ mode: { type: 'word', words: ['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'] } });

export const PEER_AUTHENTICATION: Shape = object(
  closed({ selector: SELECTOR, mtls: MTLS, portLevelMtls: { type: 'map', of: MTLS } }),
);

const INTEGER: Shape = { type: 'integer' };

export const PLAIN: Shape = openObject({ type: 'any' });

export const SERVICE: Shape = openObject(
  open({
    selector: LABELS,
    ports: listOf(
      open({ name: TEXT, port: INTEGER, targetPort: { type: 'integerOrString' }, protocol: TEXT, appProtocol: TEXT }),
    ),
  }),
);

export const SERVICE_ENTRY: Shape = openObject(
  open({
    hosts: TEXTS,
    ports: listOf(open({ name: TEXT, number: INTEGER, targetPort: INTEGER, protocol: TEXT })),
    workloadSelector: open({ labels: LABELS }),
  }),
);

export const ISTIO_GATEWAY: Shape = openObject(open({ selector: LABELS }));
export const KUBERNETES_GATEWAY: Shape = openObject(open({ gatewayClassName: TEXT }));

const POD = {
  metadata: open({ labels: LABELS }),
  spec: open({
    serviceAccountName: TEXT,
    serviceAccount: TEXT,
    containers: listOf(open({ ports: listOf(open({ name: TEXT, containerPort: INTEGER, protocol: TEXT })) })),
  }),
};

export const POD_OBJECT: Shape = openObject(POD.spec);
export const POD_TEMPLATE_OBJECT: Shape = openObject(open({ template: open(POD) }));
export const CRON_JOB: Shape = openObject(open({ jobTemplate: open({ spec: open({ template: open(POD) }) }) }));
export const WORKLOAD_ENTRY: Shape = openObject(
  open({ labels: LABELS, serviceAccount: TEXT, ports: { type: 'map', of: INTEGER } }),
);

function object(spec: Shape): Shape {
  return closed({ apiVersion: TEXT, kind: TEXT, metadata: METADATA, spec, status: { type: 'any' } });
}

function openObject(spec: Shape): Shape {
  return open({ apiVersion: TEXT, kind: TEXT, metadata: METADATA, spec });
}

/** Of MeshConfig (istio.io/api `mesh/v1alpha1`) the part that decides; it has many more fields. */
export const MESH_CONFIG: Shape = open({
  rootNamespace: TEXT,
  trustDomain: TEXT,
  trustDomainAliases: TEXTS,
  pathNormalization: closed({
    normalization: { type: 'word', words: ['DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'] },
  }),
  extensionProviders: listOf(
    open({
      name: TEXT,
      envoyExtAuthzGrpc: open({ service: TEXT, port: INTEGER, failOpen: { type: 'boolean' }, statusOnError: TEXT }),
      envoyExtAuthzHttp: open({ service: TEXT, port: INTEGER, failOpen: { type: 'boolean' }, statusOnError: TEXT }),
    }),
  ),
});
