import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Peer } from '../core/caller.ts';
import { withoutPeer, withPeer } from './known-caller.ts';
import type { KnownCaller } from './port.ts';

const known = (name: string): KnownCaller => ({
  subject: { kind: 'user', name },
  actors: [],
  source: 'okta',
  membership: { groups: [], complete: true },
  claims: {},
});

describe('a known caller on a connection', () => {
  it('is who it was, at the place the call came from, whatever came before', () => {
    const peers: fc.Arbitrary<Peer> = fc.record(
      { address: fc.constantFrom('10.0.0.1', '10.0.0.2'), spiffe: fc.constantFrom('spiffe://a/b', 'spiffe://a/c') },
      { requiredKeys: ['address'] },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1), peers)), (calls) => {
        const people = [known('ada'), known('bob')];
        for (const [index, peer] of calls) {
          const who = people[index] ?? known('nobody');
          expect(withPeer(who, peer)).toEqual({ ...who, peer });
          expect(withoutPeer(withPeer(who, peer))).toEqual(who);
        }
      }),
    );
  });

  it('is one object while it comes from one place', () => {
    const ada = known('ada');
    const first = withPeer(ada, { address: '10.0.0.1' });
    expect(withPeer(ada, { address: '10.0.0.1' })).toBe(first);
    expect(withPeer({ ...ada }, { address: '10.0.0.1' })).not.toBe(first);
  });
});
