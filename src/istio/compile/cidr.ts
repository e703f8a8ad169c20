import { parseAddress } from '../address.ts';
import type { CidrBlock } from '../matcher.ts';

/**
 * A block or a bare address as Istio reads it (Go's `netip`): no zone in a block, no leading zeros. Host bits are kept in
 * `bytes` and ignored in matching. Undefined when it is neither.
 */
export function parseCidr(text: string): CidrBlock | undefined {
  const slash = text.lastIndexOf('/');
  if (slash < 0) {
    // A bare address may carry a zone, which is dropped.
    const percent = text.indexOf('%');
    const bytes = parseAddress(percent > 0 && text.includes(':') && percent < text.length - 1 ? text.slice(0, percent) : text);
    return bytes === undefined ? undefined : { text, bytes, bits: bytes.length * 8 };
  }
  const bytes = parseAddress(text.slice(0, slash));
  const bits = text.slice(slash + 1);
  if (bytes === undefined || !/^(?:0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > bytes.length * 8) return undefined;
  return { text, bytes, bits: Number(bits) };
}
