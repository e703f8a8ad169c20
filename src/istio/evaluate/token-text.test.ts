import { describe, expect, it } from 'vitest';
import { hasToken, markedToken, PROXY_TEXT, PROXY_UUID, tokenMark, tokenTextTest } from './token-text.ts';

const prefix = (value: string) => ({ op: 'prefix', value, ignoreCase: false }) as const;
const suffix = (value: string) => ({ op: 'suffix', value, ignoreCase: false }) as const;
const exact = (value: string) => ({ op: 'exact', value, ignoreCase: false }) as const;

describe('a text with a token in it', () => {
  const bearer = `Bearer ${tokenMark(0)}`;

  it('is known before the token, and at its beginning', () => {
    expect(tokenTextTest(prefix('Bear'), bearer)).toBe(true);
    expect(tokenTextTest(prefix('Basic'), bearer)).toBe(false);
    expect(tokenTextTest(prefix('Bearer eyJ'), bearer)).toBe(true);
    expect(tokenTextTest(prefix('Bearer abc'), bearer)).toBe(false);
    expect(tokenTextTest(prefix('Bearer eyJhb'), bearer)).toBeUndefined();
  });

  it('ends as a token may end, or as what follows it', () => {
    expect(tokenTextTest(suffix('abc'), bearer)).toBeUndefined();
    expect(tokenTextTest(suffix('a b'), bearer)).toBe(false);
    expect(tokenTextTest(suffix('; b=2'), `c=${tokenMark(0)}; b=2`)).toBe(true);
    expect(tokenTextTest(suffix('1; b=2'), `c=${tokenMark(0)}`)).toBe(false);
  });

  it('is exactly what only a token could make it', () => {
    expect(tokenTextTest(exact('Bearer abc'), bearer)).toBe(false);
    expect(tokenTextTest(exact('Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA'), bearer)).toBeUndefined();
  });

  it('of a random UUID is none that a policy names', () => {
    expect(tokenTextTest(exact('0193-x'), PROXY_UUID)).toBe(false);
    expect(tokenTextTest(prefix('a1'), PROXY_UUID)).toBeUndefined();
    expect(tokenTextTest(prefix('x'), PROXY_UUID)).toBe(false);
    expect(tokenTextTest(exact('By=spiffe://x'), PROXY_TEXT)).toBeUndefined();
  });

  it('is told by its mark, which no latin-1 text holds', () => {
    expect([markedToken(tokenMark(7)), markedToken('x'), markedToken(`x${tokenMark(7)}`)]).toEqual([7, undefined, undefined]);
    expect([hasToken(bearer), hasToken('\xff')]).toEqual([true, false]);
  });
});
