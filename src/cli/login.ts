import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { createControlClient } from '../control/client.ts';
import { chooseOrigin, credentialsFile, keepCredential, originOf, readCredentials } from './credentials.ts';
import { EXIT } from './functions.ts';
import { openLoginListener } from './login-listener.ts';
import type { Output } from './output.ts';

const WAIT_MS = 5 * 60 * 1000;

/**
 * Signs this command in through the browser (RFC 8252 §7.3, RFC 7636): a listener on loopback takes a one-time code, which only
 * the holder of the verifier can change into a token. No token stands in an address or an argument of a process.
 */
export async function login(
  origin: string | undefined,
  options: { readonly browser: boolean; readonly waitMs?: number },
  output: Output,
): Promise<number> {
  const chosen = origin === undefined ? (await chooseOrigin(undefined, process.env)).origin : originOf(origin);
  const file = credentialsFile(process.env);
  // A file that could not be written in the end is told before somebody signs in.
  await readCredentials(file);
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const state = randomBytes(16).toString('base64url');
  const listener = await openLoginListener({ state, origin: chosen, waitMs: options.waitMs ?? WAIT_MS });
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
    await keepCredential(file, chosen, { token, subject, expiresAtMs });
    const until = new Date(expiresAtMs).toISOString();
    output.data({ origin: chosen, subject, expires: until }, () => `Signed in at ${chosen} as ${subject} until ${until}.`);
    return EXIT.ok;
  } finally {
    listener.close();
  }
}

/** Tries the desktop's opener; when there is none, the printed address is what remains. */
function openBrowser(address: string): void {
  const opener = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'explorer' : 'xdg-open';
  const child = spawn(opener, [address], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
