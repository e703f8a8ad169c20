import { isIPv4, isIPv6 } from 'node:net';
import { Problem } from '../core/problem.ts';

export interface CanonicalHost {
  /** Lower case, no trailing dot; an IPv6 address in brackets and in its shortest form (RFC 5952). */
  readonly host: string;
  readonly port: number | undefined;
}

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
const NUMERIC = /^(?:[0-9]+|0x[0-9a-f]*)$/;
const PORT = /^[0-9]{1,5}$/;

/**
 * The value of `Host` or `:authority`. Refused with HOST_INVALID: user information, escapes, wildcards, raw non-ASCII (IDN
 * comes as `xn--` labels), zone ids, and numbers that some resolvers take for an IPv4 address (`127.1`, `0x7f000001`).
 */
export function canonicalHost(value: string): CanonicalHost {
  const text = value.toLowerCase();
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close < 0) throw invalid();
    return { host: ipv6(text.slice(1, close)), port: portOf(text.slice(close + 1)) };
  }
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  return { host: domain(name), port: portOf(colon < 0 ? '' : text.slice(colon)) };
}

function ipv6(address: string): string {
  if (!isIPv6(address) || address.includes('%')) throw invalid();
  return new URL(`http://[${address}]/`).hostname;
}

function domain(name: string): string {
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  if (bare === '' || bare.length > 253) throw invalid();
  if (isIPv4(bare)) return bare;
  const labels = bare.split('.');
  if (!labels.every((label) => LABEL.test(label)) || NUMERIC.test(labels.at(-1) ?? '')) throw invalid();
  return bare;
}

/** `rest` is empty or `:PORT`; a bare colon is no port (RFC 3986 §3.2.3). */
function portOf(rest: string): number | undefined {
  if (rest === '' || rest === ':') return undefined;
  const digits = rest.slice(1);
  const port = Number(digits);
  if (!rest.startsWith(':') || !PORT.test(digits) || port < 1 || port > 65_535) throw invalid();
  return port;
}

function invalid(): Problem {
  return new Problem({
    code: 'HOST_INVALID',
    kind: 'invalid',
    message: 'the host of the request is missing, double or not a valid name',
  });
}
