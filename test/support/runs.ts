const isThorough = process.env['FAIRLEAD_TEST_ALL'] === 'true';

/**
 * How often a property is tried: `whole` times in `npm run test:long`, a fifth of that, and ten times at least, in the quick suite.
 * For properties that cost more than a moment; the others go by fast-check's own hundred.
 */
export function runs(whole: number): number {
  return isThorough ? whole : Math.min(whole, Math.max(10, Math.ceil(whole / 5)));
}
