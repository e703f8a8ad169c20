import type { JsonObject } from '../../wire/call.ts';
import type { AuthorizationPolicy, Condition, OperationMatch, PolicyAction, Rule, SourceMatch } from '../objects.ts';
import { fieldsAt, objectsAt, textAt, textsAt } from './field.ts';
import { readAttachment, readHead, type WrittenObject } from './head.ts';

/** `security.istio.io` AuthorizationPolicy, as Istio's translator takes it: absent, `null` and empty lists are the same. */
export function readAuthorizationPolicy(written: WrittenObject): AuthorizationPolicy {
  const head = readHead(written, true);
  const spec = fieldsAt(written.value, 'spec');
  return {
    ...head,
    ...readAttachment(spec),
    kind: 'AuthorizationPolicy',
    action: POLICY_ACTIONS.find((action) => action === textAt(spec, 'action')) ?? 'ALLOW',
    provider: textAt(fieldsAt(spec, 'provider'), 'name') || undefined,
    rules: objectsAt(spec, 'rules').map(readRule),
    dryRun: GO_TRUE.has(head.annotations[DRY_RUN] ?? ''),
  };
}

export const POLICY_ACTIONS: readonly PolicyAction[] = ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'];
export const DRY_RUN = 'istio.io/dry-run';
/** What Go's `strconv.ParseBool` takes for true. */
export const GO_TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
export const GO_FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

function readRule(rule: JsonObject): Rule {
  return {
    from: objectsAt(rule, 'from').map((from) => readSource(fieldsAt(from, 'source'))),
    to: objectsAt(rule, 'to').map((to) => readOperation(fieldsAt(to, 'operation'))),
    when: objectsAt(rule, 'when').map(readCondition),
  };
}

function readSource(source: JsonObject): SourceMatch {
  return {
    principals: textsAt(source, 'principals'),
    notPrincipals: textsAt(source, 'notPrincipals'),
    requestPrincipals: textsAt(source, 'requestPrincipals'),
    notRequestPrincipals: textsAt(source, 'notRequestPrincipals'),
    namespaces: textsAt(source, 'namespaces'),
    notNamespaces: textsAt(source, 'notNamespaces'),
    ipBlocks: textsAt(source, 'ipBlocks'),
    notIpBlocks: textsAt(source, 'notIpBlocks'),
    remoteIpBlocks: textsAt(source, 'remoteIpBlocks'),
    notRemoteIpBlocks: textsAt(source, 'notRemoteIpBlocks'),
    serviceAccounts: textsAt(source, 'serviceAccounts'),
    notServiceAccounts: textsAt(source, 'notServiceAccounts'),
    trustDomains: textsAt(source, 'trustDomains'),
    notTrustDomains: textsAt(source, 'notTrustDomains'),
  };
}

function readOperation(operation: JsonObject): OperationMatch {
  return {
    hosts: textsAt(operation, 'hosts'),
    notHosts: textsAt(operation, 'notHosts'),
    ports: textsAt(operation, 'ports'),
    notPorts: textsAt(operation, 'notPorts'),
    methods: textsAt(operation, 'methods'),
    notMethods: textsAt(operation, 'notMethods'),
    paths: textsAt(operation, 'paths'),
    notPaths: textsAt(operation, 'notPaths'),
  };
}

function readCondition(condition: JsonObject): Condition {
  return {
    key: textAt(condition, 'key'),
    values: textsAt(condition, 'values'),
    notValues: textsAt(condition, 'notValues'),
  };
}
