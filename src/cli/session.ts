import { type ControlClient, createControlClient } from '../control/client.ts';
import { Problem } from '../core/problem.ts';
import { chooseOrigin } from './credentials.ts';

/** A client of the chosen gateway, signed in. */
export async function signedIn(options: {
  readonly origin?: string;
}): Promise<{ readonly client: ControlClient; readonly origin: string }> {
  const { origin, token } = await chooseOrigin(options.origin, process.env);
  if (token === undefined) {
    throw new Problem({
      code: 'NOT_SIGNED_IN',
      kind: 'invalid',
      message: `this command is not signed in at ${origin}`,
      hint: `run \`fairlead login ${origin}\``,
    });
  }
  return { client: createControlClient({ origin, token: async () => token }), origin };
}
