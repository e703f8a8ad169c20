import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressText } from '../../../test/support/istio-address.ts';
import { parseAddress } from '../address.ts';
import { parseCidr } from '../compile/cidr.ts';
import type { CidrBlock, IdentityTest, Leaf } from '../matcher.ts';
import { PROFILES } from '../profile.ts';
import { addressCandidates } from './address-candidates.ts';
import { Automata } from './automaton.ts';
import { type Clause, clauseOf } from './clause.ts';
import { searchText } from './text-search.ts';
import { PathReader, type Reading, Value } from './value.ts';

const READING: Reading = {
  before: 'BASE',
  after: 'BASE',
  profile: PROFILES['envoy-1.40'],
  paths: new PathReader(PROFILES['envoy-1.40']),
  identities: 'all',
};
const ORIGIN = { path: [], value: '' } as const;

const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 3 });
const pathLeaf: fc.Arbitrary<Leaf> = fc.oneof(
  fc.record({ op: fc.constantFrom('exact', 'prefix', 'suffix'), value: text }).map(({ op, value }): Leaf => {
    const start = op === 'suffix' ? value : `/${value}`;
    return { type: 'path', test: { op: op as 'exact', value: start, ignoreCase: false }, origin: ORIGIN };
  }),
  fc
    .constantFrom('/{*}', '/{**}', '/a/{*}', '/{*}/b', '/{**}/a', '/a/{**}/b')
    .map((template): Leaf => ({ type: 'path', test: { op: 'template', template }, origin: ORIGIN })),
);
const name = fc.constantFrom('a', 'b', 'ab');
const identityLeaf: fc.Arbitrary<Leaf> = fc
  .oneof(
    fc.tuple(name, name).map(
      ([namespace, account]): IdentityTest => ({
        op: 'exact',
        value: `spiffe://td/ns/${namespace}/sa/${account}`,
        ignoreCase: false,
      }),
    ),
    fc
      .constantFrom('spiffe://', 'spiffe://td/', 'spiffe://td/ns/a')
      .map((value): IdentityTest => ({ op: 'prefix', value, ignoreCase: false })),
    fc.constantFrom('a', 'b', '/sa/a', 'sa/b').map((suffix): IdentityTest => ({ op: 'spiffeSuffix', suffix })),
    fc.constantFrom('a', 'b', 'a*', '*b', '*').map((value): IdentityTest => ({ op: 'namespace', value })),
    fc.tuple(name, name).map(([namespace, account]): IdentityTest => ({ op: 'serviceAccount', namespace, name: account })),
    fc.constantFrom('td', 't*', '*d', '*').map((value): IdentityTest => ({ op: 'trustDomain', value })),
    fc.constantFrom<IdentityTest>(
      { op: 'nonEmpty' },
      { op: 'meshAccount', namespace: 'a', name: 'b' },
      { op: 'meshNamespace', test: { op: 'prefix', value: 'a', ignoreCase: false } },
    ),
  )
  .map((test): Leaf => ({ type: 'identity', test, origin: ORIGIN }));

const clausesOf = (leaf: fc.Arbitrary<Leaf>) =>
  fc
    .array(fc.record({ leaves: fc.array(leaf, { minLength: 1, maxLength: 3 }), negative: fc.boolean() }), {
      minLength: 1,
      maxLength: 4,
    })
    .map((list) => list.map(({ leaves, negative }) => clauseOf(leaves, negative, '')));

function valueFor(variable: string, found: string): Value {
  return new Value(
    variable,
    variable === 'path' ? { type: 'text', text: found } : { type: 'peer', peer: { uris: [found], dns: [], subject: 'CN=none' } },
    READING,
  );
}

function found(variable: string, clauses: readonly Clause[], extra: string, isGood: (text: string) => boolean) {
  const result = searchText(clauses, { automata: new Automata(), extra, isGood });
  return { ...result, passes: result.text === undefined ? undefined : valueFor(variable, result.text).passesAll(clauses) };
}

/** Every text of a few characters. */
const SHORT: readonly string[] = ((): readonly string[] => {
  let last = [''];
  const all = [''];
  for (let length = 1; length <= 5; length += 1) {
    last = last.flatMap((start) => ['a', 'b', '/', 'x', '['].map((next) => start + next));
    all.push(...last);
  }
  return all.filter((one) => one.startsWith('/'));
})();

describe('the search for a text', () => {
  it('finds a path that the matcher takes, or there is none', () => {
    const isGood = (one: string) => one.startsWith('/') && READING.paths.normalized(one, 'BASE') === one;
    fc.assert(
      fc.property(clausesOf(pathLeaf), (clauses) => {
        const result = found('path', clauses, '/[', isGood);
        if (result.text !== undefined) return result.passes === true;
        if (!result.isComplete) return true;
        return !SHORT.some((one) => isGood(one) && valueFor('path', one).passesAll(clauses));
      }),
      { numRuns: 60 },
    );
  });

  it('finds an identity that the matcher takes', () => {
    const identities = ['td', 'tx', 'x'].flatMap((domain) =>
      ['a', 'b', 'ab', 'x'].flatMap((space) =>
        ['a', 'b', 'ab', 'x'].map((account) => `spiffe://${domain}/ns/${space}/sa/${account}`),
      ),
    );
    fc.assert(
      fc.property(clausesOf(identityLeaf), (clauses) => {
        const result = found('identity', clauses, '/', (one) => one !== '');
        if (result.text !== undefined) return result.passes === true;
        return !result.isComplete || !identities.some((one) => valueFor('identity', one).passesAll(clauses));
      }),
      { numRuns: 150 },
    );
  });

  it('ends where it would take too long, and says so', () => {
    const wide = Array.from({ length: 12 }, (_, index) =>
      clauseOf(
        [{ type: 'path', test: { op: 'template', template: `/{**}/${'ab'.repeat(index + 1)}/{**}` }, origin: ORIGIN }],
        false,
        '',
      ),
    );
    const result = found('path', wide, '/', () => false);
    expect(result.isComplete).toBe(false);
    expect(result.states).toBeLessThan(5000);
  });
});

describe('the search for an address', () => {
  const block = fc
    .tuple(
      fc.constantFrom('0.0.0.0', '10.0.0.0', '10.128.0.0', '255.255.255.255', '::', 'ffff::'),
      fc.integer({ min: 0, max: 32 }),
    )
    .map(([base, bits]): CidrBlock => parseCidr(`${base}/${bits}`) as CidrBlock);
  const clause = fc
    .record({ blocks: fc.array(block, { minLength: 1, maxLength: 3 }), negative: fc.boolean() })
    .map(({ blocks, negative }) =>
      clauseOf(
        blocks.map((one): Leaf => ({ type: 'directIp', block: one, origin: ORIGIN })),
        negative,
        '',
      ),
    );

  it('finds one that passes if any does', () => {
    const passes = (bytes: readonly number[], clauses: readonly Clause[]) =>
      new Value('directIp', { type: 'address', text: '', bytes }, READING).passesAll(clauses);
    fc.assert(
      fc.property(
        fc.array(clause, { minLength: 1, maxLength: 4 }),
        fc.array(addressText, { minLength: 20, maxLength: 20 }),
        (clauses, tried) => {
          for (const { text: shown, bytes } of addressCandidates(clauses, [])) {
            if (!passes(bytes, clauses)) continue;
            return parseAddress(shown)?.join() === bytes.join();
          }
          return !tried.some((one) => passes(parseAddress(one) ?? [], clauses));
        },
      ),
      { numRuns: 200 },
    );
  });
});
