/** From the first signal: what comes within this time is the same wish, told by the terminal, by npm and by the bootstrap. */
const SAME_WISH_MS = 1_000;

/** Aborted when one of the signals asks this process to end. One that comes later does not wait for a clean end: exit status 1. */
export function endingSignal(signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']): AbortSignal {
  const ending = new AbortController();
  let firstAt = 0;
  for (const signal of signals) {
    process.on(signal, () => {
      if (ending.signal.aborted && performance.now() - firstAt > SAME_WISH_MS) process.exit(1);
      if (ending.signal.aborted) return;
      firstAt = performance.now();
      ending.abort();
    });
  }
  return ending.signal;
}
