import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { Problem } from '../core/problem.ts';
import { formatPath, parsePath, parseRequestTarget } from './path.ts';
import { codeOf } from './testing.ts';

const CODES = ['PATH_INVALID', 'PATH_AMBIGUOUS', 'PATH_TOO_LONG', 'QUERY_INVALID', 'QUERY_TOO_LONG'];

/** Targets that are rich in what parsers differ on. */
const hostilePath = fc
  .array(
    fc.oneof(
      fc.constantFrom('/', '/', '.', '..', '%2e', '%2E', '%2f', '%5C', '%25', '%00', '%c3%a9', '%C0%AF', 'a', 'e\u0301', 'é'),
      fc.constantFrom(
        ';',
        '+',
        '%3b',
        ':',
        '%3A',
        '@',
        '%',
        '%4',
        '#',
        '?',
        '\\',
        '"',
        '<',
        '[',
        '|',
        '%E2%84%AA',
        'K',
        '~',
        '%7e',
      ),
      fc.string({ maxLength: 2 }),
      fc.string({ unit: 'grapheme', maxLength: 2 }).map((text) => (text.isWellFormed() ? encodeURIComponent(text) : text)),
    ),
    { maxLength: 14 },
  )
  .map((parts) => `/${parts.join('')}`);

describe('parsePath', () => {
  it('splits a plain path and leaves it as it is', () => {
    expect(parsePath('/api/flows/filter')).toEqual({
      raw: '/api/flows/filter',
      segments: ['api', 'flows', 'filter'],
      trailingSlash: false,
      text: '/api/flows/filter',
    });
    expect(parsePath('/')).toEqual({ raw: '/', segments: [], trailingSlash: false, text: '/' });
    expect(parsePath('/a/')).toMatchObject({ raw: '/a/', segments: ['a'], trailingSlash: true, text: '/a/' });
  });

  it('keeps names with blanks and letters of any script', () => {
    expect(parsePath('/deployments/name/My%20Flow/na%C3%AFve')).toEqual({
      raw: '/deployments/name/My%20Flow/na%C3%AFve',
      segments: ['deployments', 'name', 'My Flow', 'naïve'],
      trailingSlash: false,
      text: '/deployments/name/My Flow/naïve',
    });
  });

  it.each([
    ['PATH-1: an encoded letter', '/flows/%66ilter', '/flows/filter'],
    ['PATH-5: an encoded colon of a custom verb', '/models/m%3Apredict', '/models/m:predict'],
    ['PATH-5: the same in lower case', '/models/m%3apredict', '/models/m:predict'],
    ['lower-case hex', '/caf%c3%a9', '/caf%C3%A9'],
    ['encoded delimiters', '/%24metadata/a%2Cb%3D%40', '/$metadata/a,b=@'],
    ['a raw delimiter that is no path character', '/a|b"c[d]', '/a%7Cb%22c%5Bd%5D'],
    ['PATH-1: a parameter, which servlet containers would cut', '/admin;x=1', '/admin%3Bx=1'],
    ['a plus sign, which some servers read as a blank', '/g++', '/g%2B%2B'],
    ['a tilde', '/%7Eada', '/~ada'],
  ])('forwards %s in its one canonical form', (_what, source, raw) => {
    expect(parsePath(source).raw).toBe(raw);
    expect(parsePath(raw).raw).toBe(raw);
  });

  it('keeps a semicolon as a literal character of the segment', () => {
    expect(parsePath('/a;b=1/c').segments).toEqual(['a;b=1', 'c']);
    expect(parsePath('/a%3Bb=1/c')).toEqual(parsePath('/a;b=1/c'));
  });

  it('PATH-5: tells other spellings of a verb apart instead of guessing', () => {
    expect(parsePath('/m:predict.').segments).toEqual(['m:predict.']);
    expect(parsePath('/m:PREDICT').segments).toEqual(['m:PREDICT']);
    expect(parsePath('/m%EF%BC%9Apredict').segments).toEqual(['m\uff1apredict']);
  });

  it('compares names in NFC and forwards their own bytes', () => {
    const composed = parsePath('/caf%C3%A9');
    const decomposed = parsePath('/cafe%CC%81');
    expect(decomposed.segments).toEqual(composed.segments);
    expect(decomposed.text).toBe(composed.text);
    expect(decomposed.raw).toBe('/cafe%CC%81');
  });

  it('escapes in the text only what would make it read like another path', () => {
    expect(parsePath('/50%25/what%3F/team%231').text).toBe('/50%25/what%3F/team%231');
    expect(parsePath('/50%25/what%3F/team%231').segments).toEqual(['50%', 'what?', 'team#1']);
  });

  it.each([
    ['empty segments', '/a//b'],
    ['an empty first segment', '//evil.example/a'],
    ['an empty last segment', '/a//'],
    ['a dot segment', '/a/./b'],
    ['a last dot segment', '/a/.'],
    ['a parent segment', '/a/../b'],
    ['an encoded dot segment', '/a/%2e/b'],
    ['an encoded parent segment', '/a/%2e%2E/b'],
    ['a half encoded parent segment', '/a/.%2e/b'],
    ['a parent segment with a parameter', '/a/..;x/b'],
    ['the same encoded', '/a/..%3Bx/b'],
    ['a parent segment with a blank', '/a/..%20/b'],
    ['an encoded slash', '/a%2fb'],
    ['an encoded slash in upper case', '/a%2Fb'],
    ['a backslash', '/a\\b'],
    ['an encoded backslash', '/a%5cb'],
    ['PATH-3: a fragment', '/admin#/public'],
    ['an escape encoded twice', '/a%252e'],
    ['a slash encoded twice', '/a%252Fb'],
    ['a letter encoded twice', '/%2566ilter'],
    ['the Kelvin sign', '/%E2%84%AA'],
    ['the Greek question mark', '/a%CD%BEb'],
  ])('PATH-1: refuses %s as ambiguous', (_what, source) => {
    expect(codeOf(() => parsePath(source))).toBe('PATH_AMBIGUOUS');
  });

  it.each([
    ['NUL', '/a%00'],
    ['an encoded line feed', '/a%0ab'],
    ['an encoded DEL', '/a%7f'],
    ['an encoded C1 control', '/a%C2%85'],
    ['an overlong slash', '/a%c0%afb'],
    ['an overlong dot', '/%c0%ae%c0%ae/b'],
    ['an encoded surrogate', '/%ED%A0%80'],
    ['a cut sequence', '/%E2%82'],
    ['a continuation byte alone', '/%80'],
    ['a code point beyond Unicode', '/%F4%90%80%80'],
    ['a lone percent', '/100%'],
    ['a percent with one digit', '/%4'],
    ['a percent with no digits', '/%zz'],
    ['IIS escapes', '/%u0041'],
    ['a raw control byte', '/a\x01'],
    ['a raw blank', '/a b'],
    ['a raw byte beyond ASCII', '/caf\xe9'],
    ['no leading slash', 'a/b'],
    ['nothing', ''],
  ])('PATH-1: refuses %s as malformed', (_what, source) => {
    expect(codeOf(() => parsePath(source))).toBe('PATH_INVALID');
  });

  it('bounds length and depth', () => {
    expect(codeOf(() => parsePath(`/${'a'.repeat(8192)}`))).toBe('PATH_TOO_LONG');
    expect(codeOf(() => parsePath('/a'.repeat(257)))).toBe('PATH_TOO_LONG');
    expect(parsePath('/a'.repeat(256)).segments).toHaveLength(256);
  });

  it('ends in a path or a known Problem for any input, and INVARIANT: the forwarded form means what was decided on', () => {
    fc.assert(
      fc.property(fc.oneof(hostilePath, fc.string(), fc.string({ unit: 'binary' })), (source) => {
        let path: ReturnType<typeof parsePath>;
        try {
          path = parsePath(source);
        } catch (thrown) {
          if (!(thrown instanceof Problem)) throw thrown;
          expect(CODES).toContain(thrown.code);
          return;
        }
        // one more reading changes nothing
        expect(parsePath(path.raw)).toEqual(path);
        // an upstream that decodes before it splits, and one that splits before it decodes
        const inner = path.raw.slice(1, path.trailingSlash ? -1 : undefined);
        const splitLate = inner === '' ? [] : decodeURIComponent(inner).split('/');
        const splitEarly = inner === '' ? [] : inner.split('/').map(decodeURIComponent);
        expect(splitLate.map((part) => part.normalize('NFC'))).toEqual(path.segments);
        expect(splitEarly).toEqual(splitLate);
        // an upstream that reads a WHATWG URL
        expect(new URL(`http://h${path.raw}`).pathname).toBe(path.raw);
        // an upstream that decodes twice, one that cuts parameters, one that reads `+` as a blank
        expect(safeDecode(splitLate.join('/'))).toBe(splitLate.join('/'));
        expect(path.raw).not.toMatch(/[;+]/);
        // the text has one reading
        expect(path.text.slice(1, path.trailingSlash ? -1 : undefined)).toBe(
          path.segments.map((part) => part.replace(/[%?#]/g, encodeURIComponent)).join('/'),
        );
      }),
      { numRuns: runs(2000) },
    );
  });

  it('gives paths of equal meaning, once decoded, the same reading', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }), (names) => {
        const everything = `/${names.map((name) => Array.from(new TextEncoder().encode(name), hex).join('')).join('/')}`;
        const usual = `/${names.map(encodeURIComponent).join('/')}`;
        expect(outcome(everything)).toEqual(outcome(usual));
      }),
      { numRuns: runs(500) },
    );
  });
});

describe('parseRequestTarget', () => {
  it('PATH-2: keeps the query out of the path', () => {
    const target = parseRequestTarget('/admin?x=/public');
    expect(target.path.segments).toEqual(['admin']);
    expect(target.rawQuery).toBe('x=/public');
    expect(target.query).toEqual([['x', '/public']]);
    expect(parseRequestTarget('/admin?/../public').path.text).toBe('/admin');
    expect(parseRequestTarget('/admin%3Fx=/public').path.segments).toHaveLength(2);
  });

  it('ends the path at the first question mark and leaves later ones to the query', () => {
    expect(parseRequestTarget('/a?b?c=d').query).toEqual([['b?c', 'd']]);
    expect(parseRequestTarget('/a?').rawQuery).toBe('');
  });

  it('PATH-3: refuses a fragment in the query, too', () => {
    expect(codeOf(() => parseRequestTarget('/admin?a=1#/public'))).toBe('QUERY_INVALID');
  });
});

describe('formatPath', () => {
  it('writes segments in the form that parsing yields', () => {
    expect(formatPath(['a b', 'c;d', 'é:x'], true)).toBe('/a%20b/c%3Bd/%C3%A9:x/');
    expect(formatPath([])).toBe('/');
  });

  it.each([['a/b'], [''], ['..'], ['\ud800'], ['a\0']])('refuses a segment that no path can hold: %j', (segment) => {
    expect(codeOf(() => formatPath([segment]))).toMatch(/^PATH_/);
  });
});

function safeDecode(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => decodeURIComponent(run));
}

function hex(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}

function outcome(source: string): unknown {
  try {
    return parsePath(source);
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    return thrown.code;
  }
}
