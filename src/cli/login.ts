import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { createControlClient } from '../control/client.ts';
import { Problem } from '../core/problem.ts';
import { chooseOrigin, credentialsFile, keepCredential, originOf } from './credentials.ts';
import { EXIT } from './functions.ts';
import type { Output } from './output.ts';

const WAIT_MS = 5 * 60 * 1000;

/**
 * Signs this command in through the browser (RFC 8252 §7.3, RFC 7636): a listener on loopback takes a one-time code, which only
 * the holder of the verifier can change into a token.
 */
export async function login(origin: string | undefined, options: { readonly browser: boolean }, output: Output): Promise<number> {
  const chosen = origin === undefined ? (await chooseOrigin(undefined, process.env)).origin : originOf(origin);
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const state = randomBytes(16).toString('base64url');
  const listener = await openListener(state, chosen);
  try {
    const query = new URLSearchParams({
      port: String(listener.port),
      challenge,
      state,
      label: `fairlead on ${hostname()}`.replace(/[^\x20-\x7e]/g, '?').slice(0, 80),
    });
    const address = `${chosen}/login/cli?${query}`;
    output.say(`Sign in with a browser on this machine:\n\n  ${address}\n`);
    if (options.browser) openBrowser(address);
    const code = await listener.code;
    const signedIn = await createControlClient({ origin: chosen }).exchangeLogin({ code, verifier });
    const { subject, expiresAtMs, token } = signedIn;
    await keepCredential(credentialsFile(process.env), chosen, { token, subject, expiresAtMs });
    const until = new Date(expiresAtMs).toISOString();
    output.data({ origin: chosen, subject, expires: until }, () => `Signed in at ${chosen} as ${subject} until ${until}.`);
    return EXIT.ok;
  } finally {
    listener.close();
  }
}

async function openListener(state: string, origin: string) {
  let settle: (code: string) => void = () => {};
  let fail: (problem: Problem) => void = () => {};
  const code = new Promise<string>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  code.catch(() => {});
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const found = url.searchParams.get('code');
    if (url.pathname !== '/callback' || url.searchParams.get('state') !== state || found === null) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
      return;
    }
    // The code is out of the address bar at once; what is shown comes from the gateway.
    response.writeHead(303, { location: `${origin}/`, connection: 'close' }).end();
    settle(found);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const timer = setTimeout(
    () => fail(new Problem({ code: 'LOGIN_TIMEOUT', kind: 'invalid', message: 'nobody signed in within 5 minutes' })),
    WAIT_MS,
  );
  return {
    port: (server.address() as AddressInfo).port,
    code,
    close() {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Tries the desktop's opener; when there is none, the printed address is what remains. */
function openBrowser(address: string): void {
  const opener = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open';
  const child = spawn(opener, [address], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
