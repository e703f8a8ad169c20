import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './prefect-environment.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Command {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
  /** All output so far. */
  output(): string;
  /** Resolves with the match when output matches; rejects when the command ends first, or after `withinMs`. */
  says(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>;
}

/** Starts `fairlead ARGS` from the sources, as a process of its own. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): Command {
  const child = spawn(process.execPath, [join(ROOT, 'src', 'main.ts'), ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
      for (const listen of listeners) listen();
    });
  }
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, ...texts });
      for (const listen of listeners) listen();
    });
  });
  const output = (): string => texts.stdout + texts.stderr;
  return {
    process: child,
    finished,
    output,
    says: (pattern, withinMs = 60_000) =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => reject(new Error(`${why} before ${pattern} in:\n${output()}`));
        const timer = setTimeout(() => fail(`${withinMs} ms went by`), withinMs);
        const listen = (): void => {
          const found = pattern.exec(output());
          if (found === null && child.exitCode === null && child.signalCode === null) return;
          clearTimeout(timer);
          listeners.delete(listen);
          if (found === null) fail('the command ended');
          else resolve(found);
        };
        listeners.add(listen);
        listen();
      }),
  };
}

/** Runs `fairlead ARGS` to its end. */
export function run(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): Promise<Finished> {
  return startCommand(args, env).finished;
}
