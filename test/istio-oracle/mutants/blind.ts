import type { Mutation } from './mutation.ts';

/** A fault that no verdict on the cases can show. */
interface Blind {
  readonly reason: string;
  readonly holds: (before: string, after: string) => boolean;
}

const BLIND: readonly Blind[] = [
  { reason: 'the cases have no ztunnel', holds: (before) => /ztunnel/.test(before) },
  {
    reason: 'the cases have no tokens in parameters, only text that looks like one',
    holds: (before) => /'param' in place|pairs\.(?:length|join)/.test(before),
  },
  { reason: 'the objects of the cases have no time', holds: (before) => /\.created\b/.test(before) },
  {
    reason: 'compares names of which no two are equal',
    holds: (before, after) => /\? -1 : .* \? 1 : 0/.test(before) && !/ [<>] .*\? -1 : .* [<>] .*\? 1 : 0/.test(after),
  },
  { reason: 'no text on the wire holds a line feed', holds: (before) => /text === '' \|\| text\.includes\('\\n'\)/.test(before) },
  {
    reason: 'in the cases a waypoint is what has its caller in the filter state',
    holds: (before) => /filterState === true \|\| workload\.kind === 'waypoint'/.test(before),
  },
  {
    reason: 'no parameter is without a name',
    holds: (before, after) => /^return equals < 0/.test(before) && /equals <= 0/.test(after),
  },
  { reason: 'a guard for the type checker: the place is there', holds: (before, after) => guards(before) !== guards(after) },
];

/** Comparisons of a place in a list with undefined, and the `&&` before them. */
function guards(line: string): string {
  return [...line.matchAll(/(?:[&|]{2} )?\w+\[\w+\] [!=]== undefined/g)].join();
}

/** Whether a fault is left out of the count, with the reason above. */
export function isBlind({ before, after }: Mutation): boolean {
  return BLIND.some(({ holds }) => holds(before, after));
}
