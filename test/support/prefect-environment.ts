import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { demoAssets } from '../../src/demo/assets.ts';
import { installEnvironmentVariables } from '../../src/demo/environment.ts';
import { openLogFile } from '../../src/demo/log-file.ts';
import { findPython, probeWith } from '../../src/demo/python.ts';
import { installEnvironment } from '../../src/demo/virtual-environment.ts';
import { without } from './without.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
const PREFECT = 'the tests with a real Prefect';
export const ASSETS = demoAssets(ROOT);

/** A Python environment that holds the pinned Prefect. */
export interface PrefectEnvironment {
  readonly folder: string;
  /** `bin/python` of the environment. */
  readonly python: string;
  /** Python that runs the watcher. */
  readonly watcherPython: string;
}

/**
 * The environment that FAIRLEAD_TEST_PREFECT_VENV names, else the one in `.fairlead/test` of the clone, made by the demo's own installation.
 * Undefined, with the reason printed, where it cannot be had; under CI that is a failure.
 */
export async function findPrefectEnvironment(): Promise<PrefectEnvironment | undefined> {
  const named = process.env['FAIRLEAD_TEST_PREFECT_VENV'];
  if (named !== undefined && named !== '') {
    const python = join(named, 'bin', 'python');
    if (existsSync(python)) return { folder: named, python, watcherPython: python };
    return without(PREFECT, `FAIRLEAD_TEST_PREFECT_VENV names ${named}, and there is no bin/python in it`);
  }
  const found = await findPython({ wanted: process.env['FAIRLEAD_PYTHON'] || undefined, run: probeWith(process.env) });
  if (found.kind === 'missing') return without(PREFECT, found.sentence);
  const folder = join(ROOT, '.fairlead', 'test', 'prefect-3.9.1');
  mkdirSync(join(folder, '..'), { recursive: true });
  const log = openLogFile(join(mkdtempSync(join(tmpdir(), 'fairlead-venv-')), 'install.log'));
  const installed = await installEnvironment({
    python: found.path,
    watcher: ASSETS.watcher,
    folder,
    lockFile: ASSETS.lock,
    log,
    env: installEnvironmentVariables(process.env),
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  log.close();
  if (installed.kind === 'failed') return without(PREFECT, installed.sentence);
  return { folder, python: installed.python, watcherPython: found.path };
}

/**
 * The same environment at another place, as the demo's own installation would have left it there: so the demo starts without
 * another download. The environment itself is not touched.
 */
export function lendEnvironment(environment: PrefectEnvironment, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ['bin', 'lib', 'include']) {
    if (existsSync(join(environment.folder, name))) symlinkSync(join(environment.folder, name), join(folder, name));
  }
  copyFileSync(join(environment.folder, 'pyvenv.cfg'), join(folder, 'pyvenv.cfg'));
  const lock = readFileSync(ASSETS.lock, 'utf8');
  writeFileSync(join(folder, '.fairlead-installed'), createHash('sha256').update(lock).digest('hex'));
}
