import type { Term } from '../branches.ts';
import type { AuthorizationPolicy, FieldPath } from '../objects.ts';
import type { TermText } from './report.ts';

/** `principal`, from `spec.rules[0].from[0].source.notPrincipals`; of a condition its key. */
export function termName(policy: AuthorizationPolicy, path: FieldPath): string {
  const [, , rule, part, index] = path;
  if (part === 'when' && typeof rule === 'number' && typeof index === 'number') {
    const key = policy.rules[rule]?.when[index]?.key ?? '';
    const [, header] = /^request\.headers\[(.*)\]$/.exec(key) ?? [];
    const [, claim] = /^request\.auth\.claims(\[.*\])$/.exec(key) ?? [];
    return header !== undefined ? `header ${header}` : claim !== undefined ? `claim ${claim}` : (KEYS[key] ?? key);
  }
  const field = String(path.at(-1) ?? '').replace(/^not([A-Z])/, (_, letter: string) => letter.toLowerCase());
  return FIELDS[field] ?? field;
}

const FIELDS: Readonly<Record<string, string>> = {
  principals: 'principal',
  requestPrincipals: 'request principal',
  namespaces: 'namespace',
  serviceAccounts: 'service account',
  trustDomains: 'trust domain',
  ipBlocks: 'peer address',
  remoteIpBlocks: 'client address',
  hosts: 'host',
  ports: 'port',
  methods: 'method',
  paths: 'path',
};

const KEYS: Readonly<Record<string, string>> = {
  'source.ip': 'peer address',
  'remote.ip': 'client address',
  'source.namespace': 'namespace',
  'source.principal': 'principal',
  'source.serviceAccount': 'service account',
  'source.trustDomain': 'trust domain',
  'request.auth.principal': 'request principal',
  'request.auth.audiences': 'audience',
  'request.auth.presenter': 'presenter',
  'destination.ip': 'destination address',
  'connection.sni': 'server name',
};

/** `namespace web or ops`, `not client address 10.0.0.0/8`. */
export function termText(policy: AuthorizationPolicy, { path, negated, values }: Term): TermText {
  const list = values.map(({ text }) => text).join(' or ');
  return { text: `${negated ? 'not ' : ''}${termName(policy, path)} ${list}`, place: policy.placeOf(path) };
}
