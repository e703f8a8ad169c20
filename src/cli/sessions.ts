import { Problem } from '../core/problem.ts';
import { EXIT } from './functions.ts';
import { type Output, table } from './output.ts';
import { signedIn } from './session.ts';

export interface SessionsOptions {
  readonly all?: boolean;
  readonly end?: string;
  readonly origin?: string;
}

/** Lists sign-ins of browsers: one's own, those of `subject`, or everybody's; ends one, open streams included. */
export async function sessions(subject: string | undefined, options: SessionsOptions, output: Output): Promise<number> {
  const { all, end } = options;
  if ([subject, all, end].filter((value) => value !== undefined).length > 1) {
    throw new Problem({ code: 'USAGE', kind: 'invalid', message: 'name one: a subject, `--all` or `--end ID`' });
  }
  const { client } = await signedIn(options);
  if (end !== undefined) {
    await client.endSession(end);
    output.data({ ended: end }, () => `Ended: ${end}. Its open streams and sockets are closed.`);
    return EXIT.ok;
  }
  const found = await client.sessions(all === true ? '*' : subject);
  output.data(found, () =>
    found.length === 0
      ? 'No browser is signed in.'
      : table(
          ['SUBJECT', 'SINCE', 'UNTIL', 'ORIGINS', 'ID'],
          found.map((one) => [
            one.subject,
            new Date(one.authenticatedAtMs).toISOString(),
            new Date(one.idleEndsAtMs).toISOString(),
            one.origins.join(' '),
            one.isCurrent ? `${one.id} (this one)` : one.id,
          ]),
        ),
  );
  return EXIT.ok;
}
