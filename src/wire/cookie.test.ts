import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cookiesOf, parseCookies, serializeCookies, serializeSetCookie, withoutCookies } from './cookie.ts';
import { HeaderList } from './headers.ts';
import { codeOf } from './testing.ts';

describe('parseCookies', () => {
  it('keeps order, duplicates, quotes and everything after the first equals sign', () => {
    expect(parseCookies('a=1; b="x y"; a=2;c=d=e ; prefs[theme]=dark; empty=')).toEqual([
      ['a', '1'],
      ['b', '"x y"'],
      ['a', '2'],
      ['c', 'd=e'],
      ['prefs[theme]', 'dark'],
      ['empty', ''],
    ]);
  });

  it('leaves out pieces without a name, which browsers and servers read differently', () => {
    expect(parseCookies('=__Host-fl_0123=stolen; fl_plain; a b=1; ; ok=1')).toEqual([['ok', '1']]);
  });

  it('splits at a semicolon inside quotes, so that nothing hides there', () => {
    expect(parseCookies('x="a; fl_1=v"')).toEqual([
      ['x', '"a'],
      ['fl_1', 'v"'],
    ]);
  });

  it('takes any input and reads back what it writes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.constantFrom('=', ';', ' ', '"', 'a', 'fl_')).map((p) => p.join('')),
        ),
        (header) => {
          const pairs = parseCookies(header);
          expect(parseCookies(serializeCookies(pairs))).toEqual(pairs);
        },
      ),
    );
  });
});

describe('withoutCookies', () => {
  const headers = HeaderList.fromRaw(['Cookie', 'a=1; fl_x=s', 'Accept', '*/*', 'cookie', 'b=2; fl_x=t']);

  it('reads every field and leaves one without the dropped names', () => {
    expect(cookiesOf(headers)).toHaveLength(4);
    expect(withoutCookies(headers, (name) => name.startsWith('fl_')).get('cookie')).toBe('a=1; b=2');
  });

  it('leaves no field when no cookie is left, and none where none was', () => {
    expect(withoutCookies(headers, () => true).toRaw()).toEqual(['Accept', '*/*']);
    expect(withoutCookies(HeaderList.empty, () => true)).toBe(HeaderList.empty);
  });
});

describe('serializeSetCookie', () => {
  const host = { path: '/', secure: true, sameSite: 'Lax', httpOnly: true } as const;

  it('writes every attribute', () => {
    expect(serializeSetCookie('__Host-fl_1', 'abc', host)).toBe('__Host-fl_1=abc; Path=/; Secure; HttpOnly; SameSite=Lax');
    expect(
      serializeSetCookie('fl_1', '', { path: '/a', secure: false, sameSite: 'Strict', httpOnly: false, maxAgeSeconds: 0 }),
    ).toBe('fl_1=; Path=/a; Max-Age=0; SameSite=Strict');
  });

  it.each([
    ['a value that would add an attribute', () => serializeSetCookie('a', 'v; Domain=evil', host)],
    ['a line break', () => serializeSetCookie('a', 'v\r\nx: y', host)],
    ['a name that is no token', () => serializeSetCookie('a=b', 'v', host)],
    ['a path that would add an attribute', () => serializeSetCookie('a', 'v', { ...host, path: '/;x' })],
    ['a broken age', () => serializeSetCookie('a', 'v', { ...host, maxAgeSeconds: 1.5 })],
    ['__Host- on a path', () => serializeSetCookie('__Host-a', 'v', { ...host, path: '/a' })],
    ['__Host- without secure', () => serializeSetCookie('__host-a', 'v', { ...host, secure: false })],
    ['SameSite=None without secure', () => serializeSetCookie('a', 'v', { ...host, secure: false, sameSite: 'None' })],
  ])('refuses to write %s', (_what, write) => {
    expect(codeOf(write)).toBe('COOKIE_INVALID');
  });
});
