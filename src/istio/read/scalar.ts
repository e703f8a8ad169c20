/**
 * What a plain (unquoted) YAML scalar means to Kubernetes, whose reader is goyaml v2: YAML 1.1 booleans, octal, binary and
 * underscores, but neither base 60 nor dates. `NaN` and the infinities have no JSON form and are refused by the caller.
 */
export function plainScalar(text: string): string | number | boolean | null {
  const first = text.charCodeAt(0);
  // Most words of a policy start with another character and are strings.
  if (text !== '' && HINTS[first] !== 1) return text;
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (first === 0x2e) return DOT_FLOAT.test(text) ? finiteOr(text, Number(text)) : text;
  if (first !== 0x2b && first !== 0x2d && !(first >= 0x30 && first <= 0x39)) return text;
  if (DATE.test(text)) return text;
  const digits = text.replaceAll('_', '');
  return wholeNumber(digits) ?? (FLOAT.test(digits) ? finiteOr(text, Number(digits)) : text);
}

/**
 * The text of a plain key that is no string, as `sigs.k8s.io/yaml` writes it. Undefined for `null`, which cannot be a key, and for
 * numbers that are not written the same everywhere: those with a fraction or an exponent, and integers beyond 2^53.
 */
export function plainKey(text: string): string | undefined {
  const value = plainScalar(text);
  if (value === null) return undefined;
  if (typeof value === 'number' && (!Number.isSafeInteger(value) || wholeNumber(text.replaceAll('_', '')) === undefined))
    return undefined;
  return String(value);
}

const WORDS: ReadonlyMap<string, number | boolean | null> = new Map<string, number | boolean | null>([
  ...spellings(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'], true),
  ...spellings(['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'], false),
  ...spellings(['', '~', 'null', 'Null', 'NULL'], null),
  ...spellings(['.nan', '.NaN', '.NAN'], Number.NaN),
  ...spellings(['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'], Number.POSITIVE_INFINITY),
  ...spellings(['-.inf', '-.Inf', '-.INF'], Number.NEGATIVE_INFINITY),
]);

function spellings<Value>(words: readonly string[], value: Value): readonly (readonly [string, Value])[] {
  return words.map((word) => [word, value] as const);
}

/** First characters of everything that is not simply a string. */
const HINTS = new Uint8Array(65536);
for (const character of '+-0123456789.yYnNtTfFoO~') HINTS[character.charCodeAt(0)] = 1;

const DOT_FLOAT = /^\.[0-9]+(?:[eE][-+]?[0-9]+)?$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
/** What goyaml takes for a timestamp and then keeps as text. A false hit is harmless where the text is no number either. */
const DATE = /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ]|$)/;
const WHOLE = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;

function wholeNumber(text: string): number | undefined {
  const match = WHOLE.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const magnitude = BigInt(
    hex !== undefined ? `0x${hex}` : binary !== undefined ? `0b${binary}` : octal !== undefined ? `0o${octal}` : (decimal ?? ''),
  );
  // Beyond 64 bits goyaml tries a float, which only decimal digits are.
  if (sign === '-' ? magnitude > 1n << 63n : magnitude >= 1n << 64n) return undefined;
  return Number(sign === '-' ? -magnitude : magnitude);
}

/** A number beyond the range of a double stays text. */
function finiteOr(text: string, number: number): number | string {
  return Number.isFinite(number) ? number : text;
}

/** The text of a quoted scalar that stands on one line; undefined for escapes that JSON does not have. */
export function quotedText(quoted: string): string | undefined {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith("'")) return inner.replaceAll("''", "'");
  if (!inner.includes('\\')) return inner;
  // A lone surrogate is a fault; pairs of escapes mean different things to different readers.
  if (/\\u[dD][89a-fA-F]/.test(inner)) return undefined;
  try {
    const value: unknown = JSON.parse(quoted);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
