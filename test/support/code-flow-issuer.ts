import { type TestIssuer, testIssuer } from '../../src/identity/fixture.ts';

/** Stands for everything that must never be told. */
export const CANARY = 'canary-5f1f0c1e';

/** A provider whose authorization endpoint is the test itself: `authorize` is the browser's way through it. */
export async function codeFlowIssuer(clock: { now(): number }) {
  const issuer: TestIssuer = await testIssuer(clock);
  const codes = new Map<string, Record<string, unknown>>();
  const authorized: URL[] = [];
  issuer.answer = (incoming, response) => {
    if (incoming.url === '/.well-known/openid-configuration') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          issuer: issuer.issuer,
          jwks_uri: `${issuer.issuer}/keys`,
          authorization_endpoint: `${issuer.issuer}/authorize`,
          token_endpoint: `${issuer.issuer}/token`,
          response_types_supported: ['code'],
          code_challenge_methods_supported: ['S256'],
          id_token_signing_alg_values_supported: ['ES256'],
        }),
      );
      return true;
    }
    if (incoming.url?.startsWith('/authorize?') === true && made.visitor !== undefined) {
      const back = made.authorize(`${issuer.issuer}${incoming.url}`, made.visitor);
      const to = new URL(new URL(incoming.url, issuer.issuer).searchParams.get('redirect_uri') ?? '');
      response.writeHead(303, { location: `${to.origin}${back}` }).end();
      return true;
    }
    if (incoming.url !== '/token') return false;
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
      const claims = codes.get(form.get('code') ?? '');
      codes.delete(form.get('code') ?? '');
      void (claims === undefined ? Promise.resolve(undefined) : issuer.sign(claims)).then((idToken) => {
        response.writeHead(idToken === undefined ? 400 : 200, { 'content-type': 'application/json' });
        const good = { access_token: `access-${CANARY}`, token_type: 'Bearer', expires_in: 600, id_token: idToken };
        response.end(JSON.stringify(idToken === undefined ? { error: 'invalid_grant' } : good));
      });
    });
    return true;
  };
  const made = {
    issuer,
    authorized,
    /** Who a real browser is taken for at the authorization endpoint. */
    visitor: undefined as Record<string, unknown> | undefined,
    authorize(location: string, who: Record<string, unknown>): string {
      const url = new URL(location);
      authorized.push(url);
      const code = crypto.randomUUID();
      codes.set(code, { ...who, nonce: url.searchParams.get('nonce') ?? undefined, canary: CANARY });
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      back.search = new URLSearchParams({ code, state: url.searchParams.get('state') ?? '' }).toString();
      return `${back.pathname}${back.search}`;
    },
  };
  return made;
}
