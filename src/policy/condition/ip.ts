/** An address as a number; an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 address that it stands for. */
export class IpAddress {
  readonly family: 4 | 6;
  readonly bits: bigint;
  constructor(family: 4 | 6, bits: bigint) {
    this.family = family;
    this.bits = bits;
  }
}

export class IpRange {
  readonly base: IpAddress;
  readonly prefix: number;
  constructor(base: IpAddress, prefix: number) {
    this.base = base;
    this.prefix = prefix;
  }

  contains(address: IpAddress): boolean {
    if (address.family !== this.base.family) return false;
    const rest = BigInt((this.base.family === 4 ? 32 : 128) - this.prefix);
    return address.bits >> rest === this.base.bits >> rest;
  }
}

/** RFC 4291 §2.2 and dotted IPv4; no zone, no leading zeros. Undefined for anything else. */
export function parseIp(text: string): IpAddress | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return new IpAddress(4, v4);
  const v6 = parseV6(text);
  if (v6 === undefined) return undefined;
  return v6 >> 32n === 0xffffn ? new IpAddress(4, v6 & 0xffffffffn) : new IpAddress(6, v6);
}

/** `10.0.0.0/8`. Bits beyond the prefix must be zero, so that the text says what it means. */
export function parseCidr(text: string): IpRange | undefined {
  const parts = /^([0-9a-fA-F.:]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const base = parts === null ? undefined : parseIp(parts[1] ?? '');
  if (parts === null || base === undefined) return undefined;
  const isMapped = base.family === 4 && (parts[1] ?? '').includes(':');
  const prefix = Number(parts[2]) - (isMapped ? 96 : 0);
  const width = base.family === 4 ? 32 : 128;
  if (prefix < 0 || prefix > width) return undefined;
  const rest = BigInt(width - prefix);
  return (base.bits >> rest) << rest === base.bits ? new IpRange(base, prefix) : undefined;
}

function parseV4(text: string): bigint | undefined {
  if (!/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) return undefined;
  let bits = 0n;
  for (const part of text.split('.')) {
    if (Number(part) > 255) return undefined;
    bits = (bits << 8n) | BigInt(part);
  }
  return bits;
}

function parseV6(text: string): bigint | undefined {
  if (text.length > 45 || !/^[0-9a-fA-F.:]+$/.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...Array<bigint>(missing).fill(0n), ...tail].reduce((bits, group) => (bits << 16n) | group, 0n);
}

/** The 16-bit groups of one side of `::`; dotted IPv4 may only end the whole text. */
function groups(text: string, mayEndDotted: boolean): bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const result: bigint[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = mayEndDotted && index === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      result.push(v4 >> 16n, v4 & 0xffffn);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      result.push(BigInt(`0x${part}`));
    }
  }
  return result;
}
