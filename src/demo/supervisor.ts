import { isAbsolute, join, relative } from 'node:path';
import type { DemoAssets } from './assets.ts';
import { type DemoFiles, prepareFiles } from './demo-files.ts';
import { type DemoPortNumbers, takenSentence } from './demo-ports.ts';
import { type IdentityProvider, startIdentityProvider } from './identity-provider.ts';
import { openLogFile } from './log-file.ts';
import { isPortFree, type LoopbackServer } from './loopback-server.ts';
import { keepPeople } from './people.ts';
import { type RunningPrefect, startPrefect } from './prefect.ts';
import { findPython, type NoPython, type Python, probeWith } from './python.ts';
import { createStatus, type DemoOutput, type Status } from './status.ts';
import { demoTable } from './table.ts';
import { startWebService } from './web-service.ts';

/** 0: ended when it was asked to. 1: the gateway could not be started. */
export type ExitCode = 0 | 1;

export interface DemoGateway {
  /** Drains and ends; resolves when nothing listens any more. */
  close(): Promise<void>;
}

export interface DemoPorts {
  /** Starts the gateway by its configuration. What it logs goes into `logFile`, so that the terminal stays readable. */
  readonly startGateway: (configFile: string, options: { readonly logFile: string }) => Promise<DemoGateway>;
  /** Holds everything that the demo makes: `.fairlead/demo` in a clone. Absolute. */
  readonly folder: string;
  readonly assets: DemoAssets;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: DemoOutput;
  /** How Fairlead is called in a shell: `npm run -s fairlead --`, or `npx fairlead`. */
  readonly command: string;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Ends the demo (Ctrl-C, SIGTERM). */
  readonly signal: AbortSignal;
}

/**
 * The whole demo in one process tree: identity provider, web service and gateway at once, Prefect and its worker after. Resolves
 * when `signal` was aborted and everything has ended. What cannot be started is told in one sentence, and the rest goes on.
 */
export async function runDemo(ports: DemoPorts): Promise<ExitCode> {
  const startedAt = ports.now();
  const status = createStatus(ports.output, ports.now);
  const prepared = prepareFiles({
    folder: ports.folder,
    flow: ports.assets.flow,
    env: ports.env,
    randomBytes: ports.randomBytes,
  });
  if (prepared.kind === 'failed') {
    status.say(prepared.sentence);
    return 1;
  }
  const { files } = prepared;
  const stages = new Stages();
  const python = findPython({ wanted: ports.env['FAIRLEAD_PYTHON'] || undefined, run: probeWith(ports.env) });
  try {
    const front = await startFront(ports, files, status, stages);
    if (front === undefined) return 1;
    const without = await reasonAgainstPrefect(files, await python, front.provider);
    status.say(table(ports, files, front.provider, without === undefined));
    status.say(`Gateway and sign-in are up (${seconds(ports.now() - startedAt)}).`);
    if (without !== undefined) status.say(`${without} Gateway and web service run without Prefect.`);
    const prefect = startBack({ ports, files, status, stages, provider: front.provider, python: await python, without });
    void prefect?.ready.then((result) => {
      status.clear();
      if (result.kind === 'ready')
        status.say(`Prefect and its worker are up too (${seconds(ports.now() - startedAt)}): go ahead.`);
      if (result.kind === 'failed') status.say(`${result.sentence} Gateway and web service go on.`);
    });
    await untilAborted(ports.signal);
    status.clear();
    status.say('Ending: first the worker, then Prefect, then the gateway.');
    return 0;
  } finally {
    await stages.end();
    status.clear();
  }
}

/** What has been started, to be ended in reverse. */
class Stages {
  readonly #ends: (() => Promise<void>)[] = [];

  add(end: () => Promise<void>): void {
    this.#ends.unshift(end);
  }

  async end(): Promise<void> {
    // One that fails to end must not keep the others running.
    for (const end of this.#ends.splice(0)) await end().catch(() => {});
  }
}

/** Identity provider and web service, then the gateway in front; undefined when the gateway cannot be started. */
async function startFront(
  ports: DemoPorts,
  files: DemoFiles,
  status: Status,
  stages: Stages,
): Promise<{ readonly provider: IdentityProvider | undefined } | undefined> {
  const numbers = files.ports;
  for (const name of ['control', 'prefect', 'web', 'admin'] as const) {
    if (await isPortFree(numbers[name])) continue;
    status.say(takenSentence(name, numbers[name], 'the demo cannot start'));
    return undefined;
  }
  const log = openLogFile(join(files.folder, 'logs', 'provider.log'));
  stages.add(async () => log.close());
  const provider = startIdentityProvider({
    port: numbers.provider,
    folder: files.providerFolder,
    controlOrigin: `http://127.0.0.1:${numbers.control}`,
    now: ports.now,
    randomBytes: ports.randomBytes,
    onError: (error) =>
      log.line(`${new Date(ports.now()).toISOString()} ${error instanceof Error ? error.message : 'unknown error'}`),
  });
  const service = startWebService({ port: numbers.webService, now: ports.now });
  const started = {
    provider: await orTold(provider, 'provider', numbers, status, 'nobody can sign in, and Prefect is not started'),
    service: await orTold(service, 'webService', numbers, status, 'the web service is not started'),
  };
  for (const server of [started.provider, started.service]) if (server !== undefined) stages.add(() => server.close());
  try {
    const gateway = await ports.startGateway(files.configFile, { logFile: join(files.folder, 'logs', 'gateway.log') });
    stages.add(() => gateway.close());
  } catch (error) {
    status.say(`The gateway could not be started: ${error instanceof Error ? error.message : 'unknown error'}`);
    return undefined;
  }
  return { provider: started.provider };
}

async function orTold<T extends IdentityProvider | LoopbackServer>(
  starting: Promise<T>,
  name: keyof DemoPortNumbers,
  numbers: DemoPortNumbers,
  status: Status,
  then: string,
): Promise<T | undefined> {
  try {
    return await starting;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
      status.say(takenSentence(name, numbers[name], then));
    else status.say(`${error instanceof Error ? error.message : 'unknown error'}: ${then}.`);
    return undefined;
  }
}

/** Why Prefect cannot run here, one sentence; undefined when it can. */
async function reasonAgainstPrefect(
  files: DemoFiles,
  python: Python | NoPython,
  provider: IdentityProvider | undefined,
): Promise<string | undefined> {
  if (python.kind === 'missing') return python.sentence;
  if (provider === undefined) return 'Without the identity provider no workload has a name.';
  const port = files.ports.prefectServer;
  return (await isPortFree(port)) ? undefined : takenSentence('prefectServer', port, 'Prefect is not started');
}

function startBack(options: {
  readonly ports: DemoPorts;
  readonly files: DemoFiles;
  readonly status: Status;
  readonly stages: Stages;
  readonly provider: IdentityProvider | undefined;
  readonly python: Python | NoPython;
  readonly without: string | undefined;
}): RunningPrefect | undefined {
  const { ports, files, python, provider } = options;
  if (python.kind === 'missing' || provider === undefined || options.without !== undefined) return undefined;
  const ending = new AbortController();
  const prefect = startPrefect({
    folder: files.folder,
    assets: ports.assets,
    python,
    env: ports.env,
    serverPort: files.ports.prefectServer,
    authString: files.prefectAuth,
    gatewayUrl: `http://127.0.0.1:${files.ports.prefect}`,
    mint: (request) => provider.workloads.mint(request),
    flowFile: files.flowFile,
    status: options.status,
    now: ports.now,
    signal: ending.signal,
  });
  options.stages.add(async () => {
    ending.abort();
    await prefect.stop();
  });
  return prefect;
}

function table(ports: DemoPorts, files: DemoFiles, provider: IdentityProvider | undefined, hasPrefect: boolean): string {
  const folder = shown(files.folder);
  return demoTable({
    ports: files.ports,
    people: provider?.people ?? keepPeople(join(files.providerFolder, 'passwords.txt'), ports.randomBytes),
    command: ports.command,
    prefectProgram: hasPrefect ? `${folder}/prefect-3.9.1/bin/prefect` : undefined,
    folder,
  });
}

/** Relative where that is shorter, as a person in this folder would type it. */
function shown(folder: string): string {
  const path = relative(process.cwd(), folder);
  return path === '' || path.startsWith('..') || isAbsolute(path) ? folder : path;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
