import type { JsonObject, JsonValue } from '../../wire/call.ts';
import type { PeerIdentity, TokenFact } from '../facts.ts';
import type { RequestDraft } from './draft.ts';
import { isObject, unreadableRequest } from './token.ts';

/**
 * A request in the form of the cases that `istio eval` reads, each member optional. `peer` is an identity: the name of one of `peers`, a
 * `spiffe://` name, an object with `uri`, `dns`, `cn` and `o`, or null for plain text. Problem: REQUEST_UNREADABLE.
 */
export function readCaseRequest(value: JsonObject, peers: ReadonlyMap<string, PeerIdentity>): RequestDraft {
  const unknown = Object.keys(value).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw unreadableRequest('the request has a member that is not known', unknown);
  const text = (name: string): string | undefined => checkedText(value, name);
  const port = value['localPort'];
  if (port !== undefined && (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535))
    throw unreadableRequest('`localPort` is not a port');
  const protocol = value['protocol'];
  if (protocol !== undefined && protocol !== 'h2' && protocol !== 'http/1.1')
    throw unreadableRequest('`protocol` is neither `h2` nor `http/1.1`');
  const draft = {
    transport: value['kind'] === 'tcp' ? 'tcp' : 'http',
    protocol,
    method: text('method'),
    authority: text('authority'),
    path: text('path'),
    headers: headersOf(value['headers']),
    tokens: ['jwt', 'jwt2'].flatMap((name) =>
      value[name] === undefined || value[name] === null ? [] : [tokenOf(value[name], name)],
    ),
    peer: value['peer'] === undefined ? undefined : peerOf(value['peer'], peers),
    sni: text('sni'),
    directIp: text('directIp'),
    remoteIp: text('remoteIp'),
    localIp: text('localIp'),
    localPort: port,
  } as const;
  return Object.fromEntries(Object.entries(draft).filter(([, part]) => part !== undefined)) as RequestDraft; // each part is checked above
}

const MEMBERS = [
  'kind',
  'protocol',
  'method',
  'authority',
  'path',
  'headers',
  'jwt',
  'jwt2',
  'peer',
  'sni',
  'directIp',
  'remoteIp',
  'localIp',
  'localPort',
];

function checkedText(value: JsonObject, name: string): string | undefined {
  const text = value[name];
  if (text === undefined || text === null) return undefined;
  if (typeof text !== 'string') throw unreadableRequest(`\`${name}\` is not a text`);
  if (!/^[\0-\xff]*$/.test(text)) throw unreadableRequest(`\`${name}\` has a character that is no byte (above U+00FF)`);
  return text;
}

function headersOf(value: JsonValue | undefined): readonly (readonly [string, string])[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw unreadableRequest('`headers` is not a list of pairs');
  return value.map((pair: JsonValue) => {
    const [name, text] = Array.isArray(pair) && pair.length === 2 ? pair : [];
    if (typeof name !== 'string' || typeof text !== 'string')
      throw unreadableRequest('`headers` is not a list of pairs of texts');
    return [name, text] as const;
  });
}

function tokenOf(value: JsonValue | undefined, name: string): TokenFact {
  if (!isObject(value) || value['claims'] === undefined) throw unreadableRequest(`\`${name}\` has no \`claims\``);
  const header = checkedText(value, 'header') ?? 'authorization';
  const prefix = checkedText(value, 'prefix') ?? (value['header'] === undefined ? 'Bearer ' : '');
  return { claims: value['claims'], signed: value['key'] !== 'bad', in: { header: header.toLowerCase(), prefix } };
}

function peerOf(value: JsonValue, peers: ReadonlyMap<string, PeerIdentity>): PeerIdentity | 'none' {
  if (value === null) return 'none';
  if (typeof value === 'string') {
    const known = peers.get(value);
    if (known !== undefined) return known;
    if (!value.startsWith('spiffe://')) throw unreadableRequest('`peer` is neither a `spiffe://` name nor one of the identities');
    return { uris: [value], dns: [], subject: '' };
  }
  if (!isObject(value)) throw unreadableRequest('`peer` is not an identity');
  const texts = (name: string): readonly string[] => {
    const list = value[name] ?? [];
    if (!Array.isArray(list) || list.some((one) => typeof one !== 'string'))
      throw unreadableRequest(`\`peer.${name}\` is not a list of texts`);
    return list as readonly string[]; // checked
  };
  const subject = [
    ['CN', checkedText(value, 'cn')],
    ['O', checkedText(value, 'o')],
  ].flatMap(([key, part]) => (part === undefined ? [] : [`${key}=${part}`]));
  return { uris: texts('uri'), dns: texts('dns'), subject: subject.join(',') };
}
