import type { Comparison, Mismatch, Tally } from './compare.ts';

/** Least share of allows and of denials that makes a corpus worth comparing with, over all pairs and per matcher kind. */
export const OVERALL_SHARE = 0.3;
export const KIND_SHARE = 0.1;
/** Most of all pairs that may stay open. */
export const UNKNOWN_SHARE = 0.005;

/** The comparison as text: totals, then a line per matcher kind. */
export function tableOf(comparison: Comparison): string {
  const { pairs, mismatches, unknown, overall, kinds } = comparison;
  const rows = [...kinds].sort(([one], [other]) => (one < other ? -1 : 1)).map(([kind, tally]) => row(kind, tally));
  return [
    row('matcher kind', undefined),
    ...rows,
    row('all', overall),
    '',
    `pairs ${pairs}, mismatches ${mismatches.length} (wrong verdict ${wrongVerdicts(mismatches)}), unknown ${unknown}`,
    `kinds ${kinds.size}, of which one-sided ${oneSided(comparison).length}`,
  ].join('\n');
}

/** Kinds whose pairs hardly ever end one way: a comparison says little about them. */
export function oneSided({ kinds }: Comparison): string[] {
  return [...kinds].filter(([, tally]) => smallerShare(tally) < KIND_SHARE).map(([kind]) => kind);
}

/** The smaller of the shares of allows and of denials. */
export function smallerShare(tally: Tally): number {
  const sum = tally.allow + tally.deny + tally.reject;
  return sum === 0 ? 0 : Math.min(tally.allow, tally.deny) / sum;
}

export function wrongVerdicts(mismatches: readonly Mismatch[]): number {
  return mismatches.filter(({ keys }) => keys.includes('v')).length;
}

function row(kind: string, tally: Tally | undefined): string {
  if (tally === undefined) return `${kind.padEnd(56)}${'pairs'.padStart(8)}${'allow'.padStart(8)}${'deny'.padStart(8)}`;
  const sum = tally.allow + tally.deny + tally.reject;
  const share = (count: number): string => `${((100 * count) / sum).toFixed(1)} %`.padStart(8);
  return `${kind.padEnd(56)}${String(sum).padStart(8)}${share(tally.allow)}${share(tally.deny)}`;
}
