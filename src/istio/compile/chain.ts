import type { Chain, RbacStep } from '../chain.ts';
import type { AuthorizationPolicy, MeshModel, WorkloadRef } from '../objects.ts';
import type { Profile } from '../profile.ts';
import { attachedPolicies } from './attach.ts';
import { compileCustom } from './custom.ts';
import { compileJwt } from './jwt.ts';
import { compilePolicies } from './policies.ts';
import type { RuleScope } from './rule.ts';
import { compileZtunnel } from './ztunnel.ts';

/**
 * What one workload's inbound proxy enforces on HTTP or on plain TCP connections: Istio's own translation
 * (pilot/pkg/security/authz/builder), policies taken as they are even where its webhook would refuse them.
 * ztunnel reads no HTTP: its chain is for the connection, whatever is asked for.
 */
export function compileChain(model: MeshModel, workload: WorkloadRef, transport: 'http' | 'tcp', profile: Profile): Chain {
  if (workload.kind === 'ztunnel') return compileZtunnel(model, workload, profile);
  const { config } = model;
  const attached = attachedPolicies(model, workload);
  const scope: RuleScope = { transport, bundle: [config.trustDomain, ...config.trustDomainAliases] };
  return {
    transport,
    workload,
    profile,
    normalization: config.normalization,
    ...compileCustom(attached.CUSTOM, config.extensionProviders, scope),
    jwt: transport === 'http' ? compileJwt(attached.requestAuthentications) : [],
    audit: compileStep('AUDIT', attached.AUDIT, scope),
    deny: compileStep('DENY', attached.DENY, scope),
    allow: compileStep('ALLOW', attached.ALLOW, scope),
  };
}

function compileStep(
  action: RbacStep['action'],
  policies: readonly AuthorizationPolicy[],
  scope: RuleScope,
): RbacStep | undefined {
  if (policies.length === 0) return undefined;
  const enforced = policies.filter(({ dryRun }) => !dryRun);
  const rules = compilePolicies(enforced, scope, (id) => id);
  const shadow = compilePolicies(
    policies.filter(({ dryRun }) => dryRun),
    scope,
    (id) => id,
  );
  return {
    action,
    enforced: enforced.length > 0,
    rules: rules.rules,
    dryRun: shadow.rules,
    vanished: [...rules.vanished, ...shadow.vanished],
  };
}
