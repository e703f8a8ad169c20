import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import type { Caller, Membership, Subject } from '../core/caller.ts';
import { matchWho, parseWho, type Width } from './who.ts';

const SOURCES = ['okta', 'prod'];
const ADA: Subject = { kind: 'user', name: 'ada' };
const FRONT: Subject = { kind: 'workload', cluster: 'prod', home: true, namespace: 'shop', serviceAccount: 'front' };

function caller(change: Partial<Caller>): Caller {
  return {
    subject: ADA,
    actors: [],
    peer: { address: '' },
    source: 'okta',
    membership: { groups: [], complete: true },
    claims: {},
    ...change,
  };
}

function match(text: string, width: Width, who: Caller): string {
  const parsed = parseWho(text, SOURCES);
  if (!parsed.ok) throw new Error(parsed.reason);
  return matchWho(parsed.form, who, width);
}

const incomplete: Membership = { groups: ['a'], complete: false };

describe('membership', () => {
  it('is unknown when the source could not name all groups', () => {
    expect(match('group:b', 'narrow', caller({ membership: incomplete }))).toBe('unknown');
    expect(match('group:b', 'wide', caller({ membership: incomplete }))).toBe('unknown');
    expect(match('group:a', 'narrow', caller({ membership: incomplete }))).toBe('true');
    expect(match('group:b', 'wide', caller({}))).toBe('false');
  });

  it('of an actor is unknown when nothing states it, except that agents are in no group', () => {
    expect(match('group:b', 'wide', caller({ actors: [FRONT] }))).toBe('unknown');
    expect(match('group:b', 'wide', caller({ actors: [FRONT], actorMembership: { groups: [], complete: true } }))).toBe('false');
    expect(match('group:b', 'wide', caller({ actors: [{ kind: 'agent', name: 'x' }] }))).toBe('false');
    expect(match('group:okta/b', 'wide', caller({ actors: [FRONT], actorMembership: { groups: ['b'], complete: true } }))).toBe(
      'false',
    );
    expect(match('group:prod/b', 'wide', caller({ actors: [FRONT], actorMembership: { groups: ['b'], complete: true } }))).toBe(
      'true',
    );
  });
});

describe('the current actor', () => {
  it('is the only one that counts: nested actors are information', () => {
    const nested = caller({
      actors: [
        { kind: 'agent', name: 'x' },
        { kind: 'agent', name: 'y' },
      ],
    });
    expect(match('agent:x for user:ada', 'narrow', nested)).toBe('true');
    expect(match('agent:y for user:ada', 'narrow', nested)).toBe('false');
    expect(match('agent:y', 'wide', nested)).toBe('false');
  });
});

describe('a shared secret', () => {
  it('is granted nothing and refused with everybody', () => {
    const secret = caller({ subject: { kind: 'shared_secret', target: 'prefect' } });
    expect(match('anyone', 'narrow', secret)).toBe('false');
    expect(match('anyone', 'wide', secret)).toBe('true');
    expect(match('user:*', 'narrow', secret)).toBe('false');
  });
});

describe('a SPIFFE pattern', () => {
  const proved = (spiffe: string) => caller({ subject: FRONT, spiffe });
  it.each([
    ['spiffe://a/ns/x', 'spiffe://a/ns/x', 'true'],
    ['spiffe://a/ns/x', 'spiffe://a/ns/xy', 'false'],
    ['spiffe://a/ns/x*', 'spiffe://a/ns/xy', 'true'],
    ['spiffe://*/xy', 'spiffe://a/ns/xy', 'true'],
    ['spiffe://*', 'spiffe://a/ns/xy', 'true'],
    ['spiffe://*', 'spiffe://', 'false'],
    ['spiffe://*', 'https://a/ns/xy', 'unknown'],
  ])('%s holds for %s: %s', (pattern, id, expected) => {
    expect(match(pattern, 'narrow', proved(id))).toBe(expected);
  });

  it.each([
    ['spiffe://any/ns/shop/sa/front', 'unknown'],
    ['spiffe://any/ns/shop/*', 'unknown'],
    ['spiffe://any*', 'unknown'],
    ['spiffe://*/sa/front', 'unknown'],
    ['spiffe://*x/ns/shop/sa/front', 'unknown'],
    ['spiffe://any/ns/other/*', 'false'],
    ['spiffe://*/sa/back', 'false'],
  ])('%s for a workload without a proved id: %s', (pattern, expected) => {
    expect(match(pattern, 'wide', caller({ subject: FRONT }))).toBe(expected);
  });
});

describe('names', () => {
  it('are compared normalised', () => {
    expect(match('user:caf\u00e9', 'wide', caller({ subject: { kind: 'user', name: 'cafe\u0301' } }))).toBe('true');
  });

  it('may hold a literal star', () => {
    expect(match('user:a\\*', 'narrow', caller({ subject: { kind: 'user', name: 'a*' } }))).toBe('true');
    expect(match('user:a\\*', 'narrow', caller({ subject: { kind: 'user', name: 'ab' } }))).toBe('false');
  });
});

const word = fc.constantFrom(
  'user:',
  'group:',
  'workload:',
  'agent:',
  'spiffe://',
  'anyone',
  'anonymous',
  ' for ',
  '*',
  '/',
  ':',
  'a',
  'prod',
  'ns',
  '\\',
  '',
  ' ',
);
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(word, { maxLength: 8 }).map((words) => words.join('')),
);
const subjects: fc.Arbitrary<Subject> = fc.constantFrom<Subject>(
  ADA,
  FRONT,
  { kind: 'agent', name: 'a' },
  { kind: 'anonymous' },
  { kind: 'shared_secret', target: 't' },
);
const callers = fc
  .record({
    subject: subjects,
    actors: fc.array(subjects, { maxLength: 2 }),
    groups: fc.subarray(['a', 'b']),
    complete: fc.boolean(),
  })
  .map(({ subject, actors, groups, complete }) => caller({ subject, actors, membership: { groups, complete } }));

describe('any text', () => {
  it('says who or is refused, and what matches narrowly matches widely', () => {
    fc.assert(
      fc.property(texts, callers, (text, who) => {
        const parsed = parseWho(text, SOURCES);
        if (!parsed.ok) {
          expect(parsed.reason).not.toBe('');
          return;
        }
        const narrow = matchWho(parsed.form, who, 'narrow');
        const wide = matchWho(parsed.form, who, 'wide');
        if (narrow === 'true') expect(wide).toBe('true');
        if (narrow === 'unknown') expect(wide).not.toBe('false');
      }),
      { numRuns: runs(1000) },
    );
  });
});
