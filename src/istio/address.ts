/**
 * The bytes of an IPv4 or IPv6 address in text: 4 or 16. Strict as `inet_pton` and Go's `netip`: dotted quads without leading
 * zeros, no zone. Undefined when the text is no address. An IPv4-mapped IPv6 address stays one of 16 bytes.
 */
export function parseAddress(text: string): readonly number[] | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** An address as text in the shortest form, in lower case. */
export function formatAddress(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const numbers = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0));
  if (numbers.slice(0, 5).every((number) => number === 0) && numbers[5] === 0xffff) return `::ffff:${bytes.slice(12).join('.')}`;
  const text = numbers.map((number) => number.toString(16));
  let best = { at: 0, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (numbers[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return text.join(':');
  // As `inet_ntop` does with an address that holds an IPv4 one behind zeros.
  if (best.at === 0 && best.length === 6) return `::${bytes.slice(12).join('.')}`;
  return `${text.slice(0, best.at).join(':')}::${text.slice(best.at + best.length).join(':')}`;
}

/** Whether an address lies in a block. Families never mix: `::/0` does not hold IPv4. */
export function inBlock(
  address: readonly number[],
  block: { readonly bytes: readonly number[]; readonly bits: number },
): boolean {
  const { bytes, bits } = block;
  if (address.length !== bytes.length) return false;
  const whole = bits >> 3;
  for (let index = 0; index < whole; index += 1) if (address[index] !== bytes[index]) return false;
  const rest = bits & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((address[whole] ?? 0) & mask) === ((bytes[whole] ?? 0) & mask);
}

function parseIpv4(text: string): readonly number[] | undefined {
  const bytes: number[] = [];
  let byte = -1;
  for (let index = 0; index <= text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code >= 0x30 && code <= 0x39) {
      // A leading zero, or more than a byte.
      if (byte === 0) return undefined;
      byte = byte < 0 ? code - 0x30 : byte * 10 + code - 0x30;
      if (byte > 255) return undefined;
    } else {
      if (byte < 0 || (index < text.length && code !== 0x2e)) return undefined;
      bytes.push(byte);
      byte = -1;
    }
  }
  return bytes.length === 4 ? bytes : undefined;
}

function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const left = groups(halves[0] ?? '', halves.length === 1);
  const right = halves.length === 2 ? groups(halves[1] ?? '', true) : [];
  if (left === undefined || right === undefined) return undefined;
  const missing = 16 - left.length - right.length;
  // `::` stands for at least one group of zeros.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return [...left, ...new Array<number>(missing).fill(0), ...right];
}

/** The bytes of groups between colons; the last may be a dotted quad where that is allowed. */
function groups(text: string, quadAllowed: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const bytes: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      const value = Number.parseInt(part, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const quad = quadAllowed && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (quad === undefined) return undefined;
    bytes.push(...quad);
  }
  return bytes.length <= 16 ? bytes : undefined;
}
