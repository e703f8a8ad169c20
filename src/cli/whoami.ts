import { EXIT } from './functions.ts';
import { type Output, table } from './output.ts';
import { signedIn } from './session.ts';

/** Who the gateway takes this command for. */
export async function whoami(options: { readonly origin?: string }, output: Output): Promise<number> {
  const { client, origin } = await signedIn(options);
  const me = await client.whoami();
  output.data(me, () =>
    table(
      ['SUBJECT', 'SOURCE', 'GROUPS', 'ADMINISTRATOR', 'ORIGIN'],
      [
        [
          me.subject,
          me.source,
          `${me.groups.join(',')}${me.groupsComplete ? '' : ',…'}`,
          me.administrator ? 'yes' : 'no',
          origin,
        ],
      ],
    ),
  );
  return EXIT.ok;
}
