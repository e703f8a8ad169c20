/**
 * Patterns of `owns`: a literal, `prefix*`, `*suffix` or `*`. The star stands for any text, also the empty one.
 * Whether two of them can meet is decidable, so that sources are kept disjoint when the configuration loads.
 */
export function isOwnPattern(pattern: string): boolean {
  return pattern.length > 0 && pattern.length <= 256 && /^(?:\*?[^*]+|[^*]+\*|\*)$/.test(pattern);
}

export function ownPatternMatches(pattern: string, name: string): boolean {
  if (pattern === '*') return true;
  if (pattern.startsWith('*')) return name.endsWith(pattern.slice(1));
  if (pattern.endsWith('*')) return name.startsWith(pattern.slice(0, -1));
  return name === pattern;
}

/** True when some name matches both. */
export function ownPatternsMeet(a: string, b: string): boolean {
  if (!a.includes('*')) return ownPatternMatches(b, a);
  if (!b.includes('*')) return ownPatternMatches(a, b);
  if (a === '*' || b === '*') return true;
  const aIsSuffix = a.startsWith('*');
  // A prefix and a suffix always meet: write one after the other.
  if (aIsSuffix !== b.startsWith('*')) return true;
  const [x, y] = aIsSuffix ? [a.slice(1), b.slice(1)] : [a.slice(0, -1), b.slice(0, -1)];
  return aIsSuffix ? x.endsWith(y) || y.endsWith(x) : x.startsWith(y) || y.startsWith(x);
}
