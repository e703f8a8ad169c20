import type { MeshModel } from '../objects.ts';

/** A service account that the files speak of: as an object, or because a workload runs as it. */
export interface KnownAccount {
  /** `namespace/name`. */
  readonly account: string;
  /** Its name in a certificate. */
  readonly identity: string;
  /** `Deployment shop/cart`. */
  readonly workloads: readonly string[];
}

/** In the order of their names. */
export function accountsOf({ config, serviceAccounts, workloads }: MeshModel): readonly KnownAccount[] {
  const found = new Map<string, string[]>();
  const add = (namespace: string, name: string): string[] => {
    const key = `${namespace}/${name}`;
    const list = found.get(key) ?? [];
    found.set(key, list);
    return list;
  };
  for (const { namespace, name } of serviceAccounts) add(namespace, name);
  for (const { namespace, serviceAccount, workloadKind, name } of workloads) {
    if (serviceAccount !== '') add(namespace, serviceAccount).push(`${workloadKind} ${namespace}/${name}`);
  }
  return [...found.entries()]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([account, used]) => ({
      account,
      identity: `spiffe://${config.trustDomain}/ns/${account.replace('/', '/sa/')}`,
      workloads: used,
    }));
}
