import type { Condition, FieldPath } from '../objects.ts';
import type { ValidationFault } from './validate.ts';
import { ipBlock, notEmpty, port, serviceAccount, type ValueCheck, wildcard } from './value.ts';

/** One `when` condition. */
export function conditionFaults(condition: Condition, path: FieldPath): readonly ValidationFault[] {
  const { key, values, notValues } = condition;
  const badKey = (message: string, help?: string): readonly ValidationFault[] => [
    {
      severity: 'error',
      code: 'CONDITION_KEY_INVALID',
      path: [...path, 'key'],
      message,
      ...(help === undefined ? {} : { help }),
    },
  ];
  if (key === '') return badKey('a condition needs a key');
  if (values.length === 0 && notValues.length === 0) {
    const message = `the condition on \`${key}\` has neither \`values\` nor \`notValues\``;
    return [{ severity: 'error', code: 'CONDITION_EMPTY', path, message, help: 'Envoy would not test it at all' }];
  }
  const check = valueCheck(key);
  if (check === undefined) return badKey(...keyFault(key));
  return [...valueFaults(values, check, [...path, 'values']), ...valueFaults(notValues, check, [...path, 'notValues'])];
}

export function valueFaults(values: readonly string[], check: ValueCheck, path: FieldPath): readonly ValidationFault[] {
  return values.flatMap((value, index) => {
    const fault = check(value);
    return fault === undefined ? [] : [{ severity: 'error' as const, ...fault, path: [...path, index] }];
  });
}

const CHECKS: Readonly<Record<string, ValueCheck>> = {
  'source.ip': both(ipBlock),
  'remote.ip': both(ipBlock),
  'destination.ip': both(ipBlock),
  'destination.port': both(port),
  'source.serviceAccount': serviceAccount,
  'source.trustDomain': wildcard,
  'source.namespace': notEmpty,
  'source.principal': notEmpty,
  'request.auth.principal': notEmpty,
  'request.auth.audiences': notEmpty,
  'request.auth.presenter': notEmpty,
  'connection.sni': notEmpty,
};

const MAP_KEYS = ['request.headers', 'request.auth.claims', 'experimental.envoy.filters.'];

/** How the values of a key are checked; undefined when Istio does not take the key. */
function valueCheck(key: string): ValueCheck | undefined {
  if (Object.hasOwn(CHECKS, key)) return CHECKS[key];
  return MAP_KEYS.some((prefix) => key.startsWith(prefix)) && isMapKey(key) ? notEmpty : undefined;
}

/** `a[b]`, with something between the brackets. */
function isMapKey(key: string): boolean {
  const open = key.indexOf('[');
  return key.endsWith(']') && open > 0 && open < key.length - 2;
}

function keyFault(key: string): [message: string, help?: string] {
  if (MAP_KEYS.some((prefix) => key.startsWith(prefix)))
    return [`\`${key}\` has no name in brackets`, 'write it as `request.headers[x-name]`'];
  if (key === 'destination.namespace')
    return ['`destination.namespace` is no attribute any more', "the policy's own namespace says it"];
  if (key.startsWith('destination.labels')) return [`\`${key}\` is no attribute any more`, 'use `selector`'];
  if (key === 'destination.name' || key === 'destination.user') return [`\`${key}\` was an attribute of v1alpha1 only`];
  return [
    `\`${key}\` is no attribute`,
    `attributes are ${[...Object.keys(CHECKS), 'request.headers[…]', 'request.auth.claims[…]'].map((name) => `\`${name}\``).join(', ')}`,
  ];
}

function both(check: ValueCheck): ValueCheck {
  return (value) => notEmpty(value) ?? check(value);
}
