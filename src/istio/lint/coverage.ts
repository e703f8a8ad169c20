import { hasTemplate } from '../validate/value.ts';

/**
 * Whether every text that `inner` stands for is also one that `outer` stands for; false when in doubt. Both as written in one
 * field. `hasAliases`: Istio puts further trust domains into some principals.
 */
export function covers(field: string, outer: string, inner: string, hasAliases: boolean): boolean {
  if (outer === inner) return true;
  if (field === 'principals' && hasAliases) return outer === '*';
  if (field === 'ipBlocks' || field === 'remoteIpBlocks' || field === 'ports' || field === 'serviceAccounts') return false;
  if (hasTemplate(outer) || hasTemplate(inner)) return false;
  if (field === 'hosts') return formCovers(outer.toLowerCase(), inner.toLowerCase());
  // Issuer and subject, and trust domains, are patterns of two parts and of one more form.
  if (field === 'requestPrincipals' || field === 'trustDomains') return outer === '*';
  if (field === 'namespaces') return outer === '*' || (!/\*./.test(outer) && !inner.startsWith('*') && formCovers(outer, inner));
  if (field === 'principals' && !outer.startsWith('*') && /^[^/]*\*/.test(inner)) return false;
  return formCovers(outer, inner);
}

/** `*`, `*suffix`, `prefix*`, exact. */
function formCovers(outer: string, inner: string): boolean {
  if (outer === '*') return true;
  if (outer.startsWith('*'))
    return !inner.endsWith('*') && inner.endsWith(outer.slice(1)) && (inner.startsWith('*') || inner.length >= outer.length - 1);
  if (outer.endsWith('*')) return !inner.startsWith('*') && inner.startsWith(outer.slice(0, -1));
  return false;
}
