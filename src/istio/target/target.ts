import { nearestName } from '../../core/diagnostic.ts';
import { Problem } from '../../core/problem.ts';
import { GATEWAY_NAME, selects } from '../compile/attach.ts';
import type {
  GatewayObject,
  Labels,
  MeshModel,
  ObjectHead,
  Place,
  ProxyKind,
  Service,
  WorkloadObject,
  WorkloadRef,
} from '../objects.ts';
import { isAmbient, waypointOf } from './ambient.ts';
import { type PortTreatment, portBehind, portOf, servicesOf, treatmentOf, type WorkloadPort } from './workload-port.ts';

/** A proxy that a request meets, with what the files say about the way to it. */
export interface Target {
  readonly workload: WorkloadRef;
  /** `Deployment shop/cart`. */
  readonly title: string;
  /** Undefined when it stands in no file. */
  readonly place: Place | undefined;
  readonly localPort: number;
  readonly treatment: PortTreatment;
  /** The host that a client most likely names. */
  readonly authority: string;
  /** The identity that this proxy sees instead of the caller's own: that of the waypoint in front. */
  readonly seenAs?: string;
  readonly notes: readonly string[];
}

export interface TargetOptions {
  readonly namespace: string;
  /** Of the Service for a Service, of the workload for all others. */
  readonly port?: number;
  /** Which proxy, where the files do not tell; default: a sidecar, or ztunnel where they say ambient. */
  readonly proxy?: ProxyKind;
  /** How many proxies before a gateway are believed in `x-forwarded-for` (`numTrustedProxies`). */
  readonly trustedHops?: number;
}

/**
 * The proxies that `deploy/cart`, `pod/…`, `sa/…`, `svc/…`, `gateway/…`, `waypoint/…` or labels such as `app=cart` mean. A Service means
 * all workloads behind it. Problem: WORKLOAD_UNKNOWN.
 */
export function findTargets(model: MeshModel, spec: string, options: TargetOptions): readonly Target[] {
  const { trustedHops } = options;
  const found = targetsOf(model, spec, options);
  if (trustedHops === undefined) return found;
  return found.map((target) =>
    target.workload.kind === 'gateway' ? { ...target, workload: { ...target.workload, trustedHops } } : target,
  );
}

function targetsOf(model: MeshModel, spec: string, options: TargetOptions): readonly Target[] {
  if (/^[^/=]*=/.test(spec) || /^[^=]+\/[^=]*=/.test(spec)) return [byLabels(model, spec, options)];
  const [, kind, name] = /^([A-Za-z]+)\/([^/]+)$/.exec(spec) ?? [];
  const resource = kind === undefined ? undefined : KINDS[kind.toLowerCase()];
  if (resource === undefined || name === undefined) {
    const near = kind === undefined ? undefined : nearestName(kind, Object.keys(KINDS));
    throw unknown(`\`${spec}\` is not a target`, near === undefined ? FORMS : `did you mean \`${near}/${name}\`? ${FORMS}`);
  }
  if (resource === 'Service') return byService(model, named(model.services, 'Service', name, options.namespace), options);
  if (resource === 'Gateway') return [byGateway(model, named(model.gateways, 'Gateway', name, options.namespace), options)];
  if (resource === 'Waypoint') return [waypoint(model, name, options.namespace, undefined, options.port)];
  if (resource === 'ServiceAccount') {
    const found = model.workloads.filter((one) => one.namespace === options.namespace && one.serviceAccount === name);
    if (found.length === 0)
      throw unknown(`no workload in namespace \`${options.namespace}\` runs as service account \`${name}\``, NAMESPACE);
    return found.map((one) => ofWorkload(model, one, options));
  }
  const workloads = model.workloads.filter((one) => one.workloadKind === resource);
  return [ofWorkload(model, named(workloads, resource, name, options.namespace), options)];
}

const FORMS = 'write deploy/NAME, pod/NAME, sa/NAME, svc/NAME, gateway/NAME, waypoint/NAME, or labels such as app=NAME';
const NAMESPACE = 'name its namespace with -n, and the files with -f';

const KINDS: Readonly<Record<string, string>> = {
  deploy: 'Deployment',
  deployment: 'Deployment',
  pod: 'Pod',
  po: 'Pod',
  sts: 'StatefulSet',
  statefulset: 'StatefulSet',
  ds: 'DaemonSet',
  daemonset: 'DaemonSet',
  rs: 'ReplicaSet',
  replicaset: 'ReplicaSet',
  job: 'Job',
  cronjob: 'CronJob',
  workloadentry: 'WorkloadEntry',
  sa: 'ServiceAccount',
  serviceaccount: 'ServiceAccount',
  svc: 'Service',
  service: 'Service',
  gateway: 'Gateway',
  waypoint: 'Waypoint',
};

function named<T extends ObjectHead>(list: readonly T[], kind: string, name: string, namespace: string): T {
  const found = list.find((one) => one.name === name && one.namespace === namespace);
  if (found !== undefined) return found;
  const elsewhere = list.filter((one) => one.name === name).map((one) => one.namespace);
  if (elsewhere.length > 0)
    throw unknown(
      `there is no ${kind} \`${name}\` in namespace \`${namespace}\``,
      `it is in \`${elsewhere.join('`, `')}\`: name that with -n`,
    );
  const near = nearestName(
    name,
    list.filter((one) => one.namespace === namespace).map((one) => one.name),
  );
  throw unknown(
    `there is no ${kind} \`${name}\` in namespace \`${namespace}\` of these files`,
    near === undefined ? NAMESPACE : `did you mean \`${near}\`?`,
  );
}

function ofWorkload(model: MeshModel, workload: WorkloadObject, options: TargetOptions): Target {
  const port = portOf(model, workload, options.port);
  const [service] = servicesOf(model, workload.namespace, workload.podLabels);
  return sidecarTarget(model, workload, port, hostOf(service?.name ?? workload.name, workload.namespace), options);
}

function sidecarTarget(
  model: MeshModel,
  workload: WorkloadObject,
  port: WorkloadPort,
  authority: string,
  options: TargetOptions,
): Target {
  const gateway = workload.podLabels[GATEWAY_NAME] !== undefined;
  const kind = options.proxy ?? (gateway ? 'gateway' : isAmbient(model, workload) ? 'ztunnel' : 'sidecar');
  return {
    workload: { namespace: workload.namespace, labels: workload.podLabels, kind },
    title: `${workload.workloadKind} ${workload.namespace}/${workload.name}`,
    place: workload.placeOf([]),
    localPort: port.port,
    treatment: port.treatment,
    authority,
    notes: port.note === undefined ? [] : [port.note],
  };
}

/** The waypoint of a Service where it has one, then each workload behind it. */
function byService(model: MeshModel, service: Service, options: TargetOptions): readonly Target[] {
  const workloads = model.workloads.filter(
    (one) =>
      one.namespace === service.namespace && Object.keys(service.selector).length > 0 && selects(service.selector, one.podLabels),
  );
  const authority = hostOf(service.name, service.namespace);
  const front = options.proxy === undefined ? waypointOf(model, service) : undefined;
  const ahead = front === undefined ? [] : [waypoint(model, front.name, front.namespace, service, options.port)];
  const seenAs = front === undefined ? undefined : `spiffe://${model.config.trustDomain}/ns/${front.namespace}/sa/${front.name}`;
  if (workloads.length === 0 && ahead.length === 0) {
    if (Object.keys(service.selector).length === 0)
      throw unknown(`Service \`${service.name}\` has no selector, so the files do not tell which workloads are behind it`, FORMS);
    const { port, treatment, note } = portBehind(service, options.port, undefined);
    const gone = 'no workload behind this Service is in the files: its selector stands for their labels';
    return [
      {
        workload: { namespace: service.namespace, labels: service.selector, kind: options.proxy ?? 'sidecar' },
        title: `Service ${service.namespace}/${service.name}`,
        place: service.placeOf([]),
        localPort: port,
        treatment,
        authority,
        notes: [gone, ...(note === undefined ? [] : [note])],
      },
    ];
  }
  const behind = workloads.map((workload) => ({
    ...sidecarTarget(model, workload, portBehind(service, options.port, workload), authority, options),
    ...(seenAs === undefined ? {} : { seenAs }),
  }));
  return [...ahead, ...behind];
}

function waypoint(
  model: MeshModel,
  name: string,
  namespace: string,
  service: Service | undefined,
  port: number | undefined,
): Target {
  const object = model.gateways.find((one) => one.name === name && one.namespace === namespace && one.api === 'kubernetes');
  const entry = port === undefined ? service?.ports[0] : service?.ports.find((one) => one.port === port);
  return {
    workload: {
      namespace,
      labels: { ...object?.labels, [GATEWAY_NAME]: name },
      kind: 'waypoint',
      filterState: true,
      ...(service === undefined ? {} : { service: { name: service.name, namespace: service.namespace, registry: 'kubernetes' } }),
    },
    title: `waypoint ${namespace}/${name}${service === undefined ? '' : ` for Service ${service.name}`}`,
    place: object?.placeOf([]),
    localPort: port ?? entry?.port ?? 80,
    treatment: entry === undefined ? 'sniffed' : treatmentOf(entry),
    authority: hostOf(service?.name ?? name, service?.namespace ?? namespace),
    notes: object === undefined ? [`Gateway ${namespace}/${name} is not in the files`] : [],
  };
}

function byGateway(model: MeshModel, gateway: GatewayObject, options: TargetOptions): Target {
  if (gateway.api === 'kubernetes') {
    if (gateway.gatewayClass.endsWith('waypoint'))
      return waypoint(model, gateway.name, gateway.namespace, undefined, options.port);
    return gatewayTarget(gateway, gateway.namespace, { [GATEWAY_NAME]: gateway.name }, options.port ?? 80, []);
  }
  const pods = model.workloads.filter((one) => selects(gateway.selector, one.podLabels));
  const [pod] = pods.filter((one) => one.namespace === gateway.namespace).concat(pods);
  if (pod !== undefined)
    return gatewayTarget(gateway, pod.namespace, pod.podLabels, options.port ?? pod.ports[0]?.port ?? 8080, []);
  const { rootNamespace } = model.config;
  const note = `no workload in the files has the labels that this Gateway selects: it is taken to run in ${rootNamespace}`;
  return gatewayTarget(gateway, rootNamespace, gateway.selector, options.port ?? 8080, [note]);
}

function gatewayTarget(
  gateway: GatewayObject,
  namespace: string,
  labels: Labels,
  localPort: number,
  notes: readonly string[],
): Target {
  return {
    workload: { namespace, labels, kind: 'gateway' },
    title: `Gateway ${gateway.namespace}/${gateway.name}`,
    place: gateway.placeOf([]),
    localPort,
    treatment: 'http',
    authority: 'example.com',
    notes: [...notes, `rules see the port of the gateway's container, here ${localPort}, not the one of its Service`],
  };
}

/** `app=cart,version=v1`: pods that need not be in the files. */
function byLabels(model: MeshModel, spec: string, options: TargetOptions): Target {
  const labels: Record<string, string> = Object.create(null);
  for (const pair of spec.split(',')) {
    const [, name, value] = /^([A-Za-z0-9][A-Za-z0-9._/-]*)=([A-Za-z0-9._-]*)$/.exec(pair) ?? [];
    if (name === undefined || value === undefined) throw unknown(`\`${pair}\` is not a label such as \`app=cart\``, FORMS);
    labels[name] = value;
  }
  const { namespace } = options;
  const same = model.workloads.find((one) => one.namespace === namespace && selects(labels, one.podLabels));
  const [service] = servicesOf(model, namespace, labels);
  const port: WorkloadPort =
    service !== undefined ? portBehind(service, options.port, same) : { port: options.port ?? 8080, treatment: 'sniffed' };
  return {
    workload: { namespace, labels, kind: options.proxy ?? 'sidecar' },
    title: `pods with ${spec} in ${namespace}`,
    place: undefined,
    localPort: options.port ?? port.port,
    treatment: port.treatment,
    authority: hostOf(service?.name ?? labels['app'] ?? 'service', namespace),
    notes: port.note === undefined ? [] : [port.note],
  };
}

function hostOf(name: string, namespace: string): string {
  return `${name}.${namespace}.svc.cluster.local`;
}

function unknown(message: string, hint: string): Problem {
  return new Problem({ code: 'WORKLOAD_UNKNOWN', kind: 'invalid', message, hint });
}
