import { spawn } from 'node:child_process';
import { readLines } from './line-reader.ts';
import type { LogFile } from './log-file.ts';

/** Seconds between SIGTERM and SIGKILL. */
const GRACE_SECONDS = 5;

export interface ChildOptions {
  /** Name for people: `Prefect server`. */
  readonly name: string;
  /** Python that runs `watcher.py`; any version that the demo accepts. */
  readonly python: string;
  /** Path of `watcher.py`. */
  readonly watcher: string;
  readonly command: readonly [string, ...string[]];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly log: LogFile;
  /** Each line of output of either stream, after it went into the log. */
  readonly onLine?: (line: string) => void;
  readonly graceSeconds?: number;
}

export interface ChildExit {
  /** The command's own status; 128 + N for signal N; 127 when it could not be started. */
  readonly code: number;
  /** The last lines of output, for the sentence that says why. */
  readonly lastLines: readonly string[];
}

export interface Child {
  /** Process id of the watcher. */
  readonly pid: number;
  /** Resolves when the command and everything below it is gone; never rejects. */
  readonly exited: Promise<ChildExit>;
  /** Ends the command and everything below it: SIGTERM, then SIGKILL after the grace. Resolves like `exited`. */
  stop(): Promise<ChildExit>;
}

/**
 * Starts a command under `watcher.py`: when this process ends, even by SIGKILL, nothing of the command is left.
 * The watcher leads a session of its own, so that Ctrl-C in a terminal reaches this process alone, which then ends its children in order.
 */
export function startChild(options: ChildOptions): Child {
  const grace = options.graceSeconds ?? GRACE_SECONDS;
  const watcher = spawn(options.python, ['-I', '-S', options.watcher, String(grace), ...options.command], {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // Writing never happens; an error here means that the watcher is gone, which `exit` tells.
  watcher.stdin.on('error', () => {});

  const lastLines: string[] = [];
  const onLine = (line: string) => {
    options.log.line(line);
    if (line.trim() !== '') lastLines.push(line);
    if (lastLines.length > 20) lastLines.shift();
    options.onLine?.(line);
  };
  const output = Promise.all([readLines(watcher.stdout, onLine), readLines(watcher.stderr, onLine)]);

  const exited = new Promise<ChildExit>((resolve) => {
    watcher.once('error', (error) => {
      onLine(`${options.python} cannot be started: ${error.message}`);
      resolve({ code: 127, lastLines });
    });
    watcher.once('exit', (code) => {
      // Output may still be in the pipes. Somebody outside the tree could hold them open, so the wait is bounded.
      const late = setTimeout(() => resolve({ code: code ?? 137, lastLines }), 500);
      void output.then(() => {
        clearTimeout(late);
        resolve({ code: code ?? 137, lastLines });
      });
    });
  });
  return {
    pid: watcher.pid ?? 0,
    exited,
    stop() {
      watcher.stdin.end();
      return exited;
    },
  };
}
