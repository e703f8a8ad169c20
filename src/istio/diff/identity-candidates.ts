import type { PeerIdentity } from '../facts.ts';
import type { Clause } from './clause.ts';

/** Identities that are tried: those of callers of the mesh first. */
export function* identityCandidates(clauses: readonly Clause[], usual: readonly PeerIdentity[]): Generator<PeerIdentity> {
  const parts = partsOf(clauses);
  if (!clauses.some(({ negative }) => !negative)) yield* usual;
  for (const text of parts.whole) yield uri(text);
  for (const domain of parts.domains) {
    for (const namespace of parts.namespaces) {
      for (const account of parts.accounts) yield uri(`spiffe://${domain}/ns/${namespace}/sa/${account}`);
    }
  }
  for (const prefix of parts.prefixes) yield* completions(prefix, parts);
  for (const suffix of parts.suffixes) {
    for (const domain of parts.domains)
      for (const gap of ['', '/', '/ns/other/sa/', 'x']) yield uri(`spiffe://${domain}${gap}${suffix}`);
    for (const prefix of parts.prefixes) for (const gap of ['', 'x', '/', '/x/']) yield uri(prefix + gap + suffix);
  }
  // A few combinations more where a certificate names something else.
  for (const domain of parts.domains) yield uri(`spiffe://${domain}/other`);
  yield uri('https://other.example/id');
  yield { uris: [], dns: ['other.example'], subject: '' };
  yield { uris: [], dns: [], subject: 'CN=other' };
}

interface Parts {
  readonly whole: string[];
  readonly prefixes: string[];
  readonly suffixes: string[];
  readonly domains: string[];
  readonly namespaces: string[];
  readonly accounts: string[];
}

function partsOf(clauses: readonly Clause[]): Parts {
  const parts: Parts = { whole: [], prefixes: [], suffixes: [], domains: [], namespaces: [], accounts: [] };
  for (const { leaves, negative } of clauses) {
    if (negative) continue;
    for (const leaf of leaves) {
      if (leaf.type !== 'identity') continue;
      const { test } = leaf;
      switch (test.op) {
        case 'exact':
          parts.whole.push(test.value);
          break;
        case 'prefix':
          parts.prefixes.push(test.value);
          learn(parts, test.value);
          break;
        case 'suffix':
          parts.suffixes.push(test.value);
          break;
        case 'spiffeSuffix':
          parts.suffixes.push(test.suffix);
          learnEnd(parts, test.suffix);
          break;
        case 'namespace':
          parts.namespaces.push(test.value.replaceAll('*', ''), test.value.replaceAll('*', 'other'));
          break;
        case 'serviceAccount':
          parts.namespaces.push(test.namespace);
          parts.accounts.push(test.name);
          break;
        case 'meshAccount':
          parts.namespaces.push(test.namespace);
          parts.accounts.push(test.name);
          break;
        case 'meshNamespace':
          if ('value' in test.test) parts.namespaces.push(test.test.value, `${test.test.value}other`, `other${test.test.value}`);
          break;
        case 'trustDomain':
          if (test.value !== '*') parts.domains.push(test.value.replace('*', ''), test.value.replace('*', 'other'));
          break;
      }
    }
  }
  parts.domains.push('cluster.local', 'other.example');
  parts.namespaces.push('other', 'x');
  parts.accounts.push('default', 'other', 'x');
  return parts;
}

/** What a beginning of an identity says of its parts. */
function learn(parts: Parts, prefix: string): void {
  const [, domain, namespace, account] = /^spiffe:\/\/([^/]*)(?:\/ns\/([^/]*)(?:\/sa\/([^/]*))?)?/.exec(prefix) ?? [];
  if (domain !== undefined && domain !== '') parts.domains.push(domain);
  if (namespace !== undefined && namespace !== '') parts.namespaces.push(namespace, `${namespace}other`);
  if (account !== undefined && account !== '') parts.accounts.push(account, `${account}other`);
}

function learnEnd(parts: Parts, suffix: string): void {
  const [, namespace, account] = /(?:(?:\/ns\/)?([^/]*)\/sa\/)?([^/]*)$/.exec(suffix) ?? [];
  if (namespace !== undefined && namespace !== '') parts.namespaces.push(namespace);
  if (account !== undefined && account !== '') parts.accounts.push(account, `other${account}`);
}

function* completions(prefix: string, { namespaces, accounts }: Parts): Generator<PeerIdentity> {
  for (const namespace of namespaces) {
    for (const account of accounts) {
      for (const head of ['', '/', 'x/']) yield uri(`${prefix}${head}ns/${namespace}/sa/${account}`);
      yield uri(`${prefix}/${namespace}/sa/${account}`);
      yield uri(`${prefix}${namespace}/sa/${account}`);
    }
  }
  for (const account of accounts) {
    yield uri(`${prefix}${account}`);
    yield uri(`${prefix}sa/${account}`);
    yield uri(`${prefix}/sa/${account}`);
  }
  yield uri(prefix);
}

function uri(text: string): PeerIdentity {
  return { uris: [text], dns: [], subject: '' };
}
