import { Problem } from '../core/problem.ts';
import { EXIT } from './functions.ts';
import { type Output, table } from './output.ts';
import { signedIn } from './session.ts';

export interface RevokeOptions {
  readonly session?: string;
  readonly token?: string;
  readonly block?: boolean;
  readonly lift?: boolean;
  readonly list?: boolean;
  readonly origin?: string;
}

/** Ends access at once, open streams included; lifts or lists revocations. */
export async function revoke(subject: string | undefined, options: RevokeOptions, output: Output): Promise<number> {
  const { client } = await signedIn(options);
  if (options.list === true) {
    const revocations = await client.revocations();
    output.data(revocations, () =>
      table(
        ['KIND', 'VALUE', 'BLOCKED', 'BY', 'AT'],
        revocations.map((one) => [one.kind, one.value, one.block ? 'yes' : 'no', one.by, new Date(one.atMs).toISOString()]),
      ),
    );
    return EXIT.ok;
  }
  const named = [subject, options.session, options.token].filter((value) => value !== undefined);
  if (named.length !== 1) {
    throw new Problem({
      code: 'USAGE',
      kind: 'invalid',
      message: 'name one: a subject such as `user:ada@acme.com`, `--session ID` or `--token ID`',
    });
  }
  if (options.lift === true) {
    if (subject === undefined) throw new Problem({ code: 'USAGE', kind: 'invalid', message: '`--lift` takes a subject' });
    await client.lift(subject);
    output.say(`Lifted: ${subject} may sign in again.`);
    return EXIT.ok;
  }
  await client.revoke({
    ...(subject === undefined ? {} : { subject }),
    ...(options.session === undefined ? {} : { session: options.session }),
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.block === undefined ? {} : { block: options.block }),
  });
  output.say(`Revoked: ${named[0]}. Open streams and sockets are closed.`);
  return EXIT.ok;
}
