import * as terms from './terms.ts';

/** Where a condition's terms go: Envoy keeps permissions and principals apart. */
export interface ConditionTerm {
  readonly side: 'permissions' | 'principals';
  readonly term: terms.Term;
}

/**
 * The meaning of a `when` key; undefined when Istio does not know it, which drops the whole rule. A known key with malformed
 * brackets is known, and its values are dropped.
 */
export function conditionTerm(key: string): ConditionTerm | undefined {
  const plain = Object.hasOwn(PLAIN, key) ? PLAIN[key] : undefined;
  if (plain !== undefined) return plain;
  if (key.startsWith('experimental.envoy.filters.')) return { side: 'permissions', term: terms.metadata(filterKey(key)) };
  if (key.startsWith(HEADERS)) return { side: 'principals', term: terms.header(inBrackets(key.slice(HEADERS.length))) };
  if (key.startsWith(CLAIMS)) return { side: 'principals', term: terms.claim(claimPath(key.slice(CLAIMS.length))) };
  return undefined;
}

const HEADERS = 'request.headers';
const CLAIMS = 'request.auth.claims';

const PLAIN: Readonly<Record<string, ConditionTerm>> = {
  'destination.ip': { side: 'permissions', term: terms.localIps },
  'destination.port': { side: 'permissions', term: terms.ports },
  'connection.sni': { side: 'permissions', term: terms.sni },
  'source.ip': { side: 'principals', term: terms.directIps },
  'remote.ip': { side: 'principals', term: terms.remoteIps },
  'source.namespace': { side: 'principals', term: terms.namespaces },
  'source.serviceAccount': { side: 'principals', term: terms.serviceAccounts },
  'source.principal': { side: 'principals', term: terms.principals },
  'source.trustDomain': { side: 'principals', term: terms.trustDomains },
  'request.auth.principal': { side: 'principals', term: terms.requestPrincipals },
  'request.auth.audiences': { side: 'principals', term: terms.claim(['aud']) },
  'request.auth.presenter': { side: 'principals', term: terms.claim(['azp']) },
};

/** `[name]` as `name`, whatever stands between the outer brackets. */
function inBrackets(text: string): string | undefined {
  return text.length >= 2 && text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : undefined;
}

/** `[a][b]` as a path; anything else between a first `[` and a last `]` is one name. */
function claimPath(text: string): readonly string[] | undefined {
  const path: string[] = [];
  let rest = text;
  while (rest !== '') {
    const end = rest.startsWith('[') ? rest.slice(1).search(/[[\]]/) + 1 : 0;
    if (end === 0 || rest[end] !== ']') {
      const whole = inBrackets(text);
      return whole === undefined ? undefined : [whole];
    }
    path.push(rest.slice(1, end));
    rest = rest.slice(end + 1);
  }
  return path;
}

/** `experimental.envoy.filters.F[k]` as the filter `envoy.filters.F` and the one key `k`. */
function filterKey(key: string): { readonly filter: string; readonly key: string } | undefined {
  const text = key.slice('experimental.'.length).replace(/\]$/, '');
  const bracket = text.indexOf('[');
  return bracket < 0 ? undefined : { filter: text.slice(0, bracket), key: text.slice(bracket + 1) };
}
