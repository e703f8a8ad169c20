import { chooseOrigin, credentialsFile, keepCredential } from './credentials.ts';
import { EXIT } from './functions.ts';
import type { Output } from './output.ts';
import { signedIn } from './session.ts';

/** Ends the token of this command on the server and forgets it here; it is forgotten even when the server does not answer. */
export async function logout(options: { readonly origin?: string }, output: Output): Promise<number> {
  const { origin, token } = await chooseOrigin(options.origin, process.env);
  if (token !== undefined) {
    const { client } = await signedIn(options);
    await client
      .logout()
      .catch((error: unknown) => output.say(`The gateway did not end the token: ${error instanceof Error ? error.message : ''}`));
  }
  await keepCredential(credentialsFile(process.env), origin, undefined);
  output.say(`Signed out of ${origin}.`);
  return EXIT.ok;
}
