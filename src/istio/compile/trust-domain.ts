/** The mesh's trust domain first, then its aliases (istio pilot/pkg/security/trustdomain). */
export type TrustBundle = readonly string[];

/**
 * The principals that one value of a policy stands for. Only values of five parts are expanded, `cluster.local` standing for
 * the whole bundle; every other value is itself.
 */
export function expandPrincipal(value: string, bundle: TrustBundle): readonly string[] {
  const parts = value.split('/');
  const domain = parts[0] ?? '';
  if (parts.length !== 5 || domain === '*') return [value];
  if (domain !== 'cluster.local' && !bundle.some((entry) => covers(domain, entry))) return [value];
  const rest = parts.slice(1).join('/');
  // A suffix pattern such as `*-td` that covers an entry stays; a prefix pattern loses its star.
  return [...new Set(bundle.map((entry) => (suffixMatches(entry, domain) ? value : `${entry}/${rest}`)))];
}

/** The values that one `trustDomains` value stands for: the whole bundle when it is literally in it, else itself. */
export function expandTrustDomain(value: string, bundle: TrustBundle): readonly string[] {
  return bundle.includes(value) ? [...new Set(bundle)] : [value];
}

function covers(domain: string, entry: string): boolean {
  return (
    domain === entry ||
    entry === '*' ||
    prefixMatches(domain, entry) ||
    prefixMatches(entry, domain) ||
    suffixMatches(domain, entry) ||
    suffixMatches(entry, domain)
  );
}

function prefixMatches(text: string, pattern: string): boolean {
  return pattern.endsWith('*') && text.startsWith(pattern.slice(0, -1));
}

function suffixMatches(text: string, pattern: string): boolean {
  return pattern.startsWith('*') && text.endsWith(pattern.slice(1));
}
