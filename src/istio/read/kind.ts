import type { MeshObject } from '../objects.ts';
import { readPeerAuthentication, readRequestAuthentication } from './authentication.ts';
import { readAuthorizationPolicy } from './authorization-policy.ts';
import { readGateway, readPlain, readService, readServiceEntry, readWorkload } from './cluster-object.ts';
import type { WrittenObject } from './head.ts';
import * as schema from './schema.ts';
import type { Shape } from './shape.ts';

/** How one kind of object is read. */
export interface ReadableKind {
  readonly group: string;
  readonly kind: string;
  readonly versions: readonly string[];
  readonly shape: Shape;
  readonly read: (written: WrittenObject) => MeshObject;
}

/** The kinds that decide, or that policies refer to. The core group is empty. */
const V1 = ['v1'];
const SECURITY = ['v1', 'v1beta1'];
const NETWORKING = ['v1', 'v1beta1', 'v1alpha3'];

/** The kinds that decide, or that policies refer to. The core group is empty. */
export const READABLE_KINDS: readonly ReadableKind[] = [
  security('AuthorizationPolicy', schema.AUTHORIZATION_POLICY, readAuthorizationPolicy),
  security('RequestAuthentication', schema.REQUEST_AUTHENTICATION, readRequestAuthentication),
  security('PeerAuthentication', schema.PEER_AUTHENTICATION, readPeerAuthentication),
  core('Namespace', schema.PLAIN, (written) => readPlain(written, 'Namespace')),
  core('ServiceAccount', schema.PLAIN, (written) => readPlain(written, 'ServiceAccount')),
  core('Service', schema.SERVICE, readService),
  networking('ServiceEntry', schema.SERVICE_ENTRY, readServiceEntry),
  networking('Gateway', schema.ISTIO_GATEWAY, (written) => readGateway(written, 'istio')),
  {
    group: 'gateway.networking.k8s.io',
    kind: 'Gateway',
    versions: ['v1', 'v1beta1', 'v1alpha2'],
    shape: schema.KUBERNETES_GATEWAY,
    read: (written) => readGateway(written, 'kubernetes'),
  },
  core('Pod', schema.POD_OBJECT, (written) => readWorkload(written, 'Pod')),
  templated('apps', 'Deployment'),
  templated('apps', 'StatefulSet'),
  templated('apps', 'DaemonSet'),
  templated('apps', 'ReplicaSet'),
  templated('batch', 'Job'),
  {
    group: 'batch',
    kind: 'CronJob',
    versions: ['v1', 'v1beta1'],
    shape: schema.CRON_JOB,
    read: (written) => readWorkload(written, 'CronJob'),
  },
  networking('WorkloadEntry', schema.WORKLOAD_ENTRY, (written) => readWorkload(written, 'WorkloadEntry')),
];

function security(kind: string, shape: Shape, read: ReadableKind['read']): ReadableKind {
  return { group: 'security.istio.io', kind, versions: SECURITY, shape, read };
}

function networking(kind: string, shape: Shape, read: ReadableKind['read']): ReadableKind {
  return { group: 'networking.istio.io', kind, versions: NETWORKING, shape, read };
}

function core(kind: string, shape: Shape, read: ReadableKind['read']): ReadableKind {
  return { group: '', kind, versions: V1, shape, read };
}

function templated(group: string, kind: string): ReadableKind {
  return { group, kind, versions: V1, shape: schema.POD_TEMPLATE_OBJECT, read: (written) => readWorkload(written, kind) };
}
