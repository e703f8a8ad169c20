import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoAssets } from './assets.ts';
import type { Child, ChildExit } from './child.ts';
import { installEnvironmentVariables } from './environment.ts';
import { type Kept, keepRunning } from './keep-running.ts';
import { type LogFile, openLogFile } from './log-file.ts';
import { isPrefectReady, startPrefectServer } from './prefect-server.ts';
import { isWorkerIdle, startPrefectWorker, WORKER_TOKEN_SECONDS } from './prefect-worker.ts';
import type { Python } from './python.ts';
import { deploySample, isSampleDeployed } from './sample-deployment.ts';
import type { Status } from './status.ts';
import { watchToken } from './token-renewal.ts';
import { installEnvironment } from './virtual-environment.ts';
import type { WorkloadIssuer } from './workload-issuer.ts';

const DEPLOYER = { namespace: 'demo', serviceAccount: 'deployer', ttlSeconds: 900 };
const WORKER = { namespace: 'demo', serviceAccount: 'worker', ttlSeconds: WORKER_TOKEN_SECONDS };
/** Said after so much waiting, when the server does not come up. */
const SLOW_MS = 120_000;

export interface PrefectOptions {
  readonly folder: string;
  readonly assets: DemoAssets;
  readonly python: Python;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly serverPort: number;
  readonly authString: string;
  /** The gateway in front of Prefect: `http://127.0.0.1:8080`. */
  readonly gatewayUrl: string;
  readonly mint: WorkloadIssuer['mint'];
  /** `hello.py` in the demo's folder. */
  readonly flowFile: string;
  readonly status: Status;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export interface RunningPrefect {
  /** Resolves when the worker waits for runs, or when it is clear that it will not; the sentence says why. Never rejects. */
  readonly ready: Promise<
    { readonly kind: 'ready' } | { readonly kind: 'failed'; readonly sentence: string } | { readonly kind: 'stopped' }
  >;
  /** Ends worker and runs first, so that they can report, then the server. `signal` must have been aborted. */
  stop(): Promise<void>;
}

/**
 * Installs Prefect where it is missing, starts its server, deploys the sample flow and starts a worker; the latter two through the
 * gateway, each as a workload of its own. What is deployed already is left alone. Server and worker are started again when they end.
 */
export function startPrefect(options: PrefectOptions): RunningPrefect {
  const { status, signal, now } = options;
  const homes = { server: join(options.folder, 'prefect'), client: join(options.folder, 'worker') };
  /** There since the sample was first deployed; a hint on what to start first, no more. */
  const deployedMark = join(homes.client, 'sample-deployed');
  const logs = new Map<string, LogFile>();
  let server: Kept | undefined;
  let worker: Kept | undefined;
  let renewal: { stop(): void } | undefined;

  function log(name: string): LogFile {
    const known = logs.get(name);
    if (known !== undefined) return known;
    const opened = openLogFile(join(options.folder, 'logs', `${name}.log`));
    logs.set(name, opened);
    return opened;
  }

  const common = { watcherPython: options.python.path, watcher: options.assets.watcher, env: options.env };
  const forClients = { ...common, home: homes.client, gatewayUrl: options.gatewayUrl };

  function sayEnd(name: string, path: string) {
    return (exit: ChildExit, delayMs: number) => {
      const last = exit.lastLines
        .findLast((line) => /error|exception|refused|denied/i.test(line))
        ?.trim()
        .slice(0, 200);
      const detail = last === undefined ? '' : `: ${last}`;
      status.say(
        `${name} ended with status ${exit.code}${detail}. It is started again in ${delayMs / 1000} s; its log is ${path}.`,
      );
    };
  }

  async function up(): Promise<Awaited<RunningPrefect['ready']>> {
    for (const home of Object.values(homes)) mkdirSync(home, { recursive: true, mode: 0o700 });
    const installed = await installEnvironment({
      python: options.python.path,
      watcher: options.assets.watcher,
      folder: join(options.folder, 'prefect-3.9.1'),
      lockFile: options.assets.lock,
      log: log('install'),
      env: installEnvironmentVariables(options.env),
      onProgress: (text, done) => status.progress(text, done),
      signal,
    });
    if (signal.aborted) return { kind: 'stopped' };
    if (installed.kind === 'failed') return installed;
    const { python } = installed;

    const startedAt = now();
    const serverLog = log('prefect-server');
    server = keepRunning({
      now,
      start: async () =>
        startPrefectServer({
          ...common,
          python,
          home: homes.server,
          port: options.serverPort,
          authString: options.authString,
          log: serverLog,
        }),
      onEnd: sayEnd('The Prefect server', serverLog.path),
    });
    const ticking = tick('Prefect server is starting', startedAt);
    try {
      if (!existsSync(deployedMark)) return await deployThenWork(python, ticking);
      // The pool is there most likely: the worker can load while the server does, for the gateway holds its calls.
      const started = work(python);
      if (!(await isReady())) return { kind: 'stopped' };
      const token = await options.mint(DEPLOYER);
      if (await isSampleDeployed({ gatewayUrl: options.gatewayUrl, token, flowFile: options.flowFile, signal })) {
        ticking.text = 'worker is starting';
        return await started;
      }
      return await deployThenWork(python, ticking);
    } finally {
      ticking.stop();
      status.clear();
    }
  }

  /** Deploys, and starts the worker unless it runs: without its pool it could not. */
  async function deployThenWork(python: string, ticking: Ticking): Promise<Awaited<RunningPrefect['ready']>> {
    const token = await options.mint(DEPLOYER);
    const deploying = deploySample({
      ...forClients,
      python,
      token,
      flowFile: options.flowFile,
      script: options.assets.deployScript,
      log: log('deploy'),
      signal,
    });
    if (!(await isReady())) return { kind: 'stopped' };
    ticking.text = 'sample flow is being deployed through the gateway';
    const deployed = await deploying;
    if (deployed.kind === 'stopped') return { kind: 'stopped' };
    if (deployed.kind === 'failed') status.say(deployed.sentence);
    else writeFileSync(deployedMark, '');
    ticking.text = 'worker is starting';
    const started = await work(python);
    return deployed.kind === 'failed' ? deployed : started;
  }

  function isReady(): Promise<boolean> {
    return isPrefectReady({ port: options.serverPort, authString: options.authString, signal });
  }

  let working: Promise<Awaited<RunningPrefect['ready']>> | undefined;
  function work(python: string): Promise<Awaited<RunningPrefect['ready']>> {
    if (signal.aborted) return Promise.resolve({ kind: 'stopped' });
    working ??= new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve({ kind: 'stopped' }), { once: true });
      const workerLog = log('worker');
      const start = async (): Promise<Child> => {
        const token = await options.mint(WORKER);
        watching.started();
        return startPrefectWorker({ ...forClients, python, token, log: workerLog, onStarted: () => resolve({ kind: 'ready' }) });
      };
      const watching = watchToken({
        lifeMs: WORKER_TOKEN_SECONDS * 1000,
        now,
        isIdle: () => isWorkerIdle({ serverPort: options.serverPort, authString: options.authString, signal }),
        renew: () => worker?.renew(),
      });
      renewal = watching;
      worker = keepRunning({ now, start, onEnd: sayEnd('The worker', workerLog.path) });
    });
    return working;
  }

  interface Ticking {
    text: string;
    stop(): void;
  }

  function tick(text: string, startedAt: number): Ticking {
    let isSlowTold = false;
    const ticking: Ticking = { text, stop: () => clearInterval(timer) };
    const show = () => {
      const seconds = Math.floor((now() - startedAt) / 1000);
      status.progress(`${ticking.text} (${seconds} s)`);
      if (isSlowTold || now() - startedAt < SLOW_MS) return;
      isSlowTold = true;
      status.say(`This takes longer than it should; what Prefect says stands in ${join(options.folder, 'logs')}.`);
    };
    const timer = setInterval(show, 500);
    show();
    return ticking;
  }

  const ready = up().catch((error: unknown) => ({
    kind: 'failed' as const,
    sentence: `Prefect could not be started: ${messageOf(error)}.`,
  }));
  return {
    ready,
    async stop() {
      renewal?.stop();
      await worker?.stop();
      await Promise.all([server?.stop(), ready]);
      // What `ready` may have started last.
      await worker?.stop();
      await server?.stop();
      for (const file of logs.values()) file.close();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
