import { selects } from '../compile/attach.ts';
import type { WorkloadObject } from '../objects.ts';
import { isAmbient } from '../target/ambient.ts';
import type { LintContext, RuleSite } from './context.ts';
import type { Finding } from './finding.ts';
import { isHttpField, valuesOf } from './values.ts';

/** Policies that ztunnel enforces, which reads less of them than Envoy does and drops the rest in its own way. */
export function ambientChecks(context: LintContext): readonly Finding[] {
  return context.rules.flatMap((site) => {
    const workload = ambientWorkload(context, site);
    if (workload === undefined || (site.policy.action !== 'ALLOW' && site.policy.action !== 'DENY')) return [];
    return [...httpField(context, site, workload), ...trustDomains(context, site, workload)];
  });
}

function ambientWorkload({ model }: LintContext, { policy }: RuleSite): WorkloadObject | undefined {
  if (policy.targetRefs.length > 0) return undefined;
  const isRoot = policy.namespace === model.config.rootNamespace;
  return model.workloads.find(
    (one) => (isRoot || one.namespace === policy.namespace) && selects(policy.selector, one.podLabels) && isAmbient(model, one),
  );
}

/** Keys of conditions that are no HTTP and that ztunnel has not either. */
const NOT_AT_ZTUNNEL = ['serviceAccounts', 'trustDomains', 'connection.sni', 'remoteIpBlocks'];

function httpField(context: LintContext, site: RuleSite, workload: WorkloadObject): readonly Finding[] {
  const [value] = valuesOf(site).filter(
    ({ field, path }) =>
      isHttpField(field) || field.startsWith('experimental.') || (path.includes('when') && NOT_AT_ZTUNNEL.includes(field)),
  );
  if (value === undefined) return [];
  const where = `\`${workload.workloadKind} ${workload.namespace}/${workload.name}\``;
  const isAllow = site.policy.action === 'ALLOW';
  const isOnlyHttp = isAllow || clauseIsEmpty(site);
  if (!isOnlyHttp) return [];
  const effect = isAllow
    ? 'leaves this whole ALLOW rule out, so that a request is not allowed by it'
    : 'cannot match this DENY rule at all, so that a request is not denied by it';
  const message = `ztunnel stands before ${where} and has no \`${value.field}\`: it ${effect}, such as \`GET /\` from any workload`;
  const help =
    'target a Service with a waypoint (`targetRefs`), and leave `principals`, `namespaces`, `ipBlocks` and `ports` to ztunnel';
  return [context.finding('ambient-http-field', { object: site.policy, path: value.path, message, help })];
}

/** Some part of the rule has nothing left for ztunnel: one such part, and the rule never matches. */
function clauseIsEmpty({ rule }: RuleSite): boolean {
  const has = (lists: Readonly<Record<string, readonly string[]>>, names: readonly string[]): boolean =>
    names.some((name) => (lists[name]?.length ?? 0) > 0);
  const to = rule.to.map((operation) => has(operation as never, ['ports', 'notPorts']));
  const from = rule.from.map((source) => has(source as never, KEPT));
  const when = rule.when.map(({ key }) =>
    ['source.ip', 'source.namespace', 'source.principal', 'destination.ip', 'destination.port'].includes(key),
  );
  return (to.length > 0 && !to.includes(true)) || (from.length > 0 && !from.includes(true)) || when.includes(false);
}

const KEPT = [
  'principals',
  'notPrincipals',
  'namespaces',
  'notNamespaces',
  'serviceAccounts',
  'notServiceAccounts',
  'ipBlocks',
  'notIpBlocks',
];

function trustDomains(context: LintContext, site: RuleSite, workload: WorkloadObject): readonly Finding[] {
  return site.rule.from.flatMap((source, index) => {
    const field =
      source.trustDomains.length > 0 ? 'trustDomains' : source.notTrustDomains.length > 0 ? 'notTrustDomains' : undefined;
    if (field === undefined) return [];
    const rest = Object.entries(source).some(([name, values]) => values.length > 0 && KEPT.includes(name));
    const effect = rest
      ? 'the rest of the source decides alone, so that peers of other trust domains are matched, too'
      : 'nothing of the source is left, so that it matches no peer';
    const message = `ztunnel stands before \`${workload.workloadKind} ${workload.namespace}/${workload.name}\` and does not read \`${field}\`: ${effect}, such as \`GET /\` from \`spiffe://other.example/ns/a/sa/b\``;
    const help = 'write the trust domain into `principals`';
    return [
      context.finding('ambient-trust-domains', {
        object: site.policy,
        path: [...site.path, 'from', index, 'source', field],
        message,
        help,
      }),
    ];
  });
}
