import { selects } from '../compile/attach.ts';
import type { MeshModel, MtlsMode, PeerAuthentication, WorkloadRef } from '../objects.ts';

export interface EffectiveMtls {
  readonly mode: Exclude<MtlsMode, 'UNSET'>;
  /** The policy that says so; undefined for Istio's default, which is PERMISSIVE. */
  readonly source: PeerAuthentication | undefined;
  /** The field of the source: `mtls`, or that of the port. */
  readonly path: readonly (string | number)[];
}

/**
 * The mode of one port of a workload (istio pilot/pkg/security/authn/policy_applier.go): mesh, then namespace, then workload, each the
 * oldest of its kind, and what is unset comes from the one before. Ports count only under a selector outside the root namespace.
 */
export function mtlsMode(model: MeshModel, workload: WorkloadRef, port: number): EffectiveMtls {
  const { rootNamespace } = model.config;
  const policies = model.peerAuthentications.filter(({ selector }) => selects(selector, workload.labels)).sort(byAge);
  const isWide = ({ selector }: PeerAuthentication) => selector === undefined || Object.keys(selector).length === 0;
  const ofMesh = policies.find((policy) => policy.namespace === rootNamespace && isWide(policy));
  const isLocal = ({ namespace }: PeerAuthentication) => namespace === workload.namespace && namespace !== rootNamespace;
  const ofNamespace = policies.find((policy) => isLocal(policy) && isWide(policy));
  const ofWorkload = policies.find((policy) => isLocal(policy) && !isWide(policy));
  let effective: EffectiveMtls = { mode: 'PERMISSIVE', source: undefined, path: [] };
  for (const source of [ofMesh, ofNamespace, ofWorkload]) {
    if (source !== undefined && source.mode !== 'UNSET') effective = { mode: source.mode, source, path: ['spec', 'mtls'] };
  }
  const ports = ofWorkload?.portLevelMtls ?? {};
  const ofPort = Object.hasOwn(ports, String(port)) ? ports[String(port)] : undefined;
  if (ofPort === undefined || ofPort === 'UNSET') return effective;
  return { mode: ofPort, source: ofWorkload, path: ['spec', 'portLevelMtls', String(port)] };
}

function byAge(left: PeerAuthentication, right: PeerAuthentication): number {
  return (left.created ?? 0) - (right.created ?? 0) || (left.name < right.name ? -1 : left.name > right.name ? 1 : 0);
}
