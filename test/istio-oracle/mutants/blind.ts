import type { Mutation } from './mutation.ts';

/** Files without a part in the verdicts on the cases, with why. */
export const UNREACHED: ReadonlyMap<string, string> = new Map([
  ['compile/ztunnel.ts', 'the cases have no ztunnel'],
  ['evaluate/mtls-mode.ts', 'the cases have no peer authentication: their listeners are given'],
  ['evaluate/trace.ts', 'explains verdicts, and decides none'],
  // What these decide is how fast a rule is found. That the same is found is a law that rule-index.test.ts holds them to.
  ['evaluate/rule-index.ts', 'equals reading all rules in order'],
  ['evaluate/prefix-map.ts', 'a part of the index'],
  ['evaluate/atom.ts', 'a part of the index'],
  ['evaluate/rbac.ts', 'chooses between the index and reading in order'],
]);

/** A fault that no verdict on the cases can show. */
interface Blind {
  readonly reason: string;
  readonly holds: (before: string, after: string) => boolean;
}

const BLIND: readonly Blind[] = [
  {
    reason: 'the cases have no ztunnel',
    holds: (before) => /ztunnel|meshId|meshNamespace|meshAccount|id\?\.namespace === /.test(before),
  },
  {
    reason: 'a way around for one rule, which is several of which there is one',
    holds: (before) => /#rules\.length === 1 && only !== undefined/.test(before),
  },
  {
    reason: 'no name in a certificate begins with a slash',
    holds: (before, after) => before === 'let from = 0;' && after === 'let from = 1;',
  },
  { reason: 'a way around for no text, of which no piece comes', holds: (before) => before === "if (text === '') return [];" },
  { reason: "the cases' authoriser always answers", holds: (before) => /'authoriser-not-asked'/.test(before) },
  {
    reason: 'the cases have no tokens in parameters, only text that looks like one',
    holds: (before) => /'param' in place|pairs\.(?:length|join)|^const whole = hash < 0 \? path/.test(before),
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
  { reason: 'the objects of the cases have no time', holds: (before) => /\bage\b/.test(before) },
  {
    reason: 'what is not remembered is made again',
    holds: (before, after) => before === 'if (known !== undefined) return known;' && after.startsWith('if (false)'),
  },
  {
    reason: 'leaves a loop early that would find nothing new',
    holds: (before, after) => before === 'if (ends.has(at)) break;' && after.startsWith('if (false)'),
  },
  {
    reason: 'a search that begins behind the start never finds the start',
    holds: (before, after) =>
      /SPIFFE\.length \+ 1\); at >= 0|\(account, start\); found >= 0/.test(before) && /(?:at|found) (?:> 0|>= 1);/.test(after),
  },
  {
    reason: 'text that the proxy makes up is told by no answer: a replay has no verdict that hangs on it',
    holds: (before) =>
      /^if \(text(?:\.includes\(PROXY_TEXT\)| === PROXY_UUID)|members\.length < 2|\) < 1e15|PROXY_TEXT;$|'proxy-text'/.test(
        before,
      ),
  },
  {
    reason: 'claims that were judged good are an object',
    holds: (before) => /^if \(typeof claims !== 'object' .* return claims;$/.test(before),
  },
  {
    reason: 'a default for the type checker: the byte is there',
    holds: (before, after) => before.replaceAll('] ?? 0', '') === after.replaceAll(/\] \?\? [01]/g, ''),
  },
  {
    reason: 'two slashes are no block wherever they are cut',
    holds: (before) => /text\.lastIndexOf\('\/'\);$/.test(before) && before.startsWith('const slash'),
  },
  {
    reason: 'a path, and a key, begins with what is no mark',
    holds: (before, after) => /(?:hash|mark|bracket) < 0 \?/.test(before) && /(?:hash|mark|bracket) (?:<= 0|< 1) \?/.test(after),
  },
  {
    reason: 'behind the last group there is none',
    holds: (before, after) => /; at < 8; /.test(before) && /; at <= 8; /.test(after),
  },
  { reason: "Node's HTTP/2 client sends no headers of a connection", holds: (before) => /CONNECTION\.has\(/.test(before) },
  { reason: 'no text on the wire holds a line feed', holds: (before) => /authority\.includes\('\\n'\)/.test(before) },
  {
    reason: 'path and address of a rejection are not compared',
    holds: (before) => /v: 'reject', \.\.\.refused|refused: target, path: undefined/.test(before),
  },
  {
    reason: 'the root stays the root',
    holds: (before, after) => /^if \(end > 0\)/.test(before) && /^if \(end >= 0\)/.test(after),
  },
  {
    reason: 'what is no hex digit ends the next line as well',
    holds: (before) => /^if \(appends && \(next === undefined \|\| next >= /.test(before),
  },
  {
    reason: 'a refusal has no authority to be wrong',
    holds: (before, after) => before === "if ('by' in target) return target;" && after.startsWith('if (false)'),
  },
  {
    reason: 'a way around for plain text, which the long way leaves as it is',
    holds: (before, after) =>
      /^if \((?:isPlain\(path\)|!path\.includes\('\/\/'\)|\/\^\[.*\]\*\$\/\.test\(text\))\)/.test(before) &&
      after.startsWith('if (false)'),
  },
  {
    reason: 'a part of the index',
    holds: (before) => /^const end = parts\.findIndex|^\.slice\(0, end < 0|^\.map\(\(part\) => \(part\.type/.test(before),
  },
  {
    reason: 'presence is asked in two places, of which each answers for the other',
    holds: (before, after) => before === "if (test.op === 'present') return true;" && after.startsWith('if (false)'),
  },
  { reason: 'the cases have no tokens in parameters', holds: (before) => before === 'if (tokens.length === 0) return path;' },
  { reason: 'which rule refused is for explanations', holds: (before) => /\bthis\.refusedBy = /.test(before) },
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
