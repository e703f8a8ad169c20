import type { RequestFacts, TokenFact } from '../facts.ts';
import type { Example, Subject } from './result.ts';

/** A request for people, and as the arguments that `fairlead istio explain` takes. */
export function exampleOf(facts: RequestFacts, subject: Subject): Example {
  return { facts, text: exampleText(facts), args: [...subject.target, ...argumentsOf(facts)] };
}

function exampleText(facts: RequestFacts): string {
  const { peer, tokens, headers, transport, method, path, authority, localPort } = facts;
  const names =
    peer === undefined
      ? ['a caller without a certificate']
      : [...peer.uris, ...peer.dns, ...(peer.subject === '' ? [] : [peer.subject])];
  const request =
    transport === 'http' ? `${method} ${path} (host ${authority}, port ${localPort})` : `a connection to port ${localPort}`;
  const extra = [
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...tokens.map(({ claims, signed }) => `${signed ? 'a token' : 'a badly signed token'} ${JSON.stringify(claims)}`),
    ...(facts.sni === undefined ? [] : [`server name ${facts.sni}`]),
  ];
  return `${request} from ${names.join(' and ')} at ${facts.remoteIp}${extra.length === 0 ? '' : `, with ${extra.join(', ')}`}`;
}

function argumentsOf(facts: RequestFacts): readonly string[] {
  const { peer, tokens, headers, transport, method, path, authority, localPort, sni, directIp, remoteIp, localIp, protocol } =
    facts;
  const identities =
    peer === undefined
      ? ['none']
      : [...peer.uris, ...peer.dns.map((name) => `dns:${name}`), ...(peer.subject === '' ? [] : [peer.subject])];
  const [token] = tokens;
  return [
    ...identities.flatMap((identity) => ['--from', identity]),
    ...(transport === 'tcp' ? ['--tcp'] : ['--method', method, '--path', path, '--host', authority]),
    ...(protocol === 'h2' ? ['--http2'] : []),
    ...headers.flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
    ...(token === undefined ? [] : ['--jwt-claims', JSON.stringify(token.claims)]),
    ...(token === undefined || token.signed ? [] : ['--jwt-invalid']),
    ...(token === undefined ? [] : placeArguments(token.in)),
    ...(sni === undefined ? [] : ['--sni', sni]),
    ...(directIp === USUAL_CLIENT ? [] : ['--from-ip', directIp]),
    ...(remoteIp === directIp ? [] : ['--client-ip', remoteIp]),
    ...(localIp === USUAL_LOCAL ? [] : ['--to-ip', localIp]),
    '--port',
    String(localPort),
  ];
}

/** What `explain` takes where nothing is said. */
const USUAL_CLIENT = '192.0.2.1';
const USUAL_LOCAL = '192.0.2.2';

function placeArguments(place: TokenFact['in']): readonly string[] {
  if ('param' in place) return ['--jwt-in', `param:${place.param}`];
  if ('cookie' in place) return ['--jwt-in', `cookie:${place.cookie}`];
  const { header, prefix } = place;
  if (header.toLowerCase() === 'authorization' && prefix === 'Bearer ') return [];
  return ['--jwt-in', prefix === '' ? `header:${header}` : `header:${header}:${prefix}`];
}
