/**
 * The first character that YAML does not have (YAML 1.1 §4.1 as goyaml reads it): control characters, the byte order mark
 * inside the text, lone surrogates; also the line separators U+0085, U+2028 and U+2029, which end a line in YAML 1.1 and not in
 * 1.2. Undefined when there is none.
 */
export function forbiddenCharacter(text: string): { readonly at: number; readonly name: string } | undefined {
  const match = FORBIDDEN.exec(text);
  if (match === null) return undefined;
  const code = match[0].codePointAt(0) ?? 0;
  return { at: match.index, name: `U+${code.toString(16).toUpperCase().padStart(4, '0')}` };
}

const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|\p{Cs}/u;
