import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from './child.ts';
import type { LogFile } from './log-file.ts';
import { basicAuthorization, callPrefect } from './prefect-api.ts';
import { serverEnvironment } from './prefect-environment.ts';

const POLL_MS = 200;

export interface PrefectServerOptions {
  readonly port: number;
  readonly authString: string;
  /** Python of the environment that has Prefect. */
  readonly python: string;
  readonly watcherPython: string;
  readonly watcher: string;
  /** Holds the database. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: LogFile;
}

/** Starts the Prefect server on 127.0.0.1; `isPrefectReady` tells when it answers. */
export function startPrefectServer(options: PrefectServerOptions): Child {
  const { port, authString, home } = options;
  return startChild({
    name: 'Prefect server',
    python: options.watcherPython,
    watcher: options.watcher,
    command: [options.python, '-m', 'prefect', 'server', 'start', '--host', '127.0.0.1', '--port', String(port)],
    env: serverEnvironment({ outer: options.env, home, port, authString }),
    cwd: home,
    log: options.log,
  });
}

/** Waits until the server says that it is ready; false when `signal` came first. */
export async function isPrefectReady(options: {
  readonly port: number;
  readonly authString: string;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const { signal } = options;
  while (!signal.aborted) {
    const answer = await callPrefect({
      url: `http://127.0.0.1:${options.port}/api`,
      path: '/ready',
      authorization: basicAuthorization(options.authString),
      signal,
    });
    if (answer.kind === 'answer' && answer.status === 200) return true;
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}
