import { EXIT } from './functions.ts';
import { type Output, printable } from './output.ts';
import { signedIn } from './session.ts';

/** Why was a call allowed or denied? In full for administrators, in one sentence for the decision's own subject. */
export async function explain(id: string, options: { readonly origin?: string }, output: Output): Promise<number> {
  const { client } = await signedIn(options);
  const explanation = await client.explain(id);
  output.data(explanation, () => {
    const lines = [explanation.sentence];
    if (explanation.form === 'full') lines.push(...full(explanation));
    else
      lines.push(
        `  decision  ${explanation.id}`,
        `  code      ${explanation.code}`,
        `  time      ${new Date(explanation.timeMs).toISOString()}`,
      );
    return lines.map(printable).join('\n');
  });
  return EXIT.ok;
}

type Full = Extract<Awaited<ReturnType<Awaited<ReturnType<typeof signedIn>>['client']['explain']>>, { form: 'full' }>;

function full({ entry, nearest, nearestNote }: Full): string[] {
  const lines = [`  decision  ${entry.id}`, `  time      ${new Date(entry.timeMs).toISOString()}`];
  if (entry.type !== 'decision.v1') return lines;
  const { decision } = entry;
  lines.push(`  caller    ${entry.caller} (${entry.source || 'no source'}) from ${entry.peer}`);
  lines.push(`  call      ${entry.method} ${entry.path} on ${entry.target} (${entry.operation})`);
  lines.push(`  verdict   ${decision.verdict} ${decision.code}, mode ${decision.mode}, policy ${decision.policyRevision}`);
  if (entry.outcome !== undefined) lines.push(`  outcome   ${JSON.stringify(entry.outcome.outcome)}`);
  for (const request of decision.requests) {
    lines.push('', `  ${request.verdict} ${request.action} on ${request.resource}: ${request.code} (${request.tier})`);
    for (const rule of request.rules) lines.push(`    rule ${rule.name}  ${rule.file}:${rule.line}`);
    for (const clause of request.clauses) {
      lines.push(
        `    ${clause.result.padEnd(5)} ${clause.part} ${clause.pattern}  (line ${clause.line}, saw ${clause.observed || '-'})`,
      );
    }
    for (const rule of request.wouldDeny) lines.push(`    would deny: ${rule.name}  ${rule.file}:${rule.line}`);
  }
  for (const near of nearest) {
    lines.push('', `  nearest rules for ${near.action} on ${near.resource}:`);
    for (const rule of near.rules) {
      lines.push(
        `    ${rule.rule.name}  ${rule.rule.file}:${rule.rule.line}  ${rule.missing}${rule.ask === undefined ? '' : `; ask ${rule.ask}`}`,
      );
    }
    if (near.rules.length === 0) lines.push('    none comes near');
  }
  if (nearestNote !== undefined && decision.verdict === 'deny') lines.push('', `  nearest   not known: ${nearestNote}`);
  return lines;
}
