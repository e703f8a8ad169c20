import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOwnPattern, ownPatternMatches, ownPatternsMeet } from './own-pattern.ts';

const word = fc.stringMatching(/^[ab@.]{1,4}$/);
const pattern = fc.oneof(
  word,
  word.map((text) => `${text}*`),
  word.map((text) => `*${text}`),
  fc.constant('*'),
);

describe('patterns of `owns`', () => {
  it('are a literal, a prefix, a suffix or everything', () => {
    expect(['ada@acme.com', 'svc-*', '*@acme.com', '*'].every(isOwnPattern)).toBe(true);
    expect(['', 'a*b', '**', '*a*', 'x'.repeat(257)].some(isOwnPattern)).toBe(false);
  });

  it('match as they read', () => {
    expect(ownPatternMatches('*@acme.com', 'ada@acme.com')).toBe(true);
    expect(ownPatternMatches('*@acme.com', 'ada@evil.com')).toBe(false);
    expect(ownPatternMatches('svc-*', 'svc-a')).toBe(true);
    expect(ownPatternMatches('ada', 'ada2')).toBe(false);
  });

  it('meet whenever one name matches both', () => {
    fc.assert(
      fc.property(pattern, pattern, word, (a, b, name) => {
        if (ownPatternMatches(a, name) && ownPatternMatches(b, name)) expect(ownPatternsMeet(a, b)).toBe(true);
        expect(ownPatternsMeet(a, b)).toBe(ownPatternsMeet(b, a));
      }),
    );
  });

  it('that are said to meet have a name in common', () => {
    fc.assert(
      fc.property(pattern, pattern, (a, b) => {
        if (!ownPatternsMeet(a, b)) return;
        const [x, y] = [a.replace('*', ''), b.replace('*', '')];
        const candidates = [x, y, x + y, y + x];
        expect(candidates.some((name) => ownPatternMatches(a, name) && ownPatternMatches(b, name))).toBe(true);
      }),
    );
  });
});
