import { type RequestDraft, wireText } from '../../istio/request/draft.ts';
import { findTargets } from '../../istio/target/target.ts';
import type { Cut, Entry, Grant, WhoCanReport } from '../../istio/who-can/report.ts';
import { whoCan } from '../../istio/who-can/who-can.ts';
import { EXIT } from '../functions.ts';
import type { Output } from '../output.ts';
import { alike, groupText } from './alike.ts';
import { placeText } from './explain-text.ts';
import { loadSurroundings, type WorkloadOptions } from './surroundings.ts';

export interface WhoCanOptions extends WorkloadOptions {
  readonly host?: string;
  readonly http2?: boolean;
}

/** Who may send such a request? 0 when somebody may, 2 when nobody. */
export async function whoMaySend(method: string, path: string, options: WhoCanOptions, output: Output): Promise<number> {
  const { model, profile, target: way, caveats } = await loadSurroundings(options, output);
  const targets = findTargets(model, options.to, way);
  const draft: RequestDraft = {
    method: wireText(method),
    path: wireText(path),
    ...(options.host === undefined ? {} : { authority: wireText(options.host) }),
    ...(options.http2 === true ? { protocol: 'h2' as const } : {}),
  };
  const now = Math.floor(Date.now() / 1000);
  const answers = targets.map((target) => whoCan({ model, target, draft, profile, now }));
  output.data({ ...(caveats.length === 0 ? {} : { caveats }), answers }, () =>
    [
      ...caveats.map(({ text }) => text),
      ...alike(answers).map((group) => groupText(group, (report) => reportText(report, `${method} ${path}`))),
    ].join('\n\n'),
  );
  return answers.every(({ grants }) => grants.every(({ entries }) => entries.length === 0)) ? EXIT.denied : EXIT.ok;
}

function reportText(report: WhoCanReport, request: string): string {
  const { target, transport, profile, mtls, grants, cuts, accounts, bounded } = report;
  const given = grants.filter(({ entries }) => entries.length > 0);
  const sections = [
    [
      `${request}  to ${target.title}, port ${target.port}  (${target.proxy}, ${transport === 'http' ? 'HTTP' : 'TCP'} rules, profile ${profile}, mutual TLS ${mtls})`,
    ],
    given.length === 0 ? [nobody(report)] : given.flatMap((grant, index) => grantLines(grant, given[index - 1])),
    refusedLines(grants),
    cutLines(cuts),
    accountLines(accounts),
    bounded ? ['Some searches were given up: what is listed holds, and more may be possible.'] : [],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function nobody({ grants, bounded }: WhoCanReport): string {
  if (grants.length === 0) return 'Nobody: no ALLOW rule covers this request.';
  return bounded ? 'Nobody was found.' : 'Nobody: whom an ALLOW rule names is denied all the same.';
}

/** The rule stands once above all that it grants. */
function grantLines(grant: Grant, before: Grant | undefined): string[] {
  const { rule, entries, conditions } = grant;
  const head = ruleLine(grant);
  return [
    ...(rule !== undefined && before !== undefined && ruleLine(before) === head ? [] : [head]),
    ...entries.map(entryLine),
    ...(conditions.length === 0
      ? []
      : [`    only with: ${conditions.map(({ text, place }) => `${text}  ${placeText(place)}`).join('; and ')}`]),
  ];
}

function ruleLine({ rule }: Grant): string {
  if (rule === undefined) return 'No ALLOW policy is attached, so all is allowed that no DENY rule takes away:';
  return `${rule.policy} rule[${rule.rule}]  ${placeText(rule.place)}`;
}

function entryLine({ who, place, example, asks }: Entry): string {
  const more =
    example === undefined
      ? []
      : [...example.headers, ...(example.claims === undefined ? [] : [`claims ${JSON.stringify(example.claims)}`])];
  const shown =
    more.length === 0
      ? ''
      : `  (for example with ${more.slice(0, 5).join(', ')}${more.length > 5 ? `, … ${more.length - 5} more` : ''})`;
  const asked = asks.length === 0 ? '' : `  (if ${asks.map((name) => `\`${name}\``).join(' and ')} allows)`;
  return `  ${who}${place === undefined ? '' : `  ${placeText(place)}`}${shown}${asked}`;
}

function refusedLines(grants: readonly Grant[]): string[] {
  const refused = grants.flatMap((grant) => grant.refused);
  return refused.length === 0
    ? []
    : ['Named by an ALLOW rule, and denied all the same:', ...refused.map((one) => `${entryLine(one)}: ${one.because ?? ''}`)];
}

function cutLines(cuts: readonly Cut[]): string[] {
  if (cuts.length === 0) return [];
  return [
    'Except what these DENY rules take away:',
    ...cuts.map(({ rule, terms }) => {
      const what = terms.length === 0 ? 'everybody' : terms.map(({ text }) => text).join(' and ');
      return `  ${what}: ${rule.policy} rule[${rule.rule}]  ${placeText(rule.place)}`;
    }),
  ];
}

function accountLines(accounts: WhoCanReport['accounts']): string[] {
  if (accounts.length === 0) return [];
  const list = accounts.filter(({ answer }) => answer !== 'denied');
  const head = `Of ${accounts.length} service account${accounts.length === 1 ? '' : 's'} in these files, ${list.length === 0 ? 'none may' : `${list.length} may`}:`;
  return [
    head.replace(/ none may:$/, ' none may.'),
    ...list.map(({ account, answer, workloads }) => {
      const use = workloads.length === 0 ? '' : `  (${workloads.slice(0, 3).join(', ')}${workloads.length > 3 ? ', …' : ''})`;
      return `  ${account}${answer === 'conditions' ? ', under the conditions above' : ''}${use}`;
    }),
  ];
}
