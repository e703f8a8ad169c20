import type { Leaf } from '../matcher.ts';

/** More are not tried: the search says that it was bounded. */
const MOST_IDENTITIES = 400;

export interface IdentityPool {
  readonly identities: readonly string[];
  /** There would have been more. */
  readonly isCut: boolean;
}

/**
 * Names of callers that tell rules apart: those that a grant speaks of, in all their combinations, those of the mesh, one that nobody
 * speaks of, and those that the rules speak of which can refuse them.
 */
export function identityPool(
  own: readonly Leaf[],
  known: readonly string[],
  refusing: readonly Leaf[],
  trustDomain: string,
): IdentityPool {
  const pool = new Set<string>();
  let isCut = false;
  const add = (name: string): boolean => {
    if (pool.size < MOST_IDENTITIES) pool.add(name);
    else isCut = true;
    return !isCut;
  };
  const addAll = (parts: Parts): void => {
    for (const name of parts.whole) if (!add(name)) return;
    for (const domain of parts.domains)
      for (const namespace of parts.namespaces)
        for (const account of parts.accounts) if (!add(`spiffe://${domain}/ns/${namespace}/sa/${account}`)) return;
  };
  addAll(partsOf(own, trustDomain));
  for (const name of known.slice(0, MOST_IDENTITIES / 4)) add(name);
  if (refusing.length > 0) addAll(partsOf([...own, ...refusing], trustDomain));
  return { identities: [...pool], isCut };
}

interface Parts {
  readonly whole: Set<string>;
  readonly domains: Set<string>;
  readonly namespaces: Set<string>;
  readonly accounts: Set<string>;
}

/** What nobody is called. */
const NOBODY = 'somebody-else';

function partsOf(leaves: readonly Leaf[], trustDomain: string): Parts {
  const parts: Parts = {
    whole: new Set(),
    domains: new Set([trustDomain]),
    namespaces: new Set([NOBODY]),
    accounts: new Set([NOBODY]),
  };
  for (const leaf of leaves) {
    if (leaf.type !== 'identity') continue;
    const { test } = leaf;
    switch (test.op) {
      case 'exact':
        parts.whole.add(test.value);
        learn(parts, test.value);
        break;
      case 'prefix':
        parts.whole.add(completed(test.value));
        learn(parts, test.value);
        break;
      case 'spiffeSuffix':
        parts.whole.add(`spiffe://${test.suffix.startsWith('/') ? trustDomain : `${trustDomain}/`}${test.suffix}`);
        learn(parts, test.suffix);
        break;
      case 'suffix':
        parts.whole.add(`spiffe://${trustDomain}/${test.value}`);
        break;
      case 'namespace':
        // A short name may be one that is refused by itself.
        parts.namespaces.add(test.value.replaceAll('*', 'x'));
        parts.namespaces.add(test.value.replaceAll('*', NOBODY));
        break;
      case 'meshNamespace':
        if ('value' in test.test)
          parts.namespaces.add(
            `${test.test.op === 'suffix' ? 'x' : ''}${test.test.value}${test.test.op === 'prefix' ? 'x' : ''}`,
          );
        break;
      case 'serviceAccount':
      case 'meshAccount':
        parts.namespaces.add(test.namespace);
        parts.accounts.add(test.name);
        break;
      case 'trustDomain':
        if (test.value !== '*') parts.domains.add(test.value.replace('*', 'x'));
        break;
      case 'nonEmpty':
      case 'present':
        break;
    }
  }
  return parts;
}

/** The parts that a piece of a name shows. */
function learn({ domains, namespaces, accounts }: Parts, text: string): void {
  const [, domain] = /^spiffe:\/\/([^/*]+)\//.exec(text) ?? [];
  const [, namespace] = /\/ns\/([^/*]+)(?:\/|$)/.exec(text) ?? [];
  const [, account] = /(?:^|\/)sa\/([^/*]+)$/.exec(text) ?? [];
  if (domain !== undefined) domains.add(domain);
  if (namespace !== undefined) namespaces.add(namespace);
  if (account !== undefined) accounts.add(account);
}

/** A whole name that begins like this. */
function completed(prefix: string): string {
  if (/\/sa\/[^/]*$/.test(prefix)) return `${prefix}${prefix.endsWith('/') ? NOBODY : ''}`;
  if (/\/ns\/[^/]+\/$/.test(prefix)) return `${prefix}sa/${NOBODY}`;
  if (/\/ns\/[^/]*$/.test(prefix)) return `${prefix}${prefix.endsWith('/') ? NOBODY : ''}/sa/${NOBODY}`;
  if (/^spiffe:\/\/[^/]+\/$/.test(prefix)) return `${prefix}ns/${NOBODY}/sa/${NOBODY}`;
  if (/^spiffe:\/\/[^/]+$/.test(prefix)) return `${prefix}/ns/${NOBODY}/sa/${NOBODY}`;
  return `${prefix}${NOBODY}`;
}
