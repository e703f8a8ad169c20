import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ChildExit, startChild } from './child.ts';
import type { LogFile } from './log-file.ts';

/** Name of the file that says what was installed; written last, so a half-finished environment has none. */
const STAMP = '.fairlead-installed';
const PROGRESS_INTERVAL_MS = 500;

export interface InstallOptions {
  /** Path of the Python that the environment is made from. */
  readonly python: string;
  readonly watcher: string;
  /** The environment's own folder, replaced whole when it is not what the lock says. */
  readonly folder: string;
  /** Hash-locked requirements. */
  readonly lockFile: string;
  readonly log: LogFile;
  /** What pip may need of the outside: proxies, index, certificates. */
  readonly env: Readonly<Record<string, string>>;
  /** A step for people, with the part that is done: 0 to 1. */
  readonly onProgress: (text: string, done: number) => void;
  /** Ends a running installation. */
  readonly signal: AbortSignal;
}

export type InstallResult =
  /** `python`: path of the environment's interpreter. `isNew`: it was not there before. */
  | { readonly kind: 'installed'; readonly python: string; readonly isNew: boolean }
  /** One sentence that says what failed and what to do next. */
  | { readonly kind: 'failed'; readonly sentence: string };

/**
 * Makes sure that `folder` holds exactly what the lock file lists, each file checked by its hash. Does nothing, and needs no
 * network, when it already does. Never rejects for what pip or the network do; only for a folder that cannot be written.
 */
export async function installEnvironment(options: InstallOptions): Promise<InstallResult> {
  const lock = readFileSync(options.lockFile, 'utf8');
  const wanted = createHash('sha256').update(lock).digest('hex');
  const python = join(options.folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (readStamp(options.folder) === wanted) return { kind: 'installed', python, isNew: false };

  rmSync(options.folder, { recursive: true, force: true });
  mkdirSync(dirname(options.folder), { recursive: true, mode: 0o700 });
  options.onProgress('making a Python environment for Prefect', 0);
  const made = await run(options, [options.python, '-m', 'venv', options.folder], () => {});
  if (made.code !== 0 || options.signal.aborted) return { kind: 'failed', sentence: environmentSentence(options, made) };

  const total = countPackages(lock);
  const installed = await install(options, python, total);
  // A shell between us and pip may end well although what it ran was ended.
  if (installed.code !== 0 || options.signal.aborted) {
    return { kind: 'failed', sentence: installSentence(options, installed) };
  }
  writeFileSync(join(options.folder, `${STAMP}.new`), wanted);
  renameSync(join(options.folder, `${STAMP}.new`), join(options.folder, STAMP));
  options.onProgress('Prefect is installed', 1);
  return { kind: 'installed', python, isNew: true };
}

function readStamp(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, STAMP), 'utf8');
  } catch {
    return undefined;
  }
}

/** Requirement lines of a lock: those that are neither options, hashes nor comments. */
export function countPackages(lock: string): number {
  return lock.split('\n').filter((line) => /^[a-zA-Z0-9]/.test(line)).length;
}

async function install(options: InstallOptions, python: string, total: number): Promise<ChildExit> {
  // Wheels alone: nothing is built here, so no compiler is needed and no package's own code runs while it is installed.
  const command = [
    '-m',
    'pip',
    'install',
    '--require-hashes',
    '--only-binary=:all:',
    '--no-deps',
    '--no-input',
    '-r',
    options.lockFile,
  ];
  const quiet = ['--disable-pip-version-check', '--progress-bar=off', '--no-color', '--retries=2', '--timeout=20'];
  const before = countInstalled(options.folder);
  let read = 0;
  const report = () => {
    const unpacked = Math.max(0, countInstalled(options.folder) - before);
    // Fetching is about two thirds of the time, unpacking the rest; never 100 % before pip says so.
    const done = (0.65 * Math.min(read, total) + 0.34 * Math.min(unpacked, total)) / total;
    options.onProgress(
      `installing Prefect (${unpacked > 0 ? `unpacked ${unpacked}` : `fetched ${Math.min(read, total)}`} of ${total} packages)`,
      done,
    );
  };
  const timer = setInterval(report, PROGRESS_INTERVAL_MS);
  try {
    return await run(options, [python, ...command, ...quiet], (line) => {
      if (/^(Collecting|Ignoring|Requirement already satisfied) /.test(line)) read += 1;
    });
  } finally {
    clearInterval(timer);
  }
}

function countInstalled(folder: string): number {
  try {
    const lib = join(folder, 'lib');
    return readdirSync(lib).reduce((sum, name) => {
      const entries = readdirSync(join(lib, name, 'site-packages'));
      return sum + entries.filter((entry) => entry.endsWith('.dist-info')).length;
    }, 0);
  } catch {
    return 0;
  }
}

async function run(
  options: InstallOptions,
  command: readonly [string, ...string[]],
  onLine: (line: string) => void,
): Promise<ChildExit> {
  const child = startChild({
    name: 'installation',
    python: options.python,
    watcher: options.watcher,
    command,
    env: options.env,
    cwd: dirname(options.folder),
    log: options.log,
    onLine,
    graceSeconds: 1,
  });
  const stop = () => void child.stop();
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  const exit = await child.exited;
  options.signal.removeEventListener('abort', stop);
  return exit;
}

function environmentSentence(options: InstallOptions, exit: ChildExit): string {
  if (options.signal.aborted) return 'The installation of Prefect was stopped.';
  if (exit.lastLines.some((line) => /ensurepip|python3?[\d.]*-venv/.test(line))) {
    return `${options.python} cannot make a virtual environment: run \`apt-get install python3-venv\` and start again.`;
  }
  return `${options.python} could not make a virtual environment in ${options.folder} (see ${options.log.path}).`;
}

/** pip has one exit status for every failure, so what it wrote is all there is to tell them apart by. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [
    /NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries exceeded|name resolution|Network is unreachable|Connection (refused|reset|broken|aborted)|No route to host/i,
    'The Python package registry cannot be reached, so Prefect was not installed: check the network, the proxy or PIP_INDEX_URL and start again.',
  ],
  [/No space left on device/, 'The disk is full, so Prefect was not installed: free about 300 MB and start again.'],
  [
    /DO NOT MATCH THE HASHES|Hashes are required/,
    'The Python package registry served a file that is not the pinned one, so Prefect was not installed: check PIP_INDEX_URL and start again.',
  ],
  [
    /SSLError|CERTIFICATE_VERIFY_FAILED/,
    'The certificate of the Python package registry is not trusted here, so Prefect was not installed: set PIP_CERT to your certificate bundle and start again.',
  ],
  [
    /No matching distribution found/,
    'The Python package registry lacks a pinned package for this machine, so Prefect was not installed: check PIP_INDEX_URL, or take Python 3.11 to 3.13, and start again.',
  ],
];

function installSentence(options: InstallOptions, exit: ChildExit): string {
  if (options.signal.aborted) return 'The installation of Prefect was stopped.';
  const text = exit.lastLines.join('\n');
  const cause = CAUSES.find(([pattern]) => pattern.test(text));
  return cause?.[1] ?? `Prefect could not be installed (pip ended with ${exit.code}): see ${options.log.path}, and start again.`;
}
