import type { TextPattern } from './port.ts';

/** A pattern's text, or why it is none. `\*` and `\\` stand for themselves, also `\/`. */
export function parseTextPattern(text: string): TextPattern | { readonly kind: 'invalid'; readonly reason: string } {
  const characters: string[] = [];
  const stars: number[] = [];
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string; // within the length
    if (character === '\\') {
      const next = text[++index];
      if (next !== '*' && next !== '\\' && next !== '/')
        return { kind: 'invalid', reason: '`\\` may stand only before `*`, `/` or `\\`' };
      characters.push(next);
    } else if (character === '*') {
      stars.push(characters.length);
    } else {
      characters.push(character);
    }
  }
  const literal = characters.join('').normalize('NFC');
  if (stars.length === 0) return literal === '' ? { kind: 'invalid', reason: 'it is empty' } : { kind: 'exact', text: literal };
  if (stars.length > 1) return { kind: 'invalid', reason: 'only one `*` may stand in it' };
  if (literal === '') return { kind: 'any' };
  if (stars[0] === 0) return { kind: 'suffix', text: literal };
  if (stars[0] === characters.length) return { kind: 'prefix', text: literal };
  return { kind: 'invalid', reason: '`*` may stand only at the start or at the end' };
}

/** Holds a pattern against text in NFC. `*` alone never matches the empty text (Istio compiles it to `.+`). */
export function matchesText(pattern: TextPattern, text: string): boolean {
  switch (pattern.kind) {
    case 'exact':
      return text === pattern.text;
    case 'prefix':
      return text.startsWith(pattern.text);
    case 'suffix':
      return text.endsWith(pattern.text);
    case 'any':
      return text !== '';
    default:
      return pattern satisfies never;
  }
}
