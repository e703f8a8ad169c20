import { hasTemplate } from '../validate/value.ts';

/** What the meaning of values hangs on beside them. */
export interface CoverageScope {
  /** Istio puts further trust domains into some principals. */
  readonly hasAliases: boolean;
  /** A path can have bytes that `*` does not match. */
  readonly hasOddPaths: boolean;
}

/**
 * Whether every text that `inner` stands for is also one that `outer` stands for; false when in doubt. Both as written in one
 * field.
 */
export function covers(field: string, outer: string, inner: string, scope: CoverageScope): boolean {
  if (outer === inner) return true;
  if (EXACT.includes(field) || field.startsWith('experimental.') || hasTemplate(outer) || hasTemplate(inner)) return false;
  if (field === 'hosts') return formCovers(outer.toLowerCase(), inner.toLowerCase());
  // An issuer and a subject, of which `*` wants both.
  if (field === 'requestPrincipals') return outer === '*' && /^[^/*].*\/[^/*]+$/.test(inner);
  if (field === 'trustDomains') return outer === '*';
  if (field === 'namespaces') return outer === '*' || (!/\*./.test(outer) && !inner.startsWith('*') && formCovers(outer, inner));
  if (field === 'principals') return outer === '*' || (!scope.hasAliases && !/^[^/]*\*/.test(inner) && formCovers(outer, inner));
  // `*` is a text without line breaks here, which a pattern may stand for.
  if (outer === '*' && field.startsWith('request.auth.')) return !inner.includes('*');
  if (outer === '*' && field === 'paths') return !scope.hasOddPaths;
  return formCovers(outer, inner);
}

const EXACT = ['ipBlocks', 'remoteIpBlocks', 'ports', 'serviceAccounts'];

/** `*`, `*suffix`, `prefix*`, exact. */
function formCovers(outer: string, inner: string): boolean {
  if (outer === '*') return true;
  if (outer.startsWith('*'))
    return !inner.endsWith('*') && inner.endsWith(outer.slice(1)) && (inner.startsWith('*') || inner.length >= outer.length - 1);
  if (outer.endsWith('*')) return !inner.startsWith('*') && inner.startsWith(outer.slice(0, -1));
  return false;
}
