import { type Dispatcher, Pool } from 'undici';

export interface UpstreamPools {
  poolFor(upstream: URL): Dispatcher;
  close(): Promise<void>;
}

/**
 * Servers of this kind (uvicorn) end an idle connection after 5 s; ours are let go before that, so that no call is sent into a
 * connection that is just being closed.
 */
const IDLE_MS = 3_500;
/** Endless answers hold one each; with fewer of them than callers, a few readers could keep everybody else waiting. */
const MAX_CONNECTIONS = 10_000;

/** One pool per upstream origin, shared by all listeners. */
export function upstreamPools(options: { readonly connectTimeoutMs: number }): UpstreamPools {
  const pools = new Map<string, Pool>();
  return {
    poolFor({ origin }) {
      let pool = pools.get(origin);
      if (pool === undefined) {
        pool = new Pool(origin, {
          connections: MAX_CONNECTIONS,
          pipelining: 1,
          keepAliveTimeout: IDLE_MS,
          keepAliveMaxTimeout: IDLE_MS,
          connect: { timeout: options.connectTimeoutMs },
          maxHeaderSize: 64 * 1024,
        });
        pools.set(origin, pool);
      }
      return pool;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}
