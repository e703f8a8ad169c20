import type { AnsweredCase } from './case.ts';

/**
 * The matcher kinds that an attached policy of the case uses, such as `notPaths template` or `when request.headers exact`, and what
 * the set as a whole is: its actions, its proxy, its normalisation. A pair counts for every kind of its set.
 */
export function kindsOf(one: AnsweredCase): ReadonlySet<string> {
  const kinds = new Set<string>([
    `proxy ${one.workload.kind ?? 'sidecar'}`,
    `normalization ${one.mesh.pathNormalization?.normalization ?? 'default'}`,
  ]);
  if ((one.mesh.trustDomainAliases ?? []).length > 0) kinds.add('trust-domain aliases');
  for (const { kind, metadata, spec } of one.objects) {
    if (kind === 'RequestAuthentication') kinds.add('RequestAuthentication');
    const action = String(spec?.['action'] ?? 'ALLOW');
    if (kind !== 'AuthorizationPolicy' || one.attached[action]?.includes(`${metadata.namespace}/${metadata.name}`) !== true)
      continue;
    kinds.add(`action ${action}`);
    if (metadata.annotations?.['istio.io/dry-run'] !== undefined) kinds.add('dry-run');
    if (metadata.namespace === one.mesh.rootNamespace) kinds.add('root namespace');
    for (const attachment of ['selector', 'targetRef', 'targetRefs']) if (spec?.[attachment] !== undefined) kinds.add(attachment);
    for (const rule of records(spec?.['rules'])) addRule(kinds, rule);
  }
  return kinds;
}

function addRule(kinds: Set<string>, rule: Record<string, unknown>): void {
  const parts = [...records(rule['from']).map((from) => from['source']), ...records(rule['to']).map((to) => to['operation'])];
  for (const [field, values] of parts.flatMap((part) => Object.entries(isRecord(part) ? part : {}))) {
    for (const value of texts(values)) kinds.add(`${field} ${formOf(field, value)}`);
  }
  for (const condition of records(rule['when'])) {
    // `request.headers[x-role]` and every other header are one kind.
    const written = String(condition['key']);
    const key = WELL_FORMED.test(written) ? written.replace(/\[.*$/, '') : 'malformed key';
    for (const value of texts(condition['values'])) kinds.add(`when ${key} ${formOf(key, value)}`);
    for (const value of texts(condition['notValues'])) kinds.add(`when not ${key} ${formOf(key, value)}`);
  }
}

const WELL_FORMED =
  /^(?:(?:source|remote|destination)\.ip|source\.(?:principal|namespace|serviceAccount|trustDomain)|destination\.port|connection\.sni|request\.auth\.(?:principal|audiences|presenter)|(?:request\.(?:headers|auth\.claims)|experimental\.envoy\.filters\.http\.oracle)\[.+\])$/;

function formOf(field: string, value: string): string {
  if (field === 'malformed key') return 'any';
  if (/blocks$|\.ip$/i.test(field)) return value.includes(':') ? 'v6' : 'v4';
  if (/port/i.test(field)) return 'number';
  if (/paths$/i.test(field) && value.includes('{*')) return 'template';
  if (value === '*') return 'presence';
  if (value.startsWith('*')) return 'suffix';
  return value.endsWith('*') ? 'prefix' : 'exact';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
