import { type Child, startChild } from './child.ts';
import type { LogFile } from './log-file.ts';
import { basicAuthorization, callPrefect } from './prefect-api.ts';
import { clientEnvironment } from './prefect-environment.ts';
import { SAMPLE } from './sample-deployment.ts';

/** A worker's token; the worker reads it once, when it starts, and hands it to its runs. */
export const WORKER_TOKEN_SECONDS = 24 * 3_600;

export interface PrefectWorkerOptions {
  readonly gatewayUrl: string;
  readonly token: string;
  readonly python: string;
  readonly watcherPython: string;
  readonly watcher: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: LogFile;
  /** Called once when the worker says that it has started. */
  readonly onStarted: () => void;
}

/** Starts a stock process worker that talks through the gateway as the workload `demo/worker`. */
export function startPrefectWorker(options: PrefectWorkerOptions): Child {
  let isStarted = false;
  return startChild({
    name: 'worker',
    python: options.watcherPython,
    watcher: options.watcher,
    command: [
      options.python,
      '-m',
      'prefect',
      'worker',
      'start',
      '--pool',
      SAMPLE.pool,
      '--name',
      'demo-worker',
      '--type',
      'process',
    ],
    env: clientEnvironment({ outer: options.env, home: options.home, gatewayUrl: options.gatewayUrl, token: options.token }),
    cwd: options.home,
    log: options.log,
    onLine: (line) => {
      if (isStarted || !/^Worker .* started!/.test(line)) return;
      isStarted = true;
      options.onStarted();
    },
  });
}

/** No run of the pool is under way, as the Prefect server itself says. In doubt: no. */
export async function isWorkerIdle(options: {
  readonly serverPort: number;
  readonly authString: string;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const answer = await callPrefect({
    url: `http://127.0.0.1:${options.serverPort}/api`,
    path: '/flow_runs/count',
    authorization: basicAuthorization(options.authString),
    body: {
      work_pools: { name: { any_: [SAMPLE.pool] } },
      flow_runs: { state: { type: { any_: ['RUNNING', 'PENDING', 'CANCELLING'] } } },
    },
    signal: options.signal,
  });
  return answer.kind === 'answer' && answer.status === 200 && answer.body === 0;
}
