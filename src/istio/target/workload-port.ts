import { selects } from '../compile/attach.ts';
import type { MeshModel, Service, ServicePort, WorkloadObject } from '../objects.ts';

/** How a sidecar treats connections to a port: by its declared protocol, or by looking at the first bytes. */
export type PortTreatment = 'http' | 'tcp' | 'sniffed';

/** A port of a workload, as the connection arrives there. */
export interface WorkloadPort {
  readonly port: number;
  readonly treatment: PortTreatment;
  /** Why it was chosen, where nobody named it exactly. */
  readonly note?: string;
}

/** Protocols that Istio reads as HTTP (istio.io, protocol selection); `kubernetes.io/h2c` and the like count by their last part. */
const HTTP: readonly string[] = ['http', 'http2', 'h2c', 'grpc', 'grpc-web', 'ws'];
const TCP: readonly string[] = ['tcp', 'tls', 'https', 'wss', 'mongo', 'mysql', 'redis', 'udp'];

/** The treatment that `appProtocol`, else the beginning of the port's name, declares. */
export function treatmentOf(port: ServicePort): PortTreatment {
  const declared = port.appProtocol === '' ? port.name : (port.appProtocol.split('/').at(-1) ?? '');
  const word = declared.toLowerCase();
  const known = (list: readonly string[]) =>
    list.some((name) => word === name || (port.appProtocol === '' && word.startsWith(`${name}-`)));
  if (known(HTTP)) return 'http';
  return known(TCP) || port.protocol === 'UDP' ? 'tcp' : 'sniffed';
}

/** Services that lead to pods with these labels. */
export function servicesOf(model: MeshModel, namespace: string, labels: WorkloadObject['podLabels']): readonly Service[] {
  return model.services.filter(
    (service) => service.namespace === namespace && Object.keys(service.selector).length > 0 && selects(service.selector, labels),
  );
}

/** The port of a workload behind a port of its Service. */
export function portBehind(service: Service, port: number | undefined, workload: WorkloadObject | undefined): WorkloadPort {
  const found = port === undefined ? service.ports[0] : service.ports.find((one) => one.port === port);
  if (found === undefined) {
    const note =
      port === undefined
        ? `Service ${service.name} has no ports: 8080 is taken`
        : `Service ${service.name} has no port ${port}: it is taken as the workload's own`;
    return { port: port ?? 8080, treatment: 'sniffed', note };
  }
  const others =
    port === undefined && service.ports.length > 1
      ? `the first of ${service.ports.length} ports of Service ${service.name} is taken`
      : undefined;
  return { port: targetOf(found, workload), treatment: treatmentOf(found), ...(others === undefined ? {} : { note: others }) };
}

/** A port of a workload that was named itself. */
export function portOf(model: MeshModel, workload: WorkloadObject, port: number | undefined): WorkloadPort {
  const services = servicesOf(model, workload.namespace, workload.podLabels);
  const mapped = services.flatMap((service) =>
    service.ports.map((one) => ({ service, from: one.port, port: targetOf(one, workload), treatment: treatmentOf(one) })),
  );
  if (port === undefined) {
    const [first] = mapped;
    if (first !== undefined)
      return {
        port: first.port,
        treatment: first.treatment,
        note: `port ${first.port} is taken, where Service ${first.service.name} leads`,
      };
    const own = workload.ports[0]?.port;
    return own === undefined
      ? { port: 8080, treatment: 'sniffed', note: 'no port is known: 8080 is taken' }
      : { port: own, treatment: 'sniffed', note: `port ${own} is taken, the first of the pod` };
  }
  const here = mapped.find((one) => one.port === port);
  const elsewhere = mapped.find((one) => one.from === port && one.port !== port);
  const note =
    here === undefined && elsewhere !== undefined
      ? `${port} is a port of Service ${elsewhere.service.name}, which leads to ${elsewhere.port}: rules see the port of the workload`
      : undefined;
  return { port, treatment: here?.treatment ?? 'sniffed', ...(note === undefined ? {} : { note }) };
}

function targetOf({ targetPort, port }: ServicePort, workload: WorkloadObject | undefined): number {
  if (typeof targetPort === 'number') return targetPort;
  if (targetPort === undefined) return port;
  return workload?.ports.find(({ name }) => name === targetPort)?.port ?? port;
}
