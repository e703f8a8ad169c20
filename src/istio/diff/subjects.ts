import { GATEWAY_NAME, selects } from '../compile/attach.ts';
import type { Attachment, Labels, MeshModel, ObjectHead, TargetRef, WorkloadObject, WorkloadRef } from '../objects.ts';
import { isAmbient, waypointOf } from '../target/ambient.ts';
import { portOf, servicesOf, treatmentOf } from '../target/workload-port.ts';
import type { Subject } from './result.ts';

/** A workload on both sides; its labels may differ between them. */
export interface SubjectPair extends Subject {
  readonly before: WorkloadRef;
  readonly after: WorkloadRef;
  readonly authority: string;
  /** Ports that the files name, and how each is taken; empty when they name none. */
  readonly ports: readonly number[];
  /** Kinds of connections that it may get. */
  readonly transports: readonly ('http' | 'tcp')[];
}

const BOTH = ['http', 'tcp'] as const;

/** A namespace that no policy is in: what holds there holds in all of them. */
const ELSEWHERE = 'elsewhere';

/** Selectors that are tried together; beyond, the answer is not complete. */
const MAX_PAIRED = 40;

export interface Subjects {
  readonly subjects: readonly SubjectPair[];
  readonly bounds: readonly string[];
}

/**
 * Everything that policies can attach to: the workloads in the files, and one stand-in for each selector, namespace and reference
 * that no workload in the files answers to, so that a folder without workloads is compared too.
 */
export function subjectsOf(before: MeshModel, after: MeshModel): Subjects {
  const collector = new Collector(before, after);
  collector.known();
  collector.selected();
  collector.referenced();
  collector.places();
  return { subjects: collector.subjects, bounds: collector.bounds };
}

class Collector {
  readonly subjects: SubjectPair[] = [];
  readonly bounds: string[] = [];
  readonly #before: MeshModel;
  readonly #after: MeshModel;
  readonly #byLabel = new Map<string, SubjectPair[]>();

  constructor(before: MeshModel, after: MeshModel) {
    this.#before = before;
    this.#after = after;
  }

  known(): void {
    const olds = byName(this.#before.workloads);
    const news = byName(this.#after.workloads);
    for (const name of new Set([...news.keys(), ...olds.keys()])) {
      const now = news.get(name) ?? olds.get(name);
      const old = olds.get(name) ?? now;
      if (now === undefined || old === undefined) continue;
      const { workloadKind } = now;
      this.#add({
        title: `${workloadKind} ${now.namespace}/${now.name}`,
        before: this.#workload(this.#before, old),
        after: this.#workload(this.#after, now),
        target: ['-n', now.namespace, '--to', `${workloadKind.toLowerCase()}/${now.name}`],
        isKnown: true,
        ports: this.#ports(now),
        name: now.name,
        transports: this.#transports(now),
      });
    }
  }

  #ports(workload: WorkloadObject): readonly number[] {
    const { port } = portOf(this.#after, workload, undefined);
    return [...new Set([port, ...workload.ports.map((one) => one.port)])];
  }

  /** HTTP alone, or plain TCP alone, where the Services in front say so of every port. */
  #transports(workload: WorkloadObject): readonly ('http' | 'tcp')[] {
    const [services = []] = [this.#after, this.#before]
      .map((model) => servicesOf(model, workload.namespace, workload.podLabels))
      .filter((found) => found.length > 0);
    const treatments = new Set(services.flatMap((service) => service.ports.map(treatmentOf)));
    if (isAmbient(this.#after, workload) && isAmbient(this.#before, workload)) return ['tcp'];
    if (treatments.size !== 1) return BOTH;
    return treatments.has('http') ? ['http'] : treatments.has('tcp') ? ['tcp'] : BOTH;
  }

  #workload(model: MeshModel, { namespace, podLabels, ...rest }: WorkloadObject): WorkloadRef {
    const object = { namespace, podLabels, ...rest };
    const gateway = podLabels[GATEWAY_NAME];
    const isWaypoint =
      gateway !== undefined &&
      model.gateways.some(
        (one) =>
          one.api === 'kubernetes' &&
          one.name === gateway &&
          one.namespace === namespace &&
          one.gatewayClass.endsWith('waypoint'),
      );
    if (isWaypoint) return { namespace, labels: podLabels, kind: 'waypoint', filterState: true };
    const serves =
      gateway !== undefined ||
      model.gateways.some(
        (one) => one.api === 'istio' && Object.keys(one.selector).length > 0 && selects(one.selector, podLabels),
      );
    if (serves) return { namespace, labels: podLabels, kind: 'gateway' };
    return { namespace, labels: podLabels, kind: isAmbient(model, object) ? 'ztunnel' : 'sidecar' };
  }

  /** Labels that selectors ask for and no workload has, alone and two together. */
  selected(): void {
    const roots = new Set([this.#before.config.rootNamespace, this.#after.config.rootNamespace]);
    const bySpace = new Map<string, Map<string, Labels>>();
    for (const { namespace, selector } of this.#attachments()) {
      const own = bySpace.get(namespace) ?? new Map<string, Labels>();
      bySpace.set(namespace, own);
      if (selector !== undefined && Object.keys(selector).length > 0) own.set(labelText(selector), selector);
    }
    // A selector in the root namespace selects in every namespace.
    const everywhere = [...roots].flatMap((root) => [...(bySpace.get(root)?.values() ?? [])]);
    for (const labels of everywhere) if (this.#find('', labels) === undefined) this.#standIn(ELSEWHERE, labels);
    for (const [namespace, own] of bySpace) {
      if (roots.has(namespace)) continue;
      for (const labels of own.values()) if (this.#find(namespace, labels) === undefined) this.#standIn(namespace, labels);
      this.#together(namespace, [...new Map([...own, ...everywhere.map((one) => [labelText(one), one] as const)]).values()]);
    }
    this.#together(ELSEWHERE, everywhere);
  }

  #together(namespace: string, selectors: readonly Labels[]): void {
    if (selectors.length > MAX_PAIRED) {
      this.bounds.push(
        `namespace ${namespace} has ${selectors.length} selectors: pods that two of them select are compared only where they are in the files`,
      );
      return;
    }
    for (const [index, left] of selectors.entries()) {
      if (this.#find(namespace, left) === undefined) this.#standIn(namespace, left);
      for (const right of selectors.slice(index + 1)) {
        // Labels of one name with two values never meet.
        const both = { ...left, ...right };
        if (selects(left, both) && this.#find(namespace, both) === undefined) this.#standIn(namespace, both);
      }
    }
  }

  /** A subject that a selector selects, in one namespace or, for an empty name, in any. */
  #find(namespace: string, labels: Labels): SubjectPair | undefined {
    const [first] = Object.entries(labels);
    if (first === undefined) return undefined;
    return this.#byLabel.get(labelKey(namespace, ...first))?.find(({ after }) => selects(labels, after.labels));
  }

  #standIn(namespace: string, labels: Labels): void {
    const ref: WorkloadRef = { namespace, labels, kind: labels[GATEWAY_NAME] === undefined ? 'sidecar' : 'gateway' };
    const proxy = ref.kind === 'gateway' ? ['--proxy', 'gateway'] : [];
    this.#add({
      title: `pods with ${labelText(labels)} in ${namespace === ELSEWHERE ? 'any namespace' : namespace}`,
      before: ref,
      after: ref,
      target: ['-n', namespace, '--to', labelText(labels), ...proxy],
      isKnown: false,
      ports: [],
      name: labels['app'] ?? 'service',
    });
  }

  /** Gateways and waypoints that are in the files, and those that policies refer to. */
  referenced(): void {
    for (const model of [this.#after, this.#before]) {
      for (const gateway of model.gateways) {
        if (gateway.api !== 'kubernetes') continue;
        if (!gateway.gatewayClass.endsWith('waypoint')) {
          this.#gateway(gateway.namespace, gateway.name);
          continue;
        }
        const served = model.services.filter((service) => {
          const waypoint = waypointOf(model, service);
          return waypoint?.name === gateway.name && waypoint.namespace === gateway.namespace;
        });
        if (served.length === 0) this.#waypoint(gateway.namespace, gateway.name, undefined);
        for (const { name, namespace } of served) {
          this.#waypoint(gateway.namespace, gateway.name, { name, namespace, registry: 'kubernetes' });
        }
      }
    }
    for (const object of this.#attachments()) for (const ref of object.targetRefs) this.#reference(ref, object.namespace);
  }

  #reference({ group, kind, name }: TargetRef, namespace: string): void {
    switch (`${group}/${kind}`) {
      case 'gateway.networking.k8s.io/Gateway':
        // A waypoint of that name was added with the Gateway objects.
        this.#gateway(namespace, name);
        return;
      case 'gateway.networking.k8s.io/GatewayClass':
        if (name === 'istio-waypoint') this.#waypoint('other', 'waypoint', undefined);
        return;
      case '/Service':
      case 'core/Service':
        this.#waypoint(namespace, 'waypoint', { name, namespace, registry: 'kubernetes' });
        return;
      case 'networking.istio.io/ServiceEntry':
        this.#waypoint(namespace, 'waypoint', { name, namespace, registry: 'external' });
        return;
    }
  }

  #gateway(namespace: string, name: string): void {
    const isHere = this.subjects.some(({ after }) => after.namespace === namespace && after.labels[GATEWAY_NAME] === name);
    if (isHere) return;
    const ref: WorkloadRef = { namespace, labels: { [GATEWAY_NAME]: name }, kind: 'gateway' };
    const isObject = this.#after.gateways.some(
      (one) => one.namespace === namespace && one.name === name && one.api === 'kubernetes',
    );
    const target = isObject ? ['--to', `gateway/${name}`] : ['--to', `${GATEWAY_NAME}=${name}`, '--proxy', 'gateway'];
    this.#add({
      title: `Gateway ${namespace}/${name}`,
      before: ref,
      after: ref,
      target: ['-n', namespace, ...target],
      isKnown: isObject,
      ports: [],
      name,
    });
  }

  #waypoint(namespace: string, name: string, service: WorkloadRef['service']): void {
    const same = (one: WorkloadRef['service']) =>
      one?.name === service?.name && one?.namespace === service?.namespace && one?.registry === service?.registry;
    const isHere = this.subjects.some(
      ({ after }) =>
        after.kind === 'waypoint' && same(after.service) && (service !== undefined || after.labels[GATEWAY_NAME] === name),
    );
    if (isHere) return;
    const ref: WorkloadRef = {
      namespace,
      labels: { [GATEWAY_NAME]: name },
      kind: 'waypoint',
      filterState: true,
      ...(service === undefined ? {} : { service }),
    };
    const kind = service?.registry === 'external' ? 'ServiceEntry' : 'Service';
    const title =
      service === undefined ? `waypoint ${namespace}/${name}` : `waypoint of ${kind} ${service.namespace}/${service.name}`;
    const isServed =
      service?.registry === 'kubernetes' &&
      this.#after.services.some(
        (one) => one.name === service.name && one.namespace === service.namespace && waypointOf(this.#after, one) !== undefined,
      );
    const target =
      isServed && service !== undefined
        ? ['-n', service.namespace, '--to', `svc/${service.name}`]
        : ['-n', namespace, '--to', `waypoint/${name}`];
    this.#add({ title, before: ref, after: ref, target, isKnown: isServed, ports: [], name: service?.name ?? name });
  }

  /** Workloads that no selector is for: one in each namespace with policies, and one in another namespace. */
  places(): void {
    const attachments = this.#attachments();
    const roots = new Set([this.#before.config.rootNamespace, this.#after.config.rootNamespace]);
    const names = new Set(attachments.map(({ namespace }) => namespace));
    const values = new Set(attachments.flatMap(({ selector }) => Object.values(selector ?? {})));
    const app = ['other', 'another', 'unselected'].find((name) => !values.has(name)) ?? 'x-other';
    if (attachments.some(({ namespace }) => roots.has(namespace))) names.add(ELSEWHERE);
    for (const namespace of names) {
      const ref: WorkloadRef = { namespace, labels: { app }, kind: 'sidecar' };
      const where = namespace === ELSEWHERE ? 'workloads of namespaces without policies' : `other workloads in ${namespace}`;
      this.#add({
        title: where,
        before: ref,
        after: ref,
        target: ['-n', namespace, '--to', `app=${app}`],
        isKnown: false,
        ports: [],
        name: app,
      });
    }
  }

  #attachments(): readonly (Partial<Attachment> &
    ObjectHead & { readonly selector: Labels | undefined; readonly targetRefs: readonly TargetRef[] })[] {
    return [this.#before, this.#after].flatMap((model) => [
      ...model.policies,
      ...model.requestAuthentications,
      ...model.peerAuthentications.map((one) => ({ ...one, targetRefs: [] })),
    ]);
  }

  #add({
    name,
    ...rest
  }: Omit<SubjectPair, 'ref' | 'authority' | 'transports'> & {
    readonly name: string;
    readonly transports?: SubjectPair['transports'];
  }): void {
    const authority = `${name}.${rest.after.namespace}.svc.cluster.local`;
    const subject: SubjectPair = { transports: BOTH, ...rest, ref: rest.after, authority };
    this.subjects.push(subject);
    if (subject.after.kind === 'waypoint') return;
    for (const label of Object.entries(subject.after.labels)) {
      for (const namespace of ['', subject.after.namespace]) {
        const key = labelKey(namespace, ...label);
        const known = this.#byLabel.get(key);
        if (known === undefined) this.#byLabel.set(key, [subject]);
        else known.push(subject);
      }
    }
  }
}

function byName(workloads: readonly WorkloadObject[]): ReadonlyMap<string, WorkloadObject> {
  return new Map(workloads.map((one) => [`${one.workloadKind} ${one.namespace}/${one.name}`, one]));
}

function labelKey(namespace: string, name: string, value: string): string {
  return `${namespace}\n${name}\n${value}`;
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
}
