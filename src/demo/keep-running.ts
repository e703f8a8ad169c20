import { setTimeout as sleep } from 'node:timers/promises';
import type { Child, ChildExit } from './child.ts';

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
/** Who ran for this long had started well; the next end is a new one and not the old one again. */
const GOOD_RUN_MS = 60_000;

export interface Kept {
  /** Ends it for good; resolves when nothing of it is left. */
  stop(): Promise<void>;
  /** Ends the present one and starts the next at once. */
  renew(): void;
}

export interface KeepOptions {
  readonly start: () => Promise<Child>;
  readonly now: () => number;
  /** Told when it ended by itself, with the wait before the next start. */
  readonly onEnd: (exit: ChildExit, delayMs: number) => void;
  /** Shortened in tests. */
  readonly firstDelayMs?: number;
}

/** Starts a child, and again whenever it ends, after 1, 2, 4, … 30 s. A start that fails counts as an end. */
export function keepRunning(options: KeepOptions): Kept {
  const stopping = new AbortController();
  let child: Child | undefined;
  let isRenewed = false;

  async function run(): Promise<void> {
    const firstDelayMs = options.firstDelayMs ?? FIRST_DELAY_MS;
    let delayMs = firstDelayMs;
    while (!stopping.signal.aborted) {
      const startedAt = options.now();
      isRenewed = false;
      const exit = await once();
      child = undefined;
      if (stopping.signal.aborted) return;
      if (isRenewed) continue;
      if (options.now() - startedAt >= GOOD_RUN_MS) delayMs = firstDelayMs;
      options.onEnd(exit, delayMs);
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
      delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
    }
  }

  async function once(): Promise<ChildExit> {
    try {
      child = await options.start();
    } catch (error) {
      return { code: 127, lastLines: [error instanceof Error ? error.message : 'it cannot be started'] };
    }
    if (stopping.signal.aborted) return child.stop();
    return child.exited;
  }

  const ended = run();
  return {
    async stop() {
      stopping.abort();
      void child?.stop();
      await ended;
    },
    renew() {
      isRenewed = true;
      void child?.stop();
    },
  };
}
