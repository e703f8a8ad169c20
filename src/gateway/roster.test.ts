import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Roster } from './roster.ts';

describe('a roster', () => {
  it('holds what a Set would hold, in the same order, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(20), { nil: undefined })), (steps) => {
        const roster = new Roster<object>();
        const expected = new Set<object>();
        const entered: { one: object; leave: () => boolean }[] = [];
        for (const step of steps) {
          if (step === undefined) {
            const one = {};
            expected.add(one);
            entered.push({ one, leave: roster.add(one) });
          } else {
            const chosen = entered[step % Math.max(1, entered.length)];
            if (chosen !== undefined) expect(chosen.leave()).toBe(expected.delete(chosen.one));
          }
          expect(roster.all()).toEqual([...expected]);
          expect(roster.size).toBe(expected.size);
        }
      }),
    );
  });

  it('holds one that entered twice twice', () => {
    const roster = new Roster<string>();
    const leave = roster.add('a');
    roster.add('a');
    expect([leave(), leave(), roster.size]).toEqual([true, false, 1]);
  });
});
