import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Problem } from '../core/problem.ts';

export interface LoginListener {
  readonly port: number;
  /** The one-time code of the first callback with the right state. Problem: LOGIN_TIMEOUT. */
  readonly code: Promise<string>;
  close(): void;
}

/** What Fairlead's codes look like; anything else is not worth asking about. */
const CODE = /^[A-Za-z0-9_-]{1,200}$/;

/**
 * Waits on a free loopback port for the browser to bring a one-time code (RFC 8252 §7.3). Whoever else finds the port, a page or
 * another user of this machine, does not know the state, and changes nothing.
 */
export async function openLoginListener(options: {
  readonly state: string;
  /** Where the browser goes on: the control origin, so that the code is out of the address bar at once. */
  readonly origin: string;
  readonly waitMs: number;
}): Promise<LoginListener> {
  const { state, origin, waitMs } = options;
  const { promise: code, resolve, reject } = Promise.withResolvers<string>();
  // Whoever waits gets the rejection; until somebody does it is not unhandled.
  code.catch(() => {});
  const server = createServer((request, response) => {
    const found = codeOf(request, state);
    if (found === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain', connection: 'close' }).end('not found\n');
      return;
    }
    response.writeHead(303, { location: `${origin}/`, 'cache-control': 'no-store', connection: 'close' });
    response.end(() => resolve(found));
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', listening);
  });
  const timer = setTimeout(() => {
    const minutes = Math.ceil(waitMs / 60_000);
    reject(
      new Problem({
        code: 'LOGIN_TIMEOUT',
        kind: 'invalid',
        message: `nobody signed in within ${minutes} minute${minutes === 1 ? '' : 's'}`,
        hint: 'run `fairlead login` again',
      }),
    );
  }, waitMs);
  return {
    // A TCP server's address is an AddressInfo.
    port: (server.address() as AddressInfo).port,
    code,
    close() {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

function codeOf({ method, url: target = '' }: IncomingMessage, state: string): string | undefined {
  const base = 'http://127.0.0.1';
  if (method !== 'GET' || !target.startsWith('/callback?') || !URL.canParse(target, base)) return undefined;
  const { searchParams } = new URL(target, base);
  const [[code = ''], states] = [searchParams.getAll('code'), searchParams.getAll('state')];
  if (states.length !== 1 || states[0] !== state || searchParams.getAll('code').length !== 1) return undefined;
  return CODE.test(code) ? code : undefined;
}
