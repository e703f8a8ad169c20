import type { Labels, MeshModel, ObjectHead, WorkloadObject } from '../objects.ts';

const MODE = 'istio.io/dataplane-mode';
const USE_WAYPOINT = 'istio.io/use-waypoint';
const WAYPOINT_NAMESPACE = 'istio.io/use-waypoint-namespace';

/** Whether ztunnel stands before a workload: the label of its pods, else that of its namespace. */
export function isAmbient(model: MeshModel, workload: WorkloadObject): boolean {
  const own = workload.podLabels[MODE];
  return (own ?? namespaceLabels(model, workload.namespace)[MODE]) === 'ambient';
}

/** The waypoint that a Service names, else the one that its namespace names; undefined when there is none or `none` is said. */
export function waypointOf(
  model: MeshModel,
  service: ObjectHead,
): { readonly name: string; readonly namespace: string } | undefined {
  const labels = service.labels[USE_WAYPOINT] === undefined ? namespaceLabels(model, service.namespace) : service.labels;
  const name = labels[USE_WAYPOINT];
  if (name === undefined || name === 'none' || name === '') return undefined;
  return { name, namespace: labels[WAYPOINT_NAMESPACE] ?? service.namespace };
}

function namespaceLabels(model: MeshModel, name: string): Labels {
  return model.namespaces.find((namespace) => namespace.name === name)?.labels ?? {};
}
