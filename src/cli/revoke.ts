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
  const { session, token, block, lift, list } = options;
  const named = [subject, session, token].filter((value) => value !== undefined);
  if (list === true) {
    if (named.length > 0 || block === true || lift === true) throw usage('`--list` stands alone');
    return await listAll(options, output);
  }
  if (named.length !== 1) throw usage('name one: a subject such as `user:ada@acme.example`, `--session ID` or `--token ID`');
  if (subject === undefined && (block === true || lift === true)) throw usage('`--block` and `--lift` take a subject');
  if (block === true && lift === true) throw usage("`--block` and `--lift` are each other's contrary");
  const { client } = await signedIn(options);
  if (lift === true && subject !== undefined) {
    await client.lift(subject);
    output.data({ lifted: subject }, () => `Lifted: ${subject} may sign in again.`);
    return EXIT.ok;
  }
  const whom = {
    ...(subject === undefined ? {} : { subject }),
    ...(session === undefined ? {} : { session }),
    ...(token === undefined ? {} : { token }),
    ...(block === undefined ? {} : { block }),
  };
  await client.revoke(whom);
  output.data({ revoked: whom }, () => `Revoked: ${named[0]}. Open streams and sockets are closed.`);
  return EXIT.ok;
}

async function listAll(options: RevokeOptions, output: Output): Promise<number> {
  const { client } = await signedIn(options);
  const revocations = await client.revocations();
  output.data(revocations, () =>
    revocations.length === 0
      ? 'Nothing is revoked.'
      : table(
          ['KIND', 'VALUE', 'BLOCKED', 'BY', 'AT'],
          revocations.map((one) => [one.kind, one.value, one.block ? 'yes' : 'no', one.by, new Date(one.atMs).toISOString()]),
        ),
  );
  return EXIT.ok;
}

function usage(message: string): Problem {
  return new Problem({ code: 'USAGE', kind: 'invalid', message });
}
