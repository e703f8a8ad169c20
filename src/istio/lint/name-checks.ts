import { nearestName } from '../../core/diagnostic.ts';
import type { MeshModel } from '../objects.ts';
import type { LintContext, RuleSite } from './context.ts';
import type { Finding } from './finding.ts';
import { type SiteValue, valuesOf } from './values.ts';

/** Callers that the files would hold if there were any: only where they hold others of the same kind. */
export function nameChecks(context: LintContext): readonly Finding[] {
  const known = knownNames(context.model);
  return context.rules.flatMap((site) =>
    valuesOf(site).flatMap((value) => [
      ...unknownNamespace(context, site, value, known),
      ...unknownAccount(context, site, value, known),
    ]),
  );
}

interface KnownNames {
  /** Empty when the files hold no Namespace: then they say nothing of which there are. */
  readonly namespaces: readonly string[];
  /** The accounts of the namespaces of which the files hold some. */
  readonly accounts: ReadonlyMap<string, ReadonlySet<string>>;
}

function knownNames({ namespaces, workloads, serviceAccounts, services }: MeshModel): KnownNames {
  const accounts = new Map<string, Set<string>>();
  const add = (namespace: string, name: string): void => {
    const list = accounts.get(namespace);
    if (list === undefined) accounts.set(namespace, new Set(['default', name]));
    else list.add(name);
  };
  for (const { namespace, name } of serviceAccounts) add(namespace, name);
  for (const { namespace, serviceAccount } of workloads) if (serviceAccount !== '') add(namespace, serviceAccount);
  const found = [...namespaces.map(({ name }) => name), ...[...workloads, ...services].map(({ namespace }) => namespace)];
  return { namespaces: namespaces.length === 0 ? [] : [...new Set([...found, ...accounts.keys()])], accounts };
}

function unknownNamespace(
  context: LintContext,
  { policy }: RuleSite,
  { field, value, path, negated }: SiteValue,
  known: KnownNames,
): readonly Finding[] {
  if (field !== 'namespaces' || value === '*' || known.namespaces.length === 0) return [];
  const pattern = value.split('*').map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  if (known.namespaces.some((name) => new RegExp(`^${pattern.join('.*')}$`).test(name))) return [];
  const near = nearestName(value, known.namespaces);
  const effect = negated ? 'excludes none of their callers' : 'matches none of their callers';
  const message = `no namespace of the files fits \`${value}\`, so it ${effect}: a peer of \`${near ?? known.namespaces[0] ?? ''}\` is not meant by it`;
  const help = near === undefined ? `there are ${quoted(known.namespaces)}` : `did you mean \`${near}\`?`;
  return [context.finding('namespace-unknown', { object: policy, path, message, help })];
}

function unknownAccount(
  context: LintContext,
  { policy }: RuleSite,
  { field, value, path, negated }: SiteValue,
  known: KnownNames,
): readonly Finding[] {
  const [, namespace = policy.namespace, name] =
    (field === 'principals' ? PRINCIPAL : field === 'serviceAccounts' ? ACCOUNT : NOTHING).exec(value) ?? [];
  const accounts = known.accounts.get(namespace);
  if (name === undefined || accounts === undefined || accounts.has(name)) return [];
  const near = nearestName(name, accounts);
  const effect = negated ? 'excludes nobody' : 'matches nobody';
  const message = `namespace \`${namespace}\` of the files has no service account \`${name}\`, so \`${value}\` ${effect} of them: a peer \`${namespace}/${near ?? [...accounts].at(-1) ?? ''}\` is not meant by it`;
  const help = near === undefined ? `there are ${quoted([...accounts])}` : `did you mean \`${near}\`?`;
  return [context.finding('account-unknown', { object: policy, path, message, help })];
}

const PRINCIPAL = /^[^/*]+\/ns\/([^/*]+)\/sa\/([^/*]+)$/;
const ACCOUNT = /^(?:([^/*]+)\/)?([^/*]+)$/;
const NOTHING = /(?!)/;

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => `\`${name}\``);
  return names.length > 8 ? `${shown.join(', ')} and ${names.length - 8} more` : shown.join(', ');
}
