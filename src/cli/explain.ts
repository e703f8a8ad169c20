import type { Outcome } from '../core/decision.ts';
import { EXIT } from './functions.ts';
import { type Output, printable } from './output.ts';
import { signedIn } from './session.ts';

/** Why was a call allowed or denied? In full for administrators, in one sentence for the decision's own subject. */
export async function explain(id: string, options: { readonly origin?: string }, output: Output): Promise<number> {
  const { client } = await signedIn(options);
  const explanation = await client.explain(id);
  output.data(explanation, () => {
    const lines = [explanation.sentence, ...(explanation.form === 'full' ? full(explanation) : short(explanation))];
    return lines.map(printable).join('\n');
  });
  return EXIT.ok;
}

type Explanation = Awaited<ReturnType<Awaited<ReturnType<typeof signedIn>>['client']['explain']>>;
type Full = Extract<Explanation, { form: 'full' }>;
type DecisionEntry = Extract<Full['entry'], { type: 'decision.v1' }>;

function short({ id, code, timeMs }: Extract<Explanation, { form: 'short' }>): string[] {
  return [line('decision', id), line('code', code), line('time', timeText(timeMs))];
}

function full(explanation: Full): string[] {
  const { entry } = explanation;
  const head = [line('decision', entry.id), line('time', timeText(entry.timeMs))];
  switch (entry.type) {
    case 'decision.v1':
      return [...head, ...decided(entry), ...nearestLines(explanation, entry)];
    case 'refusal.v1':
      return [
        ...head,
        line('peer', entry.peer),
        line('call', `${entry.method ?? '?'} ${entry.path ?? '?'} on ${entry.target || 'no target'}`),
        line('answer', `${entry.code}, status ${entry.status}`),
        ...(entry.fold === undefined ? [] : [line('count', String(entry.fold.count))]),
      ];
    case 'event.v1':
      return [
        ...head,
        line('event', entry.event),
        line('caller', entry.caller),
        ...Object.entries(entry.detail).map(([name, value]) => line(name, String(value))),
      ];
    case 'outcome.v1':
      return [...head, line('outcome', outcomeText(entry.outcome)), '  its decision is no longer in the record'];
    case 'gap.v1':
      return [...head, ...Object.entries(entry.lost).map(([kind, count]) => line('lost', `${count} of ${kind}`))];
    default:
      // A later gateway may know more types; id and time are in each.
      return head;
  }
}

function decided(entry: DecisionEntry): string[] {
  const { caller, source, peer, method, path, target, operation, decision } = entry;
  const lines = [
    line('caller', `${caller} (${source || 'no source'}) from ${peer}`),
    line('call', `${method} ${path} on ${target} (${operation})`),
    line('verdict', `${decision.verdict} ${decision.code}, mode ${decision.mode}, policy ${decision.policyRevision}`),
    line('outcome', endingText(entry)),
  ];
  for (const request of decision.requests) {
    lines.push('', `  ${request.verdict} ${request.action} on ${request.resource}: ${request.code} (${request.tier})`);
    for (const rule of request.rules) lines.push(`    rule ${rule.name}  ${rule.file}:${rule.line}`);
    for (const { result, part, pattern, line: at, observed } of request.clauses) {
      lines.push(`    ${result.padEnd(5)} ${part} ${pattern}  (line ${at}, saw ${observed || '-'})`);
    }
    for (const rule of request.wouldDeny) lines.push(`    would deny: ${rule.name}  ${rule.file}:${rule.line}`);
  }
  return lines;
}

function nearestLines({ nearest, nearestNote }: Full, { decision }: DecisionEntry): string[] {
  const lines = nearest.flatMap(({ action, resource, rules }) => [
    '',
    `  nearest rules for ${action} on ${resource}:`,
    ...rules.map(
      ({ rule, missing, ask }) =>
        `    ${rule.name}  ${rule.file}:${rule.line}  ${missing}${ask === undefined ? '' : `; ask ${ask}`}`,
    ),
    ...(rules.length === 0 ? ['    none comes near'] : []),
  ]);
  if (nearestNote !== undefined && decision.verdict === 'deny') lines.push('', `  nearest   not known: ${nearestNote}`);
  return lines;
}

function endingText({ outcome, fold }: DecisionEntry): string {
  if (outcome !== undefined) return outcomeText(outcome.outcome);
  if (fold === undefined) return 'not known';
  const outcomes = Object.entries(fold.outcomes).map(([kind, count]) => `${kind}: ${count}`);
  const which = fold.isMixed === true ? 'calls of this caller, of whatever they were about,' : 'calls like this one';
  return [`${fold.count} ${which} until ${timeText(fold.lastTimeMs)}`, ...outcomes].join('; ');
}

/** `answered, status 201`: the members that an outcome has beside its kind. */
function outcomeText(outcome: Outcome): string {
  const { kind, ...rest } = outcome;
  const more = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  return [kind.replaceAll('_', ' '), ...more].join(', ');
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(8)}  ${text}`;
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
