/**
 * Text of a policy as it stands on the wire in this room: latin-1, one character for each byte of its UTF-8. What is not ASCII
 * in a policy is compared byte by byte, as the proxy does.
 */
export function wireText(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text;
  let wire = '';
  for (const byte of new TextEncoder().encode(text)) wire += String.fromCharCode(byte);
  return wire;
}

/**
 * Whether `.+` of RE2 matches the whole of a latin-1 text: it is not empty, has no newline, and is UTF-8 as loosely as RE2
 * reads it (overlong forms and surrogates pass), or `anyByte` lets every byte pass.
 */
export function isDotText(text: string, anyByte: boolean): boolean {
  if (text === '' || text.includes('\n')) return false;
  if (anyByte || /^[\0-\x7f]*$/.test(text)) return true;
  return /^(?:[\0-\x7f]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})*$/.test(text);
}
