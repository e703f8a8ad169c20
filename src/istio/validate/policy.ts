import type { AuthorizationPolicy, FieldPath, OperationMatch, Rule, SourceMatch } from '../objects.ts';
import { asFields, fieldsAt, isObject, listAt, valueAt } from '../read/field.ts';
import { attachmentFaults } from './attachment.ts';
import { conditionFaults, valueFaults } from './condition.ts';
import type { ValidationFault } from './validate.ts';
import {
  ipBlock,
  loadableTemplate,
  notEmpty,
  path as pathValue,
  port,
  serviceAccount,
  trustDomain,
  type ValueCheck,
} from './value.ts';

/** What the webhook says about an AuthorizationPolicy. */
export function policyFaults(policy: AuthorizationPolicy): readonly ValidationFault[] {
  return [
    ...attachmentFaults(policy),
    ...actionFaults(policy),
    ...policy.rules.flatMap((rule, index) => ruleFaults(policy, rule, ['spec', 'rules', index])),
  ];
}

function actionFaults(policy: AuthorizationPolicy): readonly ValidationFault[] {
  const { action, rules } = policy;
  const faults: ValidationFault[] = [];
  if ((action === 'DENY' || action === 'CUSTOM') && rules.length === 0) {
    const message = `a ${action} policy without rules never does anything`;
    faults.push({
      severity: 'error',
      code: 'RULES_MISSING',
      path: ['spec'],
      message,
      help: 'write `rules: [{}]` to mean every request',
    });
  }
  const hasProvider = isObject(valueAt(fieldsAt(asFields(policy.raw), 'spec'), 'provider'));
  if (action === 'CUSTOM' && rules.length > 0 && policy.provider === undefined) {
    faults.push({
      severity: 'error',
      code: 'PROVIDER_INVALID',
      path: ['spec', 'provider'],
      message: 'a CUSTOM policy needs `provider.name`',
    });
  }
  if (action !== 'CUSTOM' && hasProvider) {
    const message = `only a CUSTOM policy has a provider, this one is ${action}`;
    faults.push({ severity: 'error', code: 'PROVIDER_INVALID', path: ['spec', 'provider'], message });
  }
  return faults;
}

function ruleFaults(policy: AuthorizationPolicy, rule: Rule, path: FieldPath): readonly ValidationFault[] {
  const raw = asFields(listAt(fieldsAt(asFields(policy.raw), 'spec'), 'rules')[path[2] as number]);
  const hasSource = listAt(raw, 'from').map((from) => isObject(valueAt(asFields(from), 'source')));
  const hasOperation = listAt(raw, 'to').map((to) => isObject(valueAt(asFields(to), 'operation')));
  const faults = [
    ...rule.from.flatMap((source, index) => sourceFaults(source, hasSource[index] === true, [...path, 'from', index])),
    ...rule.to.flatMap((operation, index) => operationFaults(operation, hasOperation[index] === true, [...path, 'to', index])),
    ...rule.when.flatMap((condition, index) => conditionFaults(condition, [...path, 'when', index])),
    ...(policy.action === 'CUSTOM' ? customFaults(rule, path) : []),
  ];
  const from = rule.from.filter((_source, index) => hasSource[index] === true);
  const to = rule.to.filter((_operation, index) => hasOperation[index] === true);
  if (policy.action === 'DENY' && deniesAllTcp(from, to)) faults.push(allTcp(path));
  return faults;
}

/** Istio's own test, which overlooks rules that only have conditions and takes `trustDomains` for an HTTP attribute. */
function deniesAllTcp(from: readonly SourceMatch[], to: readonly OperationMatch[]): boolean {
  const onTcp = from.some((source) => TCP_SOURCE.some((name) => source[name].length > 0));
  const toTcp = to.some((operation) => operation.ports.length > 0 || operation.notPorts.length > 0);
  return (from.length > 0 && to.length === 0 && !onTcp) || (to.length > 0 && !toTcp);
}

function allTcp(path: FieldPath): ValidationFault {
  const message = 'on TCP ports nothing is left of this rule that could be compared, so it denies every connection there';
  return { severity: 'warning', code: 'DENY_ALL_TCP', path, message, help: 'name the HTTP ports in `ports`' };
}

const SOURCE_CHECKS: Readonly<Record<keyof SourceMatch, readonly ValueCheck[]>> = {
  principals: [notEmpty],
  notPrincipals: [notEmpty],
  requestPrincipals: [notEmpty],
  notRequestPrincipals: [notEmpty],
  namespaces: [notEmpty],
  notNamespaces: [notEmpty],
  ipBlocks: [ipBlock],
  notIpBlocks: [ipBlock],
  remoteIpBlocks: [ipBlock],
  notRemoteIpBlocks: [ipBlock],
  serviceAccounts: [serviceAccount],
  notServiceAccounts: [serviceAccount],
  trustDomains: [trustDomain],
  notTrustDomains: [trustDomain],
};
const OPERATION_CHECKS: Readonly<Record<keyof OperationMatch, readonly ValueCheck[]>> = {
  hosts: [notEmpty],
  notHosts: [notEmpty],
  ports: [port],
  notPorts: [port],
  methods: [notEmpty],
  notMethods: [notEmpty],
  paths: [notEmpty, pathValue, loadableTemplate],
  notPaths: [notEmpty, pathValue, loadableTemplate],
};
const TCP_SOURCE: readonly (keyof SourceMatch)[] = [
  'principals',
  'notPrincipals',
  'namespaces',
  'notNamespaces',
  'ipBlocks',
  'notIpBlocks',
  'remoteIpBlocks',
  'notRemoteIpBlocks',
  'serviceAccounts',
  'notServiceAccounts',
];
const MAX_ACCOUNTS = 16;

function sourceFaults(source: SourceMatch, isWritten: boolean, path: FieldPath): readonly ValidationFault[] {
  const fields = keysOf(SOURCE_CHECKS);
  if (!isWritten || fields.every((name) => source[name].length === 0)) return [emptyPart('source', path)];
  const faults = fields.flatMap((name) =>
    SOURCE_CHECKS[name].flatMap((check) => valueFaults(source[name], check, [...path, 'source', name])),
  );
  for (const name of ['serviceAccounts', 'notServiceAccounts'] as const) {
    if (source[name].length <= MAX_ACCOUNTS) continue;
    const message = `at most ${MAX_ACCOUNTS} service accounts can stand in one list`;
    faults.push({ severity: 'error', code: 'SERVICE_ACCOUNT_INVALID', path: [...path, 'source', name], message });
  }
  const count = (names: readonly (keyof SourceMatch)[]): number => names.reduce((sum, name) => sum + source[name].length, 0);
  const accounts = count(['serviceAccounts', 'notServiceAccounts']);
  if (accounts > 0 && count(['principals', 'notPrincipals', 'namespaces', 'notNamespaces']) > 0) {
    const message = 'service accounts cannot stand beside principals or namespaces in one source';
    faults.push({ severity: 'error', code: 'SOURCE_CONFLICT', path: [...path, 'source'], message });
  }
  return faults;
}

function operationFaults(operation: OperationMatch, isWritten: boolean, path: FieldPath): readonly ValidationFault[] {
  const fields = keysOf(OPERATION_CHECKS);
  if (!isWritten || fields.every((name) => operation[name].length === 0)) return [emptyPart('operation', path)];
  return fields.flatMap((name) =>
    OPERATION_CHECKS[name].flatMap((check) => valueFaults(operation[name], check, [...path, 'operation', name])),
  );
}

function emptyPart(name: 'source' | 'operation', path: FieldPath): ValidationFault {
  const message = `this \`${name}\` names nothing, so that Envoy would take it for every ${name}`;
  const help = `leave the ${name === 'source' ? '`from`' : '`to`'} out to mean every ${name}`;
  return { severity: 'error', code: 'RULE_PART_EMPTY', path, message, help };
}

const CUSTOM_SOURCE: readonly (keyof SourceMatch)[] = [
  'principals',
  'notPrincipals',
  'requestPrincipals',
  'notRequestPrincipals',
  'namespaces',
  'notNamespaces',
  'serviceAccounts',
  'notServiceAccounts',
  'trustDomains',
  'notTrustDomains',
];
const CUSTOM_KEYS = ['source.namespace', 'source.serviceAccount', 'source.trustDomain', 'source.principal'];

function customFaults(rule: Rule, path: FieldPath): readonly ValidationFault[] {
  const fault = (name: string, at: FieldPath): ValidationFault => {
    const message = `a CUSTOM policy cannot ask for \`${name}\``;
    return {
      severity: 'error',
      code: 'CUSTOM_ATTRIBUTE',
      path: at,
      message,
      help: 'let the external authoriser decide on who calls',
    };
  };
  return [
    ...rule.from.flatMap((source, index) =>
      CUSTOM_SOURCE.filter((name) => source[name].length > 0).map((name) =>
        fault(name, [...path, 'from', index, 'source', name]),
      ),
    ),
    ...rule.when.flatMap(({ key }, index) =>
      CUSTOM_KEYS.includes(key) || key.startsWith('request.auth.') ? [fault(key, [...path, 'when', index, 'key'])] : [],
    ),
  ];
}

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): readonly Key[] {
  return Object.keys(record) as Key[];
}
