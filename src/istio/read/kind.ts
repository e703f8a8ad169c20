import type { MeshObject } from '../objects.ts';
import { readPeerAuthentication, readRequestAuthentication } from './authentication.ts';
import { readAuthorizationPolicy } from './authorization-policy.ts';
import { readGateway, readPlain, readService, readServiceEntry, readWorkload } from './cluster-object.ts';
import type { WrittenObject } from './head.ts';

/** How one kind of object is read. */
export interface ReadableKind {
  readonly group: string;
  readonly kind: string;
  readonly versions: readonly string[];
  readonly read: (written: WrittenObject) => MeshObject;
}

/** The kinds that decide, or that policies refer to. The core group is empty. */
export const READABLE_KINDS: readonly ReadableKind[] = [
  { group: 'security.istio.io', kind: 'AuthorizationPolicy', versions: ['v1', 'v1beta1'], read: readAuthorizationPolicy },
  { group: 'security.istio.io', kind: 'RequestAuthentication', versions: ['v1', 'v1beta1'], read: readRequestAuthentication },
  { group: 'security.istio.io', kind: 'PeerAuthentication', versions: ['v1', 'v1beta1'], read: readPeerAuthentication },
  { group: '', kind: 'Namespace', versions: ['v1'], read: (written) => readPlain(written, 'Namespace') },
  { group: '', kind: 'ServiceAccount', versions: ['v1'], read: (written) => readPlain(written, 'ServiceAccount') },
  { group: '', kind: 'Service', versions: ['v1'], read: readService },
  { group: 'networking.istio.io', kind: 'ServiceEntry', versions: ['v1', 'v1beta1', 'v1alpha3'], read: readServiceEntry },
  {
    group: 'networking.istio.io',
    kind: 'Gateway',
    versions: ['v1', 'v1beta1', 'v1alpha3'],
    read: (written) => readGateway(written, 'istio'),
  },
  {
    group: 'gateway.networking.k8s.io',
    kind: 'Gateway',
    versions: ['v1', 'v1beta1', 'v1alpha2'],
    read: (written) => readGateway(written, 'kubernetes'),
  },
  workload('', 'Pod', ['v1']),
  workload('apps', 'Deployment', ['v1']),
  workload('apps', 'StatefulSet', ['v1']),
  workload('apps', 'DaemonSet', ['v1']),
  workload('apps', 'ReplicaSet', ['v1']),
  workload('batch', 'Job', ['v1']),
  workload('batch', 'CronJob', ['v1', 'v1beta1']),
  workload('networking.istio.io', 'WorkloadEntry', ['v1', 'v1beta1', 'v1alpha3']),
];

function workload(group: string, kind: string, versions: readonly string[]): ReadableKind {
  return { group, kind, versions, read: (written) => readWorkload(written, kind) };
}
