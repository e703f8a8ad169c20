/**
 * A TypeScript source of the same length with everything blanked that no fault belongs into: comments, texts, regular expressions,
 * imports and declarations of types. Line breaks stay.
 */
export function masked(text: string): string {
  return blankTypes(blankLiterals(text));
}

const TOKENS = new RegExp(
  [
    String.raw`\/\/[^\n]*`,
    String.raw`\/\*[\s\S]*?\*\/`,
    String.raw`'(?:[^'\\\n]|\\.)*'`,
    String.raw`"(?:[^"\\\n]|\\.)*"`,
    '`(?:[^`\\\\]|\\\\[\\s\\S])*`',
    // A regular expression stands where a value may begin.
    String.raw`(?<=[=(,:?!&|{;]\s*)\/(?:[^\/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*`,
  ].join('|'),
  'g',
);

function blankLiterals(text: string): string {
  return text.replace(TOKENS, blank);
}

function blankTypes(text: string): string {
  return text
    .replace(/^import [\s\S]*?;$/gm, blank)
    .replace(/^(?:export )?interface [\s\S]*?^\}/gm, blank)
    .replace(/^(?:export )?type [\s\S]*?;\n(?=\n|\S|$)/gm, blank);
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, '~');
}
