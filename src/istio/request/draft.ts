import type { AuthoriserAnswer, PeerIdentity, RequestFacts, TokenFact } from '../facts.ts';

/** What is known of a request, from the command line or from a file. Strings are as on the wire: one character is one byte. */
export interface RequestDraft {
  readonly transport?: 'http' | 'tcp';
  readonly protocol?: 'http/1.1' | 'h2';
  readonly method?: string;
  readonly authority?: string;
  /** With query and fragment. */
  readonly path?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly tokens?: readonly TokenFact[];
  /** `none`: known to come without a client certificate. */
  readonly peer?: PeerIdentity | 'none';
  readonly sni?: string;
  readonly directIp?: string;
  readonly remoteIp?: string;
  readonly localIp?: string;
  readonly localPort?: number;
}

/** A part of the facts that nobody stated and that was filled in. */
export interface Assumption {
  readonly field: keyof RequestDraft;
  readonly value: string;
}

export interface CompleteRequest {
  readonly facts: RequestFacts;
  readonly assumed: readonly Assumption[];
}

/** What stands in for the parts that a draft does not say; the target knows host and port. */
export interface RequestDefaults {
  readonly authority: string;
  readonly localPort: number;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly askAuthoriser?: (provider: string) => AuthoriserAnswer | undefined;
}

/** Addresses that belong to nobody (RFC 5737): no rule is written for them. */
const CLIENT_IP = '192.0.2.1';
const LOCAL_IP = '192.0.2.2';

/** The facts of a draft; each part that was filled in is told, because a rule may look at it. */
export function completeRequest(draft: RequestDraft, defaults: RequestDefaults): CompleteRequest {
  const assumed: Assumption[] = [];
  const filled = <K extends keyof RequestDraft>(field: K, value: NonNullable<RequestDraft[K]>): NonNullable<RequestDraft[K]> => {
    const stated = draft[field];
    if (stated !== undefined) return stated;
    assumed.push({ field, value: typeof value === 'object' ? '' : String(value) });
    return value;
  };
  const isHttp = (draft.transport ?? 'http') === 'http';
  const peer = filled('peer', 'none');
  const directIp = filled('directIp', CLIENT_IP);
  const facts: RequestFacts = {
    transport: isHttp ? 'http' : 'tcp',
    protocol: draft.protocol ?? 'http/1.1',
    method: isHttp ? filled('method', 'GET') : '',
    authority: isHttp ? filled('authority', defaults.authority) : '',
    path: isHttp ? filled('path', '/') : '',
    headers: draft.headers ?? [],
    tokens: draft.tokens ?? [],
    peer: peer === 'none' ? undefined : peer,
    sni: draft.sni,
    directIp,
    remoteIp: draft.remoteIp ?? directIp,
    localIp: filled('localIp', LOCAL_IP),
    localPort: filled('localPort', defaults.localPort),
    metadata: {},
    ...(defaults.askAuthoriser === undefined ? {} : { askAuthoriser: defaults.askAuthoriser }),
    now: defaults.now,
  };
  return { facts, assumed };
}

/** The right draft laid over the left one: what a person says stands over what a file says. Headers and tokens are added. */
export function overlaid(below: RequestDraft, above: RequestDraft): RequestDraft {
  const headers = [...(below.headers ?? []), ...(above.headers ?? [])];
  const tokens = [...(below.tokens ?? []), ...(above.tokens ?? [])];
  return { ...below, ...above, ...(headers.length > 0 ? { headers } : {}), ...(tokens.length > 0 ? { tokens } : {}) };
}

/** Text as the bytes of its UTF-8 form, one character each. */
export function wireText(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text;
  let bytes = '';
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}

/** `name: value` without the blanks around the value (RFC 9112 §5); undefined when it is no header. */
export function headerLine(text: string): readonly [name: string, value: string] | undefined {
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(colon, 0));
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return undefined;
  const isBlank = (at: number) => text[at] === ' ' || text[at] === '\t';
  let from = colon + 1;
  let to = text.length;
  while (from < to && isBlank(from)) from += 1;
  while (to > from && isBlank(to - 1)) to -= 1;
  const value = text.slice(from, to);
  return /[\0\r\n]/.test(value) ? undefined : [name, wireText(value)];
}
