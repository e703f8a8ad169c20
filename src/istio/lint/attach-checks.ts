import { attachedPolicies, selects } from '../compile/attach.ts';
import type {
  AuthorizationPolicy,
  FieldPath,
  Labels,
  PeerAuthentication,
  RequestAuthentication,
  TargetRef,
  WorkloadObject,
} from '../objects.ts';
import { waypointOf } from '../target/ambient.ts';
import { servicesOf, treatmentOf } from '../target/workload-port.ts';
import type { LintContext, RuleSite } from './context.ts';
import type { Finding } from './finding.ts';
import { PLAIN_REQUEST } from './sample-request.ts';
import { isHttpField, valuesOf } from './values.ts';

type Attached = AuthorizationPolicy | RequestAuthentication | PeerAuthentication;

/** Which workloads and ports a policy is for. */
export function attachChecks(context: LintContext): readonly Finding[] {
  const { policies, requestAuthentications, peerAuthentications } = context.model;
  const all: readonly Attached[] = [...policies, ...requestAuthentications, ...peerAuthentications];
  return [
    ...all.flatMap((object) => selectorOfNothing(context, object)),
    ...[...policies, ...requestAuthentications].flatMap((object) => targets(context, object)),
    ...context.rules.flatMap((site) => [...servicePort(context, site), ...fieldOnTcp(context, site)]),
    ...peerAuthentications.flatMap((object) => [...rootSelector(context, object), ...peerPorts(context, object)]),
    ...custom(context),
  ];
}

function selectorOfNothing(context: LintContext, object: Attached): readonly Finding[] {
  const { selector } = object;
  const labels = Object.entries(selector ?? {});
  const isRoot = object.namespace === context.model.config.rootNamespace;
  if (selector === undefined || labels.length === 0 || (isRoot && object.kind === 'PeerAuthentication')) return [];
  const here = context.model.workloads.filter(({ namespace }) => isRoot || namespace === object.namespace);
  if (here.length === 0 || here.some(({ podLabels }) => selects(selector, podLabels))) return [];
  const text = labels.map(([name, value]) => `${name}=${value}`).join(',');
  const near = nearest(here, selector);
  const message = `no workload ${isRoot ? 'of the files' : `in namespace \`${object.namespace}\``} has the labels \`${text}\`, so this does nothing: requests to ${near} are decided without it`;
  const help = 'selectors are compared with the labels of pods, not of Services or Deployments';
  return [context.finding('selector-matches-nothing', { object, path: ['spec', 'selector'], message, help })];
}

function nearest(workloads: readonly WorkloadObject[], selector: Labels): string {
  const score = ({ podLabels }: WorkloadObject): number =>
    Object.keys(selector).filter((name) => podLabels[name] !== undefined).length;
  const [best] = [...workloads].sort((a, b) => score(b) - score(a));
  return best === undefined ? 'every workload' : `\`${best.workloadKind} ${best.namespace}/${best.name}\``;
}

function targets(context: LintContext, object: AuthorizationPolicy | RequestAuthentication): readonly Finding[] {
  return object.targetRefs.flatMap((ref, index) => {
    const isLegacy = index >= listed(object);
    const path: FieldPath = isLegacy ? ['spec', 'targetRef'] : ['spec', 'targetRefs', index];
    return [...missingTarget(context, object, ref, path), ...withoutWaypoint(context, object, ref, path)];
  });
}

function listed(object: AuthorizationPolicy | RequestAuthentication): number {
  const raw = object.raw as { readonly spec?: { readonly targetRefs?: readonly unknown[] | null } };
  return raw.spec?.targetRefs?.length ?? 0;
}

/** A name that is not there, in a namespace of which others of its kind are. */
function missingTarget(
  context: LintContext,
  object: AuthorizationPolicy | RequestAuthentication,
  ref: TargetRef,
  path: FieldPath,
): readonly Finding[] {
  const { model } = context;
  const known: Readonly<Record<string, readonly { readonly name: string; readonly namespace: string }[]>> = {
    Service: model.services,
    ServiceEntry: model.serviceEntries,
    Gateway: model.gateways.filter(({ api }) => api === 'kubernetes'),
  };
  const here = (known[ref.kind] ?? []).filter(({ namespace }) => namespace === object.namespace);
  if (here.length === 0 || here.some(({ name }) => name === ref.name)) return [];
  const names = here.map(({ name }) => `\`${name}\``).join(', ');
  const message = `namespace \`${object.namespace}\` has no ${ref.kind} \`${ref.name}\`, so this does nothing: requests to ${names} are decided without it`;
  return [context.finding('target-missing', { object, path, message, help: `there are ${names}` })];
}

function withoutWaypoint(
  context: LintContext,
  object: AuthorizationPolicy | RequestAuthentication,
  ref: TargetRef,
  path: FieldPath,
): readonly Finding[] {
  if (ref.kind !== 'Service' && ref.kind !== 'ServiceEntry') return [];
  const { services, serviceEntries } = context.model;
  const target = (ref.kind === 'Service' ? services : serviceEntries).find(
    ({ name, namespace }) => name === ref.name && namespace === object.namespace,
  );
  if (target === undefined || waypointOf(context.model, target) !== undefined) return [];
  const message = `only waypoints enforce a policy that targets a ${ref.kind}, and \`${ref.name}\` uses none: requests to it are decided without this, by sidecars as well`;
  const help = `label the ${ref.kind} or its namespace with \`istio.io/use-waypoint\`, or use \`selector\``;
  return [context.finding('target-without-waypoint', { object, path, message, help })];
}

/** Rules see the port of the workload, not the one that clients of the Service name. */
function servicePort(context: LintContext, site: RuleSite): readonly Finding[] {
  const { policy } = site;
  const workloads = workloadsOf(context, policy);
  const values = valuesOf(site).filter(({ field, value }) => field === 'ports' && /^[0-9]+$/.test(value));
  return values.flatMap(({ value, path, negated }) => {
    const other = renamed(context, workloads, Number(value));
    if (other === undefined) return [];
    const message = `port ${value} is the Service's: connections reach \`${other.workload}\` on ${other.port}, which this value does not ${negated ? 'exclude' : 'match'}`;
    return [context.finding('service-port', { object: policy, path, message, help: `write \`"${other.port}"\`` })];
  });
}

/** The port of the workload where a number is only a Service's, for all workloads alike. */
function renamed(
  context: LintContext,
  workloads: readonly WorkloadObject[],
  port: number,
): { readonly workload: string; readonly port: number } | undefined {
  let found: { readonly workload: string; readonly port: number } | undefined;
  for (const workload of workloads) {
    const ports = servicesOf(context.model, workload.namespace, workload.podLabels).flatMap((service) =>
      service.ports.map((one) => ({ from: one.port, to: targetOf(one.targetPort, one.port, workload) })),
    );
    if (ports.some(({ to }) => to === port) || workload.ports.some((one) => one.port === port)) return undefined;
    const mapped = ports.find(({ from }) => from === port);
    if (mapped?.to === undefined) return undefined;
    found ??= { workload: `${workload.workloadKind} ${workload.namespace}/${workload.name}`, port: mapped.to };
  }
  return found;
}

function targetOf(target: number | string | undefined, port: number, workload: WorkloadObject): number | undefined {
  if (target === undefined) return port;
  return typeof target === 'number' ? target : workload.ports.find(({ name }) => name === target)?.port;
}

function workloadsOf(context: LintContext, object: Attached): readonly WorkloadObject[] {
  if (object.kind !== 'PeerAuthentication' && object.targetRefs.length > 0) return [];
  const isRoot = object.namespace === context.model.config.rootNamespace;
  return context.model.workloads.filter(
    ({ namespace, podLabels }) => (isRoot || namespace === object.namespace) && selects(object.selector, podLabels),
  );
}

/** A port that a Service declares as no HTTP gets the TCP form of the rule. */
function fieldOnTcp(context: LintContext, site: RuleSite): readonly Finding[] {
  const { policy, index } = site;
  if (policy.action === 'AUDIT' || policy.dryRun) return [];
  const [value] = valuesOf(site).filter(({ field }) => isHttpField(field));
  if (value === undefined) return [];
  for (const workload of workloadsOf(context, policy)) {
    const ref = context
      .proxiesOf(policy)
      .find(
        ({ namespace, labels, kind }) => kind === 'sidecar' && namespace === workload.namespace && labels === workload.podLabels,
      );
    const port = tcpPort(context, workload);
    if (ref === undefined || port === undefined) continue;
    const chain = context.chain(ref, 'tcp');
    const facts = { ...PLAIN_REQUEST, transport: 'tcp' as const, localPort: port };
    const example = context.example(chain, facts);
    const at = `TCP port ${port} of \`${workload.workloadKind} ${workload.namespace}/${workload.name}\``;
    if (
      policy.action === 'ALLOW' &&
      chain.allow?.vanished.some((rule) => rule.policy === policy && rule.index === index) === true
    ) {
      const message = `\`${value.field}\` does not exist on ${at}, where this whole ALLOW rule is left out: \`${example?.request ?? ''}\` is not allowed by it`;
      const help = 'add an ALLOW rule without HTTP fields for that port';
      return [
        context.finding('http-field-on-tcp', {
          object: policy,
          path: value.path,
          message,
          help,
          ...(example?.verdict === 'deny' ? { example } : {}),
        }),
      ];
    }
    if (
      policy.action !== 'DENY' ||
      chain.deny?.rules.every((rule) => rule.policy !== policy || rule.index !== index || rule.dropped.length === 0) !== false
    )
      continue;
    if (example?.verdict !== 'deny') continue;
    const message = `\`${value.field}\` does not exist on ${at}, where the rule denies without it: \`${example.request}\` is denied`;
    const help = 'name the HTTP ports in `ports`';
    return [context.finding('http-field-on-tcp', { object: policy, path: value.path, message, help, example })];
  }
  return [];
}

function tcpPort(context: LintContext, workload: WorkloadObject): number | undefined {
  for (const service of servicesOf(context.model, workload.namespace, workload.podLabels)) {
    for (const port of service.ports) {
      const target =
        treatmentOf(port) === 'tcp' && port.protocol !== 'UDP' ? targetOf(port.targetPort, port.port, workload) : undefined;
      if (target !== undefined) return target;
    }
  }
  return undefined;
}

function rootSelector(context: LintContext, object: PeerAuthentication): readonly Finding[] {
  const isRoot = object.namespace === context.model.config.rootNamespace;
  if (!isRoot || Object.keys(object.selector ?? {}).length === 0) return [];
  const message = `a PeerAuthentication with a selector in the root namespace \`${object.namespace}\` is not read for any other namespace: a workload there with these labels keeps its mode`;
  return [
    context.finding('peer-selector-in-root', {
      object,
      path: ['spec', 'selector'],
      message,
      help: 'put it into the namespace of the workload',
    }),
  ];
}

function peerPorts(context: LintContext, object: PeerAuthentication): readonly Finding[] {
  return Object.keys(object.portLevelMtls).flatMap((port) => {
    const other = /^[0-9]+$/.test(port) ? renamed(context, workloadsOf(context, object), Number(port)) : undefined;
    if (other === undefined) return [];
    const message = `port ${port} is the Service's: connections reach \`${other.workload}\` on ${other.port}, which keeps the mode of the workload`;
    return [
      context.finding('service-port', {
        object,
        path: ['spec', 'portLevelMtls', port],
        message,
        help: `write \`${other.port}\``,
      }),
    ];
  });
}

/** Providers that nobody configured, and more of them than one proxy takes. */
function custom(context: LintContext): readonly Finding[] {
  const { policies, config } = context.model;
  const known = config.extensionProviders.map(({ name }) => name);
  const customs = policies.filter(({ action, dryRun }) => action === 'CUSTOM' && !dryRun);
  const unknown = customs.flatMap((policy) => {
    if (known.length === 0 || policy.provider === undefined || known.includes(policy.provider)) return [];
    const message = `the mesh configuration has no provider \`${policy.provider}\`, so what these rules match is denied without asking: every such request gets 403`;
    const help = `providers are ${known.map((name) => `\`${name}\``).join(', ')}`;
    return [context.finding('provider-unknown', { object: policy, path: ['spec', 'provider', 'name'], message, help })];
  });
  const several = customs.flatMap((policy) => {
    const others = context
      .proxiesOf(policy)
      .flatMap((workload) =>
        attachedPolicies(context.model, workload).CUSTOM.filter((other) => other.provider !== policy.provider && !other.dryRun),
      );
    const [other] = others;
    if (other === undefined || customs.indexOf(policy) < customs.indexOf(other)) return [];
    const message = `\`${other.namespace}/${other.name}\` asks \`${other.provider ?? ''}\` for a workload that this asks \`${policy.provider ?? ''}\` for, and a proxy takes one provider: what the rules of either match is denied with 403`;
    const help = 'use one provider for each workload';
    return [context.finding('several-providers', { object: policy, path: ['spec', 'provider', 'name'], message, help })];
  });
  return [...unknown, ...several];
}
