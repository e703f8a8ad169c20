import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from './child.ts';
import type { LogFile } from './log-file.ts';
import { callPrefect, textField } from './prefect-api.ts';
import { clientEnvironment } from './prefect-environment.ts';

export const SAMPLE = { flow: 'etl', deployment: 'nightly', pool: 'demo', tags: ['sample'] } as const;

const RETRY_MS = 500;

export interface SampleOptions {
  readonly gatewayUrl: string;
  /** The deployer's token, fresh. */
  readonly token: string;
  /** `hello.py` in the demo's folder. */
  readonly flowFile: string;
  readonly script: string;
  /** Python of the environment that has Prefect. */
  readonly python: string;
  readonly watcherPython: string;
  readonly watcher: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: LogFile;
  readonly signal: AbortSignal;
}

export type SampleResult =
  | { readonly kind: 'present' | 'deployed' | 'stopped' }
  /** Why not, one sentence. */
  | { readonly kind: 'failed'; readonly sentence: string };

/** Is the sample flow deployed as the file on disk is? Asked through the gateway; waits while Prefect starts. */
export async function isSampleDeployed(
  options: Pick<SampleOptions, 'gatewayUrl' | 'token' | 'flowFile' | 'signal'>,
): Promise<boolean> {
  const version = versionOf(options.flowFile);
  while (!options.signal.aborted) {
    const answer = await callPrefect({
      url: `${options.gatewayUrl}/api`,
      path: `/deployments/name/${SAMPLE.flow}/${SAMPLE.deployment}`,
      authorization: `Bearer ${options.token}`,
      signal: options.signal,
    });
    const isPassing = answer.kind === 'none' || answer.status === 502 || answer.status === 503;
    if (!isPassing) {
      const { status, body } = answer;
      return status === 200 && textField(body, 'version') === version && textField(body, 'work_pool_name') === SAMPLE.pool;
    }
    await sleep(RETRY_MS, undefined, { signal: options.signal }).catch(() => {});
  }
  return false;
}

/** Makes the pool and deploys the flow by a stock client through the gateway. */
export async function deploySample(options: SampleOptions): Promise<SampleResult> {
  const { flowFile } = options;
  const entrypoint = `${basename(flowFile)}:${SAMPLE.flow}`;
  const child = startChild({
    name: 'deployment',
    python: options.watcherPython,
    watcher: options.watcher,
    command: [
      options.python,
      options.script,
      dirname(flowFile),
      entrypoint,
      SAMPLE.deployment,
      SAMPLE.pool,
      versionOf(flowFile),
      ...SAMPLE.tags,
    ],
    env: clientEnvironment({ outer: options.env, home: options.home, gatewayUrl: options.gatewayUrl, token: options.token }),
    cwd: dirname(flowFile),
    log: options.log,
  });
  const stop = () => void child.stop();
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  const exit = await child.exited;
  options.signal.removeEventListener('abort', stop);
  if (options.signal.aborted) return { kind: 'stopped' };
  if (exit.code === 0) return { kind: 'deployed' };
  const reason = exit.lastLines.findLast((line) => /Error|detail/.test(line)) ?? `exit status ${exit.code}`;
  return {
    kind: 'failed',
    sentence: `The sample flow could not be deployed (${reason.trim().slice(0, 300)}): see ${options.log.path}.`,
  };
}

/** The deployment's version: a digest of the flow's source, so that another start can tell whether it changed. */
function versionOf(flowFile: string): string {
  return createHash('sha256').update(readFileSync(flowFile)).digest('hex').slice(0, 16);
}
