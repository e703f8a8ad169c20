import { Problem } from '../core/problem.ts';
import { EXIT } from './functions.ts';
import { type Output, printable } from './output.ts';
import { signedIn } from './session.ts';

export interface CanIOptions {
  readonly as?: string;
  readonly groups?: string;
  readonly tags?: string;
  readonly origin?: string;
}

/** Would this call be allowed? Exit code 0 when it would, 2 when not. */
export async function canI(action: string, resource: string, options: CanIOptions, output: Output): Promise<number> {
  if (options.groups !== undefined && options.as === undefined) {
    throw new Problem({ code: 'USAGE', kind: 'invalid', message: '`--groups` goes with `--as`: your own groups are known' });
  }
  const caller =
    options.as === undefined ? undefined : { subject: checkedSubject(options.as), groups: names(options.groups ?? '') };
  const { client } = await signedIn(options);
  const answer = await client.queryAccess({
    action,
    resource,
    ...(options.tags === undefined ? {} : { attributes: { tags: names(options.tags) } }),
    ...(caller === undefined ? {} : { caller }),
  });
  output.data(answer, () => {
    const lines = [
      `${answer.verdict === 'allow' ? 'yes' : answer.verdict === 'hold' ? 'after approval' : 'no'}: ${answer.sentence}`,
    ];
    for (const near of answer.nearest)
      lines.push(`  nearest: ${near.rule.name} (${near.rule.file}:${near.rule.line}): ${near.missing}`);
    return lines.map(printable).join('\n');
  });
  return answer.verdict === 'allow' ? EXIT.ok : EXIT.denied;
}

function checkedSubject(text: string): string {
  if (/^(user|workload|agent):./.test(text)) return text;
  throw new Problem({
    code: 'SUBJECT_INVALID',
    kind: 'invalid',
    message: '`--as` is `user:NAME`, `workload:NAMESPACE/SERVICEACCOUNT` or `agent:NAME`',
  });
}

function names(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
