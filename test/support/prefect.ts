import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, type ChildExit, startChild } from '../../src/demo/child.ts';
import { openLogFile } from '../../src/demo/log-file.ts';
import { basicAuthorization } from '../../src/demo/prefect-api.ts';
import { clientEnvironment } from '../../src/demo/prefect-environment.ts';
import { isPrefectReady, startPrefectServer } from '../../src/demo/prefect-server.ts';
import { freePort } from './ports.ts';
import { ASSETS, type PrefectEnvironment } from './prefect-environment.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a server answered is for the assertion to judge.
  readonly body: any;
}

export interface PrefectServer {
  readonly environment: PrefectEnvironment;
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly authString: string;
  /** A call as the server's own administrator, beside the gateway. */
  api(method: string, path: string, body?: unknown): Promise<Answer>;
}

export interface OwnPrefectServer extends PrefectServer {
  readonly folder: string;
  /** Ends the server's process; `start` brings it up again with the same database, on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes what it wrote. */
  close(): Promise<void>;
}

const READY_MS = 180_000;

/** Starts a real Prefect server of its own with an auth string, and waits until it is ready. */
export async function startServer(environment: PrefectEnvironment): Promise<OwnPrefectServer> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-prefect-'));
  const port = await freePort();
  const authString = `fairlead:${randomBytes(12).toString('hex')}`;
  const log = openLogFile(join(folder, 'server.log'));
  let child: Child | undefined;

  async function start(): Promise<void> {
    child = startPrefectServer({
      port,
      authString,
      python: environment.python,
      watcherPython: environment.watcherPython,
      watcher: ASSETS.watcher,
      home: folder,
      env: process.env,
      log,
    });
    const given = new AbortController();
    const late = setTimeout(() => given.abort(), READY_MS);
    void child.exited.then(() => given.abort());
    const isReady = await isPrefectReady({ port, authString, signal: given.signal });
    clearTimeout(late);
    if (!isReady) throw new Error(`the Prefect server did not come up: see ${log.path}`);
  }

  await start();
  return {
    ...serverAt({ environment, port, authString }),
    folder,
    start,
    async stop() {
      await child?.stop();
    },
    async close() {
      await child?.stop();
      log.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Speaks to a server that runs already. */
export function serverAt(at: Pick<PrefectServer, 'environment' | 'port' | 'authString'>): PrefectServer {
  const url = `http://127.0.0.1:${at.port}`;
  const authorization = basicAuthorization(at.authString);
  return { ...at, url, api: (method, path, body) => call(url, { method, path, body, headers: { authorization } }) };
}

export interface Sent {
  readonly method: string;
  /** Below `/api`. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One call to a Prefect API, by plain HTTP. The server's own 503, when its database is busy, is waited for as clients do. */
export async function call(url: string, sent: Sent): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await callOnce(url, sent);
    const isBusy = answer.status === 503 && answer.body?.exception_message !== undefined;
    if (!isBusy || tries === 6) return answer;
    await sleep(200 * tries);
  }
}

async function callOnce(url: string, { method, path, body, headers = {} }: Sent): Promise<Answer> {
  const response = await fetch(`${url}/api${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: 'manual',
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface Ended extends ChildExit {
  /** All output, both streams. */
  readonly output: string;
}

export interface Running {
  readonly lines: readonly string[];
  readonly exited: Promise<Ended>;
  /** Resolves with the first line that matches; rejects when the program ends, or after `withinMs`. */
  line(pattern: RegExp, withinMs?: number): Promise<string>;
  stop(): Promise<Ended>;
}

export interface Stock {
  readonly environment: PrefectEnvironment;
  /** The API that the client is told: the gateway's, as a rule. */
  readonly url: string;
  readonly token: string;
  /** Working folder; a fresh one when absent. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `prefect ARGS` as somebody with a token would, to its end. Each costs some four seconds of CPU before it does anything. */
export async function prefect(stock: Stock, ...args: readonly string[]): Promise<Ended> {
  return await startStock(stock, ['-m', 'prefect', ...args]).exited;
}

/** Starts the environment's Python with the settings that `fairlead token --for prefect` prints. Ends with this process. */
export function startStock(stock: Stock, args: readonly string[]): Running {
  const { environment, url, token } = stock;
  const home = mkdtempSync(join(tmpdir(), 'fairlead-client-'));
  const log = openLogFile(join(home, 'output.log'));
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const child = startChild({
    name: 'stock client',
    python: environment.watcherPython,
    watcher: ASSETS.watcher,
    command: [environment.python, ...args],
    env: { ...clientEnvironment({ outer: process.env, home, gatewayUrl: url, token }), ...stock.env },
    cwd: stock.cwd ?? home,
    log,
    onLine(line) {
      lines.push(line);
      for (const wake of waiting) wake();
    },
  });
  let isOver = false;
  const exited = child.exited.then((exit): Ended => {
    isOver = true;
    for (const wake of waiting) wake();
    log.close();
    rmSync(home, { recursive: true, force: true });
    return { ...exit, output: lines.join('\n') };
  });
  return {
    lines,
    exited,
    async line(pattern, withinMs = 60_000) {
      const until = Date.now() + withinMs;
      for (;;) {
        const found = lines.find((line) => pattern.test(line));
        if (found !== undefined) return found;
        if (isOver || Date.now() > until) throw new Error(`no line matches ${pattern} in:\n${lines.join('\n')}`);
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            clearTimeout(timer);
            waiting.delete(wake);
            resolve();
          };
          const timer = setTimeout(wake, Math.max(1, until - Date.now()));
          waiting.add(wake);
        });
      }
    },
    async stop() {
      await child.stop();
      return await exited;
    },
  };
}

/** Starts `prefect worker start` for a process pool and waits until it says that it has started. */
export async function startWorker(stock: Stock, pool: string, name = 'w1'): Promise<Running> {
  const worker = startStock(stock, ['-m', 'prefect', 'worker', 'start', '--pool', pool, '--name', name, '--type', 'process']);
  await worker.line(/^Worker .* started!/, 90_000);
  return worker;
}

/** A folder with a flow's source: `FOLDER/NAME.py`. */
export function flowFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-flow-'));
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** A flow, a process pool and a deployment of it, made beside the gateway. The pull step makes a worker run it in `folder`. */
export async function deployDirectly(
  server: PrefectServer,
  input: {
    readonly flow: string;
    readonly name: string;
    readonly pool: string;
    readonly folder?: string;
    readonly entrypoint?: string;
    readonly tags?: readonly string[];
    readonly parameters?: Readonly<Record<string, unknown>>;
    readonly schema?: Readonly<Record<string, unknown>>;
  },
): Promise<{ readonly flowId: string; readonly deploymentId: string }> {
  const made = await server.api('POST', '/flows/', { name: input.flow });
  const flowId = idOf(made);
  const pool = await server.api('POST', '/work_pools/', {
    name: input.pool,
    type: 'process',
    base_job_template: PROCESS_TEMPLATE,
  });
  if (pool.status !== 201 && pool.status !== 409) throw new Error(`no pool: ${pool.text}`);
  const deployed = await server.api('POST', '/deployments/', {
    name: input.name,
    flow_id: flowId,
    work_pool_name: input.pool,
    tags: input.tags ?? [],
    parameters: input.parameters ?? {},
    parameter_openapi_schema: input.schema ?? { type: 'object', properties: {} },
    enforce_parameter_schema: true,
    entrypoint: input.entrypoint ?? 'flow.py:flow',
    ...(input.folder === undefined
      ? {}
      : { pull_steps: [{ 'prefect.deployments.steps.set_working_directory': { directory: input.folder } }] }),
  });
  return { flowId, deploymentId: idOf(deployed) };
}

export function idOf(answer: Answer): string {
  const { id } = answer.body as { id?: string };
  if (answer.status >= 300 || id === undefined) throw new Error(`status ${answer.status}: ${answer.text}`);
  return id;
}

/** Waits until a run is in one of these states, as the server itself says; yields its last state's type. */
export async function untilState(
  server: PrefectServer,
  runId: string,
  wanted: readonly string[] = ['COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED'],
  withinMs = 90_000,
): Promise<string> {
  const until = Date.now() + withinMs;
  for (;;) {
    const { body } = await server.api('GET', `/flow_runs/${runId}`);
    if (wanted.includes(body?.state_type)) return body.state_type;
    if (Date.now() > until) throw new Error(`run ${runId} is still ${body?.state_type} after ${withinMs} ms`);
    await sleep(300);
  }
}

/** Calls `check` until it yields something, at most for `withinMs`. */
export async function until<T>(check: () => Promise<T | undefined> | T | undefined, withinMs: number, what: string): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const found = await check();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(50);
  }
}

/** The part of the process worker's own job template that these tests use. */
export const PROCESS_TEMPLATE = {
  job_configuration: {
    command: '{{ command }}',
    env: '{{ env }}',
    labels: '{{ labels }}',
    name: '{{ name }}',
    stream_output: '{{ stream_output }}',
    working_dir: '{{ working_dir }}',
  },
  variables: {
    type: 'object',
    properties: {
      command: { type: 'string' },
      env: { type: 'object', additionalProperties: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      name: { type: 'string' },
      stream_output: { type: 'boolean', default: true },
      working_dir: { type: 'string' },
    },
  },
};
