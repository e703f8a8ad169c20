import type { Chain, CustomStep, RbacStep } from '../chain.ts';
import type { AuthorizationPolicy, ExtensionProvider } from '../objects.ts';
import { compilePolicies } from './policies.ts';
import type { RuleScope } from './rule.ts';

/**
 * The CUSTOM filters (istio pilot/pkg/security/authz/builder/extauthz.go). A provider that cannot be used, or a second one on
 * the same workload, turns the rules into enforced denials; a provider over HTTP makes no filter at all on plain TCP.
 *
 * The provider's service is taken as existing: whether the mesh knows it is not in the objects that are read.
 */
export function compileCustom(
  policies: readonly AuthorizationPolicy[],
  providers: readonly ExtensionProvider[],
  scope: RuleScope,
): Pick<Chain, 'custom' | 'badCustom'> {
  const names = [...new Set(policies.map(({ provider }) => provider ?? ''))].sort();
  const custom: CustomStep[] = [];
  const badCustom: RbacStep[] = [];
  for (const name of names) {
    const own = policies.filter(({ provider }) => (provider ?? '') === name);
    const enforced = own.filter((policy) => !policy.dryRun);
    const withProvider = (id: string) => `istio-ext-authz-${name === '' ? '' : `${name}-`}${id}`;
    const provider = names.length === 1 ? usableProvider(name, providers) : undefined;
    if (provider === undefined) {
      badCustom.push(denials(enforced, scope, (id) => `${withProvider(id)}-deny-due-to-bad-CUSTOM-action`));
      continue;
    }
    if (scope.transport === 'tcp' && provider.type === 'extAuthzHttp') continue;
    // The webhook refuses dry-run on CUSTOM; past it, the builder enforces these rules as denials.
    const dryRun = own.filter((policy) => policy.dryRun);
    if (dryRun.length > 0) badCustom.push(denials(dryRun, scope, withProvider));
    if (enforced.length > 0) custom.push({ provider, ...compilePolicies(enforced, scope, withProvider) });
  }
  return { custom, badCustom };
}

function denials(policies: readonly AuthorizationPolicy[], scope: RuleScope, name: (id: string) => string): RbacStep {
  return { action: 'DENY', enforced: true, dryRun: [], ...compilePolicies(policies, scope, name) };
}

/** The provider of that name, if Istio would use it. */
function usableProvider(name: string, providers: readonly ExtensionProvider[]): ExtensionProvider | undefined {
  if (!DNS_LABEL.test(name)) return undefined;
  const found = providers.filter((provider) => provider.name === name && provider.type !== 'other');
  const [provider] = found;
  if (provider === undefined || found.length > 1) return undefined;
  const isPort = Number.isInteger(provider.port) && provider.port >= 1 && provider.port <= 65_535;
  const isService = provider.service !== '';
  return isPort && isService && errorStatus(provider) !== undefined ? provider : undefined;
}

/** The status of an answer when the authoriser cannot be reached; undefined when what is written is no status. */
export function errorStatus({ statusOnError }: ExtensionProvider): number | undefined {
  if (statusOnError === '') return 403;
  const status = /^[+-]?[0-9]{1,9}$/.test(statusOnError) ? Number(statusOnError) : Number.NaN;
  return ENVOY_STATUSES.has(status) ? status : undefined;
}

const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** envoy.type.v3.StatusCode. */
const ENVOY_STATUSES: ReadonlySet<number> = new Set([
  ...[100, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 426, 428],
  ...[429, 431, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511],
]);
