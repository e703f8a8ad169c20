import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { resourceText } from '../core/access.ts';
import type { SegmentPattern } from './port.ts';
import { matchesResource, parseResourcePattern, parseResourceText } from './resource-pattern.ts';
import { matchesText } from './text-pattern.ts';

/** The definition, written down without regard to cost. */
function matchesPlainly(pattern: readonly SegmentPattern[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return path.length === 0;
  if (first.kind === 'deep') return matchesPlainly(rest, path) || (path.length > 0 && matchesPlainly(pattern, path.slice(1)));
  const [head, ...tail] = path;
  return head !== undefined && matchesText(first, head) && matchesPlainly(rest, tail);
}

const segment = fc.constantFrom('a', 'b', 'ab', '', '*');
const part = fc.constantFrom('a', 'b', 'ab', 'a*', '*b', '*', '**', '\\*');

describe('a resource pattern', () => {
  it('matches as its definition says', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 7 }), fc.array(segment, { maxLength: 7 }), (parts, path) => {
        const parsed = parseResourcePattern(['**', ...parts].join('/'), []);
        if (!parsed.ok) throw new Error(parsed.reason);
        expect(matchesResource(parsed, path)).toBe(matchesPlainly(parsed.segments, path));
      }),
      { numRuns: runs(1500) },
    );
  });

  it('is bounded in cost for many `**` over a long path', () => {
    const parsed = parseResourcePattern(Array.from({ length: 20 }, () => '**/a').join('/'), []);
    if (!parsed.ok) throw new Error(parsed.reason);
    const started = performance.now();
    expect(
      matchesResource(
        parsed,
        Array.from({ length: 5000 }, (_, index) => (index % 300 === 0 ? 'a' : 'b')),
      ),
    ).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('is read or refused for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('web', '/', '*', '\\', 'a', '\u0000', 'é') }), (text) => {
        const parsed = parseResourcePattern(text, ['web']);
        if (!parsed.ok) expect(parsed.reason).not.toBe('');
        else expect(parsed.segments.length).toBeGreaterThan(0);
      }),
    );
  });

  it('that is a resource written out matches exactly that resource', () => {
    const names = fc.array(fc.string({ minLength: 1, unit: fc.constantFrom('a', '/', '*', '\\', 'é') }), { maxLength: 4 });
    fc.assert(
      fc.property(names, names, (path, other) => {
        const text = resourceText(['web', ...path]);
        expect(parseResourceText(text)).toEqual(['web', ...path]);
        const parsed = parseResourcePattern(text, ['web']);
        if (!parsed.ok) throw new Error(parsed.reason);
        expect(matchesResource(parsed, ['web', ...path])).toBe(true);
        expect(matchesResource(parsed, ['web', ...other])).toBe(JSON.stringify(path) === JSON.stringify(other));
      }),
    );
  });
});
