import { DEFAULT_MESH_CONFIG, type MeshConfig, type MeshModel, type MeshObject, type PlainObject } from '../objects.ts';

/** Sorts objects by kind. Of two with one kind, namespace and name the later counts, as with `kubectl apply`. */
export function buildModel(objects: readonly MeshObject[], config: MeshConfig = DEFAULT_MESH_CONFIG): MeshModel {
  const last = [...new Map(objects.map((object) => [identityOf(object), object])).values()];
  const isKind =
    <Kind extends MeshObject['kind']>(kind: Kind) =>
    (object: MeshObject): object is Extract<MeshObject, { kind: Kind }> =>
      object.kind === kind;
  const plain = last.filter(
    (object) => object.kind === 'Namespace' || object.kind === 'ServiceAccount',
  ) as readonly PlainObject[];
  return {
    config,
    policies: last.filter(isKind('AuthorizationPolicy')),
    requestAuthentications: last.filter(isKind('RequestAuthentication')),
    peerAuthentications: last.filter(isKind('PeerAuthentication')),
    namespaces: plain.filter((object) => object.kind === 'Namespace'),
    serviceAccounts: plain.filter((object) => object.kind === 'ServiceAccount'),
    services: last.filter(isKind('Service')),
    serviceEntries: last.filter(isKind('ServiceEntry')),
    gateways: last.filter(isKind('Gateway')),
    workloads: last.filter(isKind('Workload')),
  };
}

/** One string for what the API server takes for one object. */
export function identityOf(object: MeshObject): string {
  const kind =
    object.kind === 'Workload' ? object.workloadKind : object.kind === 'Gateway' ? `${object.api} Gateway` : object.kind;
  return JSON.stringify([kind, object.namespace, object.name]);
}
