import type { Place } from '../objects.ts';
import type { Change, DiffResult, Finding, SideOutcome, Subject } from './result.ts';

/** The options that name the two sides in commands: `-f mesh/`. */
export interface SideNames {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** A comparison for people at a terminal. */
export function diffText(result: DiffResult, names: SideNames): string {
  const { findings, notes, bounds } = result;
  const parts = [summaryText(result), ...findings.map((finding) => findingText(finding, names))];
  if (notes.length > 0) parts.push(['Notes', ...notes.map(({ text, place }) => `  ${text}${placeText(place)}`)].join('\n'));
  if (bounds.length > 0) parts.push(['Not everything was compared', ...bounds.map((text) => `  ${text}`)].join('\n'));
  return parts.join('\n\n');
}

/** One sentence on the whole; that nothing changed is said only when everything was compared. */
export function summaryText({ findings, bounds, compared, profile }: DiffResult): string {
  const { workloads, different } = compared;
  const what = `${counted(workloads, 'kind')} of workloads compared, ${different} with other policies, as ${profile} enforces them`;
  if (findings.length > 0) {
    const counts = (['gained', 'lost', 'changed'] satisfies Change[]).map(
      (change) => `${findings.filter((one) => one.change === change).length} ${change}`,
    );
    return `${counts.join(', ')}: ${what}.`;
  }
  return bounds.length === 0
    ? `No caller gains or loses a request: ${what}.`
    : `No difference was found, but the search was bounded: ${what}.`;
}

function findingText(finding: Finding, names: SideNames): string {
  const { change, transport, callers, requests, before, after, example, rare, workloads } = finding;
  const lines: (readonly [string, string])[] = [
    ['callers', callers],
    ['workloads', workloadsText(workloads)],
    ['before', outcomeText(before)],
    ['after', outcomeText(after)],
    ['example', example.text],
    ['', commandText(example.args, names.before)],
    ['', commandText(example.args, names.after)],
  ];
  if (rare !== undefined) lines.push(['needs', rare]);
  const isReadAsHttp = transport === 'http' || workloads.every(({ ref }) => ref.kind === 'ztunnel');
  const what = isReadAsHttp ? requests : `${requests}, where a port is plain TCP`;
  return [`${change.toUpperCase()}  ${what}`, ...lines.map(([name, text]) => `  ${name.padEnd(10)} ${text}`)].join('\n');
}

export function outcomeText({ text, because }: SideOutcome): string {
  const reasons = because.map((reason) => `${reason.text}${placeText(reason.place)}`);
  return reasons.length === 0 ? text : `${text}: ${reasons.join('; ')}`;
}

const MAX_NAMED = 6;

export function workloadsText(workloads: readonly Subject[]): string {
  const titles = [...new Set(workloads.map(({ title }) => title))];
  const rest = titles.length - MAX_NAMED;
  return rest > 1 ? `${titles.slice(0, MAX_NAMED).join(', ')} and ${rest} more` : titles.join(', ');
}

export function placeText(place: Place | undefined): string {
  return place === undefined || place.line === 0 ? '' : ` (${place.file}:${place.line})`;
}

/** The command that explains the example on one side. */
export function commandText(args: readonly string[], side: readonly string[]): string {
  return ['fairlead', 'istio', 'explain', ...side, ...args].map(quoted).join(' ');
}

function quoted(text: string): string {
  return /^[A-Za-z0-9_./:=,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function counted(count: number, word: string): string {
  return `${count} ${count === 1 ? word : `${word}s`}`;
}
