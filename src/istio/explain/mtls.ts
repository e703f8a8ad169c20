import { mtlsMode } from '../evaluate/mtls-mode.ts';
import type { RequestFacts } from '../facts.ts';
import type { MeshModel, WorkloadRef } from '../objects.ts';
import type { MtlsReport } from './explanation.ts';

/** What PeerAuthentication does to a request. It speaks of sidecars and ztunnel; a gateway's own servers say how they do TLS. */
export function explainMtls(
  model: MeshModel,
  workload: WorkloadRef,
  facts: Pick<RequestFacts, 'peer' | 'localPort'>,
): MtlsReport {
  if (workload.kind === 'gateway' || workload.kind === 'waypoint') {
    return { mode: 'PERMISSIVE', policy: undefined, place: undefined, effect: 'none' };
  }
  const { mode, source, path } = mtlsMode(model, workload, facts.localPort);
  const isRefused = mode === 'STRICT' && facts.peer === undefined;
  // Between ztunnels there is always mutual TLS.
  const isIgnored = mode === 'DISABLE' && facts.peer !== undefined && workload.kind === 'sidecar';
  return {
    mode,
    policy: source === undefined ? undefined : `${source.namespace}/${source.name}`,
    place: source?.placeOf(path),
    effect: isRefused ? 'refused' : isIgnored ? 'identity-ignored' : 'none',
  };
}
