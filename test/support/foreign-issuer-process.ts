import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

/** An OpenID provider as its library comes: its own pages, RSA keys, consent asked for; started by `foreign-issuer.ts` as a process of its own. */

export interface IssuerOrder {
  /** The gateway's callback. */
  readonly redirectUri: string;
  readonly clientSecret: string;
  /** By the name that is typed into the sign-in page; any password is taken. */
  readonly people: Readonly<Record<string, { readonly email: string; readonly groups: readonly string[] }>>;
}

process.once('message', (order: IssuerOrder) => {
  void serve(order).then((issuer) => process.send?.({ issuer }));
});
// The test that started it is gone.
process.once('disconnect', () => process.exit());

async function serve({ redirectUri, clientSecret, people }: IssuerOrder): Promise<string> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'first', alg: 'RS256', use: 'sig' }] },
    clients: [{ client_id: 'fairlead', client_secret: clientSecret, redirect_uris: [redirectUri] }],
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['groups'] },
    conformIdTokenClaims: false,
    findAccount(_context, id) {
      const person = people[id];
      const claims = () => ({ sub: `id-of-${id}`, ...person, groups: [...(person?.groups ?? [])], email_verified: true });
      return person === undefined ? undefined : { accountId: id, claims };
    },
    cookies: { keys: [randomBytes(32).toString('hex')] },
  });
  const answer = provider.callback();
  server.on('request', (request, response) => void answer(request, response));
  return issuer;
}
