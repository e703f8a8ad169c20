import { Problem } from '../../core/problem.ts';
import type { PeerIdentity, TokenFact } from '../../istio/facts.ts';
import { headerLine, overlaid, type RequestDraft, wireText } from '../../istio/request/draft.ts';
import { type Peers, type ReadRequest, readRequest } from '../../istio/request/read-request.ts';
import { BEARER, readClaims } from '../../istio/request/token.ts';
import { loadIdentities } from './identities-file.ts';
import { readText } from './sources.ts';

/** A request as options describe it. */
export interface RequestOptions {
  readonly request?: string;
  readonly identities?: string;
  readonly from?: readonly string[];
  readonly fromIp?: string;
  readonly clientIp?: string;
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly header?: readonly string[];
  readonly jwtClaims?: string;
  readonly jwtInvalid?: boolean;
  readonly jwtIn?: string;
  readonly toIp?: string;
  readonly port?: string;
  readonly tcp?: boolean;
  readonly http2?: boolean;
  readonly sni?: string;
}

export interface DescribedRequest {
  readonly draft: RequestDraft;
  /** The file, where there is one. */
  readonly read: ReadRequest | undefined;
}

const MOST_BYTES = 1024 * 1024;

/** The request of `--request`, with the other options laid over it. Problem: REQUEST_UNREADABLE, MESH_UNREADABLE, USAGE. */
export async function describedRequest(options: RequestOptions, trustDomain: string): Promise<DescribedRequest> {
  const read =
    options.request === undefined
      ? undefined
      : readRequest(await readText(options.request, process.stdin, MOST_BYTES), await identitiesOf(options.identities));
  return { draft: overlaid(read?.draft ?? {}, await ofOptions(options, trustDomain)), read };
}

/** The names that peers of a case have. */
async function identitiesOf(file: string | undefined): Promise<Peers> {
  return file === undefined ? new Map() : loadIdentities(file);
}

async function ofOptions(options: RequestOptions, trustDomain: string): Promise<RequestDraft> {
  const { fromIp, clientIp, method, path, host, sni } = options;
  const port = portOption(options.port);
  const draft: { -readonly [K in keyof RequestDraft]?: RequestDraft[K] | undefined } = {
    transport: options.tcp === true ? 'tcp' : undefined,
    protocol: options.http2 === true ? 'h2' : undefined,
    method: method === undefined ? undefined : wireText(method),
    path: path === undefined ? undefined : wireText(path),
    authority: host === undefined ? undefined : wireText(host),
    headers: options.header?.map(headerOption),
    peer: options.from === undefined ? undefined : peerOption(options.from, trustDomain),
    directIp: fromIp === undefined ? undefined : ipOption('--from-ip', fromIp),
    localIp: options.toIp === undefined ? undefined : ipOption('--to-ip', options.toIp),
    remoteIp: clientIp === undefined ? undefined : ipOption('--client-ip', clientIp),
    sni,
    localPort: port,
  };
  if (options.jwtClaims !== undefined) {
    const claims = readClaims(await claimsText(options.jwtClaims));
    draft.tokens = [{ claims, signed: options.jwtInvalid !== true, in: placeOption(options.jwtIn) }];
  }
  return Object.fromEntries(Object.entries(draft).filter(([, part]) => part !== undefined)) as RequestDraft; // without those not given
}

/** `@FILE`, as curl has it. */
async function claimsText(option: string): Promise<string> {
  return option.startsWith('@') ? await readText(option.slice(1), process.stdin, MOST_BYTES) : option;
}

/** `header:NAME` with an optional prefix behind another colon, `param:NAME` or `cookie:NAME`. */
function placeOption(text: string | undefined): TokenFact['in'] {
  if (text === undefined) return BEARER;
  const [, kind, name, prefix] = /^(header|param|cookie):([^:]+)(?::([\s\S]*))?$/.exec(text) ?? [];
  if (name !== undefined && kind === 'header') return { header: name.toLowerCase(), prefix: prefix ?? '' };
  if (name !== undefined && prefix === undefined) return kind === 'param' ? { param: name } : { cookie: name };
  throw usage(`--jwt-in: \`${text}\` is none of header:NAME, header:NAME:PREFIX, param:NAME and cookie:NAME`);
}

export function portOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw usage(`--port: \`${text}\` is not a port`);
  return port;
}

function headerOption(text: string): readonly [string, string] {
  const field = headerLine(text);
  if (field === undefined) throw usage('--header: write it as `name: value`');
  if (field[0].toLowerCase() === 'host') throw usage('--header: the host is named with --host');
  return field;
}

/**
 * `none`, a `spiffe://` name, `NAMESPACE/SERVICEACCOUNT` of this trust domain, `dns:NAME`, or a subject such as `CN=admin,O=Example`;
 * several are the names of one certificate.
 */
function peerOption(names: readonly string[], trustDomain: string): PeerIdentity | 'none' {
  if (names.length === 1 && names[0] === 'none') return 'none';
  const uris: string[] = [];
  const dns: string[] = [];
  let subject = '';
  for (const name of names) {
    if (/^[a-z]+:\/\//.test(name)) uris.push(wireText(name));
    else if (name.startsWith('dns:')) dns.push(wireText(name.slice(4)));
    else if (/^[A-Z]+=/.test(name)) subject = wireText(name);
    else if (/^[a-z0-9.-]+\/[a-z0-9.-]+$/.test(name)) uris.push(`spiffe://${trustDomain}/ns/${name.replace('/', '/sa/')}`);
    else
      throw usage(`--from: \`${name}\` is no identity: write spiffe://TRUST-DOMAIN/ns/NS/sa/SA, NS/SA, dns:NAME, CN=…, or none`);
  }
  return { uris, dns, subject };
}

function ipOption(option: string, text: string): string {
  if (!/^[0-9.]+$|^[0-9a-fA-F:.]+$/.test(text)) throw usage(`${option}: \`${text}\` is not an address`);
  return text;
}

export function usage(message: string): Problem {
  return new Problem({ code: 'USAGE', kind: 'invalid', message });
}
