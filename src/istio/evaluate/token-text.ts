import type { StringTest } from '../matcher.ts';

/** True, false, or hanging on what the facts do not hold. */
export type Truth = boolean | undefined;

/**
 * The text of a token is not in the facts, only its claims; nor is text that the proxy makes up. In header values one character of
 * the private use area stands for either, which no latin-1 text holds.
 */
export function tokenMark(index: number): string {
  return String.fromCharCode(FIRST + index);
}

/** The number of the token that a mark stands for. */
export function markedToken(text: string): number | undefined {
  const code = text.length === 1 ? text.charCodeAt(0) : 0;
  return code >= FIRST && code <= LAST ? code - FIRST : undefined;
}

/** Stands for text that the proxy makes up, such as a request id. */
export const PROXY_TEXT = '\uf8ff';

/** Stands for a random UUID that the proxy makes. */
export const PROXY_UUID = '\uf8fe';

export function hasToken(text: string): boolean {
  return MARK.test(text);
}

export const MAX_TOKENS = 1000;

const FIRST = 0xe000;
const LAST = FIRST + MAX_TOKENS - 1;
const MARK = /[\ue000-\uf8ff]/;
/** What a JSON Web Token consists of. */
const TOKEN_TEXT = /^[A-Za-z0-9\-_.]*$/;

/** A test on a text with a token in it, as far as it can be told without the token. */
export function tokenTextTest(test: StringTest, text: string): Truth {
  if (test.op === 'present' || test.op === 'nonEmpty') return true;
  // No policy holds the very UUID; its beginning or end may be hit.
  if (text === PROXY_UUID) return test.op !== 'exact' && /^[0-9a-fA-F-]{1,12}$/.test(test.value) ? undefined : false;
  if (text.includes(PROXY_TEXT)) return undefined;
  const pieces = text.split(MARK);
  const before = pieces[0] ?? '';
  const after = pieces.at(-1) ?? '';
  const { value } = test;
  switch (test.op) {
    case 'prefix':
      if (value.length <= before.length) return before.startsWith(value);
      if (!value.startsWith(before) || !mayBegin(value.slice(before.length))) return false;
      return value.length <= before.length + BEGINNING.length ? true : undefined;
    case 'suffix':
      if (value.length <= after.length) return after.endsWith(value);
      return value.endsWith(after) && mayEnd(value.slice(0, value.length - after.length)) ? undefined : false;
    case 'exact': {
      if (value.length <= before.length + after.length || !value.startsWith(before) || !value.endsWith(after)) return false;
      const middle = value.slice(before.length, value.length - after.length);
      return pieces.length > 2 || (mayBegin(middle) && mayEnd(middle)) ? undefined : false;
    }
  }
}

/** No token is shorter. */
const SHORTEST = 24;

/** The base64url of `{"`, which a token begins with, and its payload, as every library writes them. */
const BEGINNING = 'eyJ';

function mayBegin(text: string): boolean {
  return TOKEN_TEXT.test(text.slice(0, SHORTEST)) && text.slice(0, BEGINNING.length) === BEGINNING.slice(0, text.length);
}

function mayEnd(text: string): boolean {
  return TOKEN_TEXT.test(text.slice(-SHORTEST));
}
