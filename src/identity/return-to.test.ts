import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { localPath, localPathOrRoot } from './return-to.ts';

const FOREIGN = [
  '//evil.example',
  '///evil.example',
  '\\\\evil.example',
  '/\\evil.example',
  '\\/evil.example',
  '/\\/evil.example',
  'https:evil.example',
  'https:/evil.example',
  'https://evil.example',
  'https:\\\\evil.example',
  'javascript:alert(1)',
  'data:text/html,x',
  '@evil.example',
  '/@evil.example/..//evil.example',
  '.evil.example',
  'evil.example',
  '',
  ' /',
  '/ /evil.example',
  '\t//evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\r\nset-cookie: a=b',
  '/%2fevil.example',
  '/%2Fevil.example',
  '/%5cevil.example',
  '/%255cevil.example',
  '/%252fevil.example',
  '/%25252fevil.example',
  '/%2f%2fevil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/a/..//evil.example',
  '/%2e%2e//evil.example',
  '/\u2215evil.example',
  '/\uFF0Fevil.example',
  '/a#//evil.example',
  '/.fairlead/login',
  '/%2efairlead/login',
  '/.FAIRLEAD/session?code=x',
  `/${'a'.repeat(2_000)}`,
];

describe('where a sign-in may return to', () => {
  it.each(FOREIGN)('CSRF-1: not %j', (text) => {
    expect(localPath(text)).toBeUndefined();
    expect(localPathOrRoot(text)).toBe('/');
  });

  it.each([
    '/',
    '/runs?limit=5',
    '/runs/flow-run/1?next=https%3A%2F%2Fa.example',
    '/a%20b',
    '/login/handoff?to=https://x.example',
  ])('leads back to %j', (text) => {
    expect(localPath(text)).toBe(text);
  });

  it('CSRF-1: a browser that follows what is accepted never leaves the origin', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '.',
      '..',
      '%2f',
      '%5c',
      '%2e',
      '@',
      ':',
      'evil.example',
      '?',
      '#',
      ' ',
      '\t',
      'a',
      '%25',
      'http',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`),
        ),
        (text) => {
          const path = localPathOrRoot(text);
          for (const base of ['https://own.example', 'http://own.example:8080']) {
            expect(new URL(path, base).origin).toBe(base);
            expect(new URL(new URL(path, base).pathname, base).origin).toBe(base);
            expect(
              new URL(decodeURIComponent(new URL(path, base).pathname.replace(/%(?![0-7][0-9a-f])/gi, '')), base).origin,
            ).toBe(base);
          }
        },
      ),
      { numRuns: runs(500) },
    );
  });
});
