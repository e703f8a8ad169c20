import { randomFillSync } from 'node:crypto';
import type { Randomness } from './core/ports.ts';

const POOL_BYTES = 4096;

/** Random bytes from the operating system, drawn in pools: every call needs a few, and each draw alone costs more than the bytes. */
export function pooledRandomness(): Randomness {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    bytes(count) {
      if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count));
      if (used + count > POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      const taken = pool.slice(used, used + count);
      // What was handed out is not kept.
      pool.fill(0, used, used + count);
      used += count;
      return taken;
    },
  };
}
