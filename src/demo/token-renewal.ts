/** Looked at this often, so an idle moment of a busy worker is found. */
const CHECK_MS = 60_000;
/** From this long before the end of its token an idle worker is renewed. */
const EARLY_MS = 4 * 3_600_000;

export interface RenewalOptions {
  readonly lifeMs: number;
  readonly now: () => number;
  readonly isIdle: () => Promise<boolean>;
  /** Gives the worker a new token by starting it anew. */
  readonly renew: () => void;
  /** Shortened in tests. */
  readonly checkMs?: number;
}

export interface Renewal {
  /** The worker has started with a fresh token. */
  started(): void;
  stop(): void;
}

/**
 * Renews a worker before its token ends, while no run is under way, since runs carry the worker's token. At the very end it
 * is renewed all the same: by then neither the worker nor its runs get anywhere.
 */
export function watchToken(options: RenewalOptions): Renewal {
  let startedAt = options.now();
  let isAsking = false;

  async function check(): Promise<void> {
    const ageMs = options.now() - startedAt;
    if (isAsking || ageMs < options.lifeMs - Math.min(EARLY_MS, options.lifeMs / 2)) return;
    isAsking = true;
    const isDue = ageMs >= options.lifeMs || (await options.isIdle());
    isAsking = false;
    if (!isDue) return;
    startedAt = options.now();
    options.renew();
  }

  const timer = setInterval(() => void check(), options.checkMs ?? CHECK_MS);
  return {
    started: () => {
      startedAt = options.now();
    },
    stop: () => clearInterval(timer),
  };
}
