import type { JsonObject } from '../../wire/call.ts';
import type { GatewayObject, Labels, PlainObject, Service, ServiceEntry, ServicePort, WorkloadObject } from '../objects.ts';
import { fieldsAt, labelsAt, numberAt, objectsAt, textAt, textsAt, valueAt } from './field.ts';
import { NO_LABELS, readHead, type WrittenObject } from './head.ts';

/** What Kubernetes and Istio say of who and what there is: policies refer to it, it decides nothing by itself. */
export function readPlain(written: WrittenObject, kind: PlainObject['kind']): PlainObject {
  return { ...readHead(written, kind !== 'Namespace'), kind };
}

export function readService(written: WrittenObject): Service {
  const spec = fieldsAt(written.value, 'spec');
  return {
    ...readHead(written, true),
    kind: 'Service',
    selector: labelsAt(spec, 'selector') ?? NO_LABELS,
    ports: objectsAt(spec, 'ports').map((port) => readPort(port, 'port')),
  };
}

export function readServiceEntry(written: WrittenObject): ServiceEntry {
  const spec = fieldsAt(written.value, 'spec');
  const selector = valueAt(spec, 'workloadSelector');
  return {
    ...readHead(written, true),
    kind: 'ServiceEntry',
    hosts: textsAt(spec, 'hosts'),
    ports: objectsAt(spec, 'ports').map((port) => readPort(port, 'number')),
    workloadSelector:
      selector === undefined || selector === null ? undefined : labelsAt(fieldsAt(spec, 'workloadSelector'), 'labels'),
  };
}

export function readGateway(written: WrittenObject, api: GatewayObject['api']): GatewayObject {
  const spec = fieldsAt(written.value, 'spec');
  return {
    ...readHead(written, true),
    kind: 'Gateway',
    api,
    selector: api === 'istio' ? (labelsAt(spec, 'selector') ?? NO_LABELS) : NO_LABELS,
    gatewayClass: api === 'kubernetes' ? textAt(spec, 'gatewayClassName') : '',
  };
}

export function readWorkload(written: WrittenObject, workloadKind: string): WorkloadObject {
  const head = readHead(written, true);
  const spec = fieldsAt(written.value, 'spec');
  if (workloadKind === 'WorkloadEntry') return readWorkloadEntry(head, spec);
  const template =
    workloadKind === 'Pod'
      ? written.value
      : fieldsAt(workloadKind === 'CronJob' ? fieldsAt(fieldsAt(spec, 'jobTemplate'), 'spec') : spec, 'template');
  const pod = fieldsAt(template, 'spec');
  return {
    ...head,
    kind: 'Workload',
    workloadKind,
    podLabels: labelsAt(fieldsAt(template, 'metadata'), 'labels') ?? NO_LABELS,
    serviceAccount: textAt(pod, 'serviceAccountName') || textAt(pod, 'serviceAccount') || 'default',
    ports: objectsAt(pod, 'containers').flatMap((container) =>
      objectsAt(container, 'ports').map((port) => ({
        name: textAt(port, 'name'),
        port: numberAt(port, 'containerPort') ?? 0,
        protocol: textAt(port, 'protocol') || 'TCP',
      })),
    ),
  };
}

/** Labels of the metadata win over those of the spec, as in Istio's registry. */
function readWorkloadEntry(head: ReturnType<typeof readHead>, spec: JsonObject): WorkloadObject {
  const podLabels: Labels = Object.assign(Object.create(null), labelsAt(spec, 'labels'), head.labels);
  const ports = fieldsAt(spec, 'ports');
  return {
    ...head,
    kind: 'Workload',
    workloadKind: 'WorkloadEntry',
    podLabels,
    serviceAccount: textAt(spec, 'serviceAccount'),
    ports: Object.keys(ports).map((name) => ({ name, port: numberAt(ports, name) ?? 0, protocol: 'TCP' })),
  };
}

function readPort(port: JsonObject, number: 'port' | 'number'): ServicePort {
  const target = valueAt(port, 'targetPort');
  return {
    name: textAt(port, 'name'),
    port: numberAt(port, number) ?? 0,
    targetPort: typeof target === 'number' || (typeof target === 'string' && target !== '') ? target : undefined,
    protocol: textAt(port, 'protocol') || 'TCP',
    appProtocol: textAt(port, 'appProtocol'),
  };
}
