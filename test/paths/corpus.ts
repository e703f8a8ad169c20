import { randomFrom } from '../support/random.ts';
import { oursOf } from './verdict.ts';

/** Of the committed corpus. */
export const SEED = 1;
export const MIXTURES = 150;

/** What parsers of paths are known to differ on, alone and in the middle of things. Never CR or LF, which end a request line. */
const PARTS = [
  ...['.', '..', '...', '.a', '..a', 'a..', '%2e', '%2E', '%2e%2e', '.%2e', '%2e.', '%2e%2E', './', '../', '/.', '/..', '/'],
  ...['%2f', '%2F', '..%2f', '%2f..', '\\', '..\\', '%5c', '%5C', '..%5c', '//', '///', '/./', '/../', '/.//../'],
  ...[';', ';x=1', '..;', '..;x', '.;', '%3b', '%3Bx=1', '..%3b', '.%20', '..%20', '%20..', '..%09', '..%00'],
  ...['%', '%%', '%4', '%zz', '%u0041', '%25', '%252e', '%252e%252e', '%252f', '%255c', '%2566', '%25%32%65'],
  ...['%00', '%01', '%0a', '%0d%0a', '%1f', '%7f', '%c2%85', '\x01', '\x7f', '\t', ' ', '%20', '%09'],
  ...['%c0%ae', '%c0%af', '%e0%80%af', '%f0%80%80%af', '%80', '%ff', '%e2%82', '%ed%a0%80', '%f4%90%80%80', '\xe9', '\xc3\xa9'],
  ...['%c3%a9', '%C3%A9', 'e%cc%81', '%E2%84%AA', '%CD%BE', '%EF%BC%8F', '%E2%80%8B', '%EF%BC%9A'],
  ...['#', '#/x', '#?x', '?', '?x=/../y', '??', '%3f', '%3F/..', '%23', '%23/..', '+', '%2b', '~', '%7e', '%7E', '%41', '%61'],
  ...[
    '!',
    '$',
    '&',
    "'",
    '(',
    ')',
    '*',
    ',',
    ':',
    '=',
    '@',
    '%21',
    '%24',
    '%26',
    '%27',
    '%28',
    '%2a',
    '%2C',
    '%3a',
    '%3D',
    '%40',
  ],
  ...['"', '<', '>', '[', ']', '^', '`', '{', '|', '}', '%22', '%3c', '%5b', '%5E', '%60', '%7b', '%7C', '%2d', '%5f'],
] as const;

const WHOLE = [
  ...['', '*', '/', 'a', 'a/b', '.', '..', '?', '?x', '#x', 'h:80', 'http:', 'http:/a', 'http:///a', 'http://h', 'http://h/'],
  ...[
    'http://h/a/../b',
    'http://h//a',
    'http://u@h/a',
    'http://h?x',
    'http://h#x',
    'HTTP://h/a',
    'https://h/a',
    'ftp://h/a',
    '//h/a',
  ],
] as const;

/**
 * Request targets, each once: every part in every position, `count` mixtures that `seed` chooses, and what is forwarded for each of
 * these that is not refused.
 */
export function pathCorpus(seed: number, count: number): readonly string[] {
  const placed = PARTS.flatMap((part) => [`/${part}`, `/a/${part}`, `/a/${part}/b`, `/a${part}b`]);
  const random = randomFrom(seed);
  const any = (): string => PARTS[Math.floor(random() * PARTS.length)] ?? '';
  const mixed = Array.from({ length: count }, () => {
    const parts = Array.from({ length: 2 + Math.floor(random() * 5) }, () => (random() < 0.4 ? 'a' : any()));
    return `/${parts.join(random() < 0.5 ? '/' : '')}`;
  });
  const targets = [...WHOLE, ...placed, ...mixed];
  const forwarded = targets.map(oursOf).flatMap((ours) => (ours.kind === 'read' ? [ours.forwarded] : []));
  return [...new Set([...targets, ...forwarded])];
}
