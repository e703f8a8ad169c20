import type { FieldPath } from '../objects.ts';
import type { RuleSite } from './context.ts';

/** One value in a rule, of a field of `source` or `operation` or of a condition. */
export interface SiteValue {
  /** `principals`, `notPaths`; of a condition its key. */
  readonly field: string;
  readonly value: string;
  readonly negated: boolean;
  readonly path: FieldPath;
}

/** All values of a rule; a condition's key stands for the field that means the same, where there is one. */
export function valuesOf({ rule, path }: RuleSite): readonly SiteValue[] {
  return [
    ...rule.from.flatMap((source, index) => fieldsOf(source, [...path, 'from', index, 'source'])),
    ...rule.to.flatMap((operation, index) => fieldsOf(operation, [...path, 'to', index, 'operation'])),
    ...rule.when.flatMap(({ key, values, notValues }, index) => {
      const field = Object.hasOwn(SAME_AS, key) ? (SAME_AS[key] ?? key) : key;
      const at = [...path, 'when', index];
      return [...list(field, values, false, [...at, 'values']), ...list(field, notValues, true, [...at, 'notValues'])];
    }),
  ];
}

/** The positive name of a field. */
export function plainName(field: string): string {
  return /^not[A-Z]/.test(field) ? field.charAt(3).toLowerCase() + field.slice(4) : field;
}

const SAME_AS: Readonly<Record<string, string>> = {
  'source.principal': 'principals',
  'source.namespace': 'namespaces',
  'source.serviceAccount': 'serviceAccounts',
  'source.trustDomain': 'trustDomains',
  'source.ip': 'ipBlocks',
  'remote.ip': 'remoteIpBlocks',
  'request.auth.principal': 'requestPrincipals',
  'destination.port': 'ports',
};

function fieldsOf(part: object, path: FieldPath): readonly SiteValue[] {
  return Object.entries(part as Readonly<Record<string, readonly string[]>>).flatMap(([name, values]) =>
    list(plainName(name), values, plainName(name) !== name, [...path, name]),
  );
}

function list(field: string, values: readonly string[], negated: boolean, path: FieldPath): readonly SiteValue[] {
  return values.map((value, index) => ({ field, value, negated, path: [...path, index] }));
}

export const IDENTITY_FIELDS: readonly string[] = ['principals', 'namespaces', 'serviceAccounts', 'trustDomains'];
/** Fields that only an HTTP request has. */
export function isHttpField(field: string): boolean {
  return ['hosts', 'methods', 'paths', 'requestPrincipals'].includes(field) || field.startsWith('request.');
}
export function isTokenField(field: string): boolean {
  return field === 'requestPrincipals' || field.startsWith('request.auth.');
}
