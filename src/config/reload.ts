import { isDeepStrictEqual } from 'node:util';
import { diagnosticText } from '../core/diagnostic.ts';
import type { Log } from '../core/ports.ts';
import type { Config } from './config.ts';
import type { LoadedConfig } from './load.ts';

/** What a signal re-reads. `restart` names sections that changed in the file and keep their old value until a restart. */
export type ReloadReport =
  | { readonly kind: 'reloaded'; readonly restart: readonly string[] }
  /** The file has errors: nothing of it is taken, the running configuration stays. */
  | { readonly kind: 'refused'; readonly errors: number };

export interface ReloadOptions {
  readonly running: Config;
  /** Reads the file again. */
  readonly load: () => Promise<LoadedConfig>;
  /**
   * What is done on each signal, also when the file is refused: secrets and certificates are read again from where they are,
   * log files reopened. A step that fails is logged and does not stop the others.
   */
  readonly live: Readonly<Record<string, () => void | Promise<void>>>;
  readonly log: Log;
}

/**
 * One reload. Only what `live` names changes in a running process: contents of certificate, key and secret files, and the files
 * that logs go to. Every section of `fairlead.yaml` itself needs a restart, and the log says which ones wait for it.
 */
export async function reload(options: ReloadOptions): Promise<ReloadReport> {
  const { running, load, live, log } = options;
  for (const [name, step] of Object.entries(live)) {
    try {
      await step();
      log.info('config.reload_step', { step: name });
    } catch (error) {
      log.error('config.reload_step_failed', { step: name, error });
    }
  }
  const next = await load().catch((error: unknown) => {
    log.error('config.reload_unreadable', { file: running.file, error });
    return undefined;
  });
  if (next === undefined) return { kind: 'refused', errors: 1 };
  if (next.config === undefined) {
    const errors = next.diagnostics.filter(({ severity }) => severity === 'error');
    log.error('config.reload_refused', { file: running.file, errors: errors.map(diagnosticText) });
    return { kind: 'refused', errors: errors.length };
  }
  const restart = changedSections(running, next.config);
  if (restart.length > 0) {
    log.warn('config.restart_needed', { sections: restart, help: 'these sections changed in the file; restart to take them' });
  }
  return { kind: 'reloaded', restart };
}

/** Names of the sections in which two configurations differ. */
export function changedSections(before: Config, after: Config): readonly string[] {
  return Object.keys(after).filter((name) => {
    const key = name as keyof Config; // keys of a Config are keyof Config
    return !isDeepStrictEqual(before[key], after[key]);
  });
}

/** Where signals come from: `process`, or an emitter in tests. */
export interface SignalSource {
  on(signal: 'SIGHUP', listener: () => void): unknown;
  off(signal: 'SIGHUP', listener: () => void): unknown;
}

/** Reloads on each SIGHUP, one at a time; signals during a reload lead to one more. Returns the way to stop. */
export function onHangup(signals: SignalSource, run: () => Promise<unknown>): () => void {
  let isRunning = false;
  let isWaiting = false;
  const listener = (): void => {
    if (isRunning) {
      isWaiting = true;
      return;
    }
    isRunning = true;
    void run()
      // `run` reports its own failures; a signal handler has nobody to throw to.
      .catch(() => undefined)
      .finally(() => {
        isRunning = false;
        if (!isWaiting) return;
        isWaiting = false;
        listener();
      });
  };
  signals.on('SIGHUP', listener);
  return () => {
    signals.off('SIGHUP', listener);
  };
}
