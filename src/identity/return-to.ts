const MAX_CHARS = 1_500;

/**
 * A path and query of the same origin, fit for a `Location` after that origin, or undefined. Strict rather than clever: printable
 * ASCII, one leading slash, no backslash, and nothing that would start with `//` or `/\` after any round of decoding or after dot
 * segments are resolved. `/.fairlead/…` is left out: to return there would be a loop.
 */
export function localPath(value: string): string | undefined {
  if (value.length > MAX_CHARS || !/^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(value)) return undefined;
  const base = 'https://origin.invalid';
  const url = URL.parse(value, base);
  if (url === null || url.origin !== base || isForeign(url.pathname)) return undefined;
  if (/^\/\.fairlead(?:\/|$)/i.test(decoded(url.pathname))) return undefined;
  return url.hash === '' ? value : undefined;
}

/** The path, or the origin's front page when it is not one that may be returned to. */
export function localPathOrRoot(value: string | undefined): string {
  return (value === undefined ? undefined : localPath(value)) ?? '/';
}

function isForeign(pathname: string): boolean {
  let text = pathname;
  for (let round = 0; round < 4; round++) {
    if (/^[/\\]{2}/.test(text) || text.includes('\\')) return true;
    const next = decoded(text);
    if (next === text) return false;
    text = next;
  }
  return true;
}

/** Percent escapes of ASCII resolved once; others cannot make a slash. */
function decoded(text: string): string {
  return text.replace(/%([0-7][0-9a-f])/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
