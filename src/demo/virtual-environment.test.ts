import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installEnvironmentVariables } from './environment.ts';
import { openLogFile } from './log-file.ts';
import { findPython, probeWith } from './python.ts';
import { countPackages, type InstallResult, installEnvironment } from './virtual-environment.ts';

const WATCHER = join(import.meta.dirname, 'watcher.py');
const LOCK = join(import.meta.dirname, 'requirements-prefect.txt');

let folder = '';
let python = '';
beforeAll(async () => {
  const found = await findPython({ wanted: undefined, run: probeWith(process.env) });
  python = found.kind === 'python' ? found.path : '';
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-venv-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A Python whose `-m venv` makes an environment that runs `pip` instead of the real one; everything else is the real one. */
function pythonWithPip(pip: string): string {
  const path = join(folder, 'python');
  const fake = `#!/bin/sh\nif [ "$2" = pip ]; then\n${pip}\nfi\nexec ${python} "$@"\n`;
  writeFileSync(join(folder, 'inner'), fake);
  chmodSync(join(folder, 'inner'), 0o755);
  writeFileSync(
    path,
    `#!/bin/sh\nif [ "$2" = venv ]; then mkdir -p "$3/bin"; echo made >> ${folder}/made; cp ${folder}/inner "$3/bin/python"; exit 0; fi\nexec ${python} "$@"\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

function install(command: string, options: { lock?: string; signal?: AbortSignal } = {}): Promise<InstallResult> {
  return installEnvironment({
    python: command,
    watcher: WATCHER,
    folder: join(folder, 'venv'),
    lockFile: options.lock ?? LOCK,
    log: openLogFile(join(folder, 'install.log')),
    env: installEnvironmentVariables(process.env),
    onProgress: () => {},
    signal: options.signal ?? new AbortController().signal,
  });
}

async function failure(pip: string): Promise<string> {
  const result = await install(pythonWithPip(pip));
  return result.kind === 'failed' ? result.sentence : 'installed';
}

describe.runIf(process.platform === 'linux')('the installation of Prefect', () => {
  it('happens once, and again when the lock has changed or an earlier one was cut short', async () => {
    const command = pythonWithPip('exit 0');
    const made = () => readFileSync(join(folder, 'made'), 'utf8').length / 'made\n'.length;
    expect(await install(command)).toMatchObject({ kind: 'installed', isNew: true });
    expect(await install(command)).toMatchObject({ kind: 'installed', isNew: false });
    expect(made()).toBe(1);
    const lock = join(folder, 'lock.txt');
    writeFileSync(lock, 'prefect==0 --hash=sha256:00\n');
    expect(await install(command, { lock })).toMatchObject({ kind: 'installed', isNew: true });
    expect(made()).toBe(2);
  });

  it('leaves no stamp when it fails, so that the next start does it again from nothing', async () => {
    expect(await failure('exit 3')).toMatch(/^Prefect could not be installed \(pip ended with 3\): see /);
    mkdirSync(join(folder, 'venv', 'half'), { recursive: true });
    expect(await install(pythonWithPip('exit 0'))).toMatchObject({ kind: 'installed', isNew: true });
    expect(existsSync(join(folder, 'venv', 'half'))).toBe(false);
  });

  it('tells the causes apart in one sentence each', async () => {
    expect(await failure('echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."; exit 1')).toMatch(
      /not the pinned one/,
    );
    expect(
      await failure('echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"; exit 1'),
    ).toMatch(/^The disk is full/);
    expect(await failure('echo "ERROR: No matching distribution found for cffi==2.1.1"; exit 1')).toMatch(
      /lacks a pinned package/,
    );
  });

  it('says which package is missing when the environment cannot be made', async () => {
    const path = join(folder, 'python');
    writeFileSync(
      path,
      `#!/bin/sh\nif [ "$2" = venv ]; then echo "The virtual environment was not created successfully because ensurepip is not available."; exit 1; fi\nexec ${python} "$@"\n`,
    );
    chmodSync(path, 0o755);
    expect(await install(path)).toEqual({
      kind: 'failed',
      sentence: `${path} cannot make a virtual environment: run \`apt-get install python3-venv\` and start again.`,
    });
  });

  it('ends at once when it is stopped', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 200);
    const started = performance.now();
    const result = await install(pythonWithPip('sleep 60; exit 0'), { signal: stop.signal });
    expect(result).toEqual({ kind: 'failed', sentence: 'The installation of Prefect was stopped.' });
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('the lock', () => {
  it('lists each package once and pins each by hash', () => {
    const lock = readFileSync(LOCK, 'utf8');
    expect(countPackages(lock)).toBe(107);
    expect(lock).toContain('\nprefect==3.9.1 ');
    const requirements = lock.split(/\n(?=[a-zA-Z0-9])/).slice(1);
    expect(requirements.filter((text) => !text.includes('--hash=sha256:'))).toEqual([]);
  });
});

describe('the environment of pip', () => {
  it('keeps proxies and the index, and drops what would change what is installed', () => {
    const kept = installEnvironmentVariables({
      PATH: '/bin',
      https_proxy: 'p',
      PIP_INDEX_URL: 'i',
      PIP_TARGET: '/t',
      PIP_NO_BINARY: ':all:',
      AWS_KEY: 'k',
    });
    expect(Object.keys(kept).sort()).toEqual(['PATH', 'PIP_INDEX_URL', 'https_proxy']);
  });
});
