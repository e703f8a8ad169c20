import type { RequestFacts } from '../facts.ts';
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
  const { peer, tokens, headers, transport, method, path, authority, localPort, sni, directIp, remoteIp, protocol } = facts;
  const identities =
    peer === undefined
      ? ['none']
      : [...peer.uris, ...peer.dns.map((name) => `dns:${name}`), ...(peer.subject === '' ? [] : [peer.subject])];
  const [token] = tokens;
  return [
    ...identities.flatMap((identity) => ['--from', identity]),
    ...(transport === 'tcp' ? ['--tcp'] : ['--method', method, '--path', withParameter(path, facts), '--host', authority]),
    ...(protocol === 'h2' ? ['--http2'] : []),
    ...headers.flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
    ...(token === undefined ? [] : ['--jwt-claims', JSON.stringify(token.claims)]),
    ...(token === undefined || token.signed ? [] : ['--jwt-invalid']),
    ...(sni === undefined ? [] : ['--sni', sni]),
    ...(directIp === USUAL_CLIENT ? [] : ['--from-ip', directIp]),
    ...(remoteIp === directIp ? [] : ['--client-ip', remoteIp]),
    '--port',
    String(localPort),
  ];
}

const USUAL_CLIENT = '192.0.2.1';

function withParameter(path: string, _facts: RequestFacts): string {
  return path;
}
