import type {
  Attachment,
  AuthorizationPolicy,
  Labels,
  MeshModel,
  ObjectHead,
  PolicyAction,
  RequestAuthentication,
  TargetRef,
  WorkloadRef,
} from '../objects.ts';

/** What applies to one workload, by action. */
export interface AttachedPolicies extends Readonly<Record<PolicyAction, readonly AuthorizationPolicy[]>> {
  readonly requestAuthentications: readonly RequestAuthentication[];
}

/**
 * The policies that one workload's inbound proxy gets (istio pilot/pkg/model/authorization.go, policyattachment.go). Within an
 * action there is no priority; the order is root namespace, the workload's, the service's, each by age and then name.
 */
export function attachedPolicies(model: MeshModel, workload: WorkloadRef): AttachedPolicies {
  const { rootNamespace } = model.config;
  const policies = inScope(model.policies, workload, rootNamespace);
  const of = (action: PolicyAction) => policies.filter((policy) => policy.action === action);
  return {
    CUSTOM: of('CUSTOM'),
    AUDIT: of('AUDIT'),
    DENY: of('DENY'),
    ALLOW: of('ALLOW'),
    requestAuthentications: inScope(model.requestAuthentications, workload, rootNamespace),
  };
}

/** Whether one object attaches to one workload, its namespace being a candidate. */
export function attaches(object: Attachment & ObjectHead, workload: WorkloadRef, rootNamespace: string): boolean {
  const gateway = workload.labels[GATEWAY_NAME];
  if (gateway === undefined) return object.targetRefs.length === 0 && selects(object.selector, workload.labels);
  if (object.targetRefs.length === 0) return workload.kind !== 'waypoint' && selects(object.selector, workload.labels);
  return object.targetRefs.some((ref) => refersTo(ref, object.namespace, workload, gateway, rootNamespace));
}

/** `matchLabels` is a subset of the labels; no selector and an empty one match everything. */
export function selects(selector: Labels | undefined, labels: Labels): boolean {
  if (selector === undefined) return true;
  return Object.entries(selector).every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value);
}

/** The label that Istio puts on the pods of a Gateway API gateway and of a waypoint. */
export const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';

function inScope<T extends Attachment & ObjectHead>(
  objects: readonly T[],
  workload: WorkloadRef,
  rootNamespace: string,
): readonly T[] {
  const namespaces = [...new Set([rootNamespace, workload.namespace, ...serviceNamespace(workload)])];
  return namespaces.flatMap((namespace) =>
    objects.filter((object) => object.namespace === namespace && attaches(object, workload, rootNamespace)).sort(byAge),
  );
}

function serviceNamespace(workload: WorkloadRef): readonly string[] {
  return workload.kind === 'waypoint' && workload.service !== undefined ? [workload.service.namespace] : [];
}

/** Istio's order of configuration: the oldest first, then by name. Objects without a time count as equally old. */
function byAge(left: ObjectHead, right: ObjectHead): number {
  const age = (left.created ?? 0) - (right.created ?? 0);
  if (age !== 0) return age;
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0;
}

/** A reference that names another namespace than the policy's own never matches. */
function refersTo(ref: TargetRef, namespace: string, workload: WorkloadRef, gateway: string, root: string): boolean {
  if (ref.namespace !== '' && ref.namespace !== namespace) return false;
  const isWaypoint = workload.kind === 'waypoint';
  const { service } = workload;
  switch (`${ref.group}/${ref.kind}`) {
    case 'gateway.networking.k8s.io/Gateway':
      return ref.name === gateway && namespace === workload.namespace;
    case 'gateway.networking.k8s.io/GatewayClass':
      return isWaypoint && ref.name === 'istio-waypoint' && namespace === root;
    case '/Service':
    case 'core/Service':
      return isWaypoint && isService(service, ref.name, namespace, 'kubernetes');
    case 'networking.istio.io/ServiceEntry':
      return isWaypoint && isService(service, ref.name, namespace, 'external');
    default:
      return false;
  }
}

function isService(
  service: WorkloadRef['service'],
  name: string,
  namespace: string,
  registry: 'kubernetes' | 'external',
): boolean {
  return service?.name === name && service.namespace === namespace && service.registry === registry;
}
