import { isIP } from 'node:net';
import { buildConnector, type Dispatcher, Pool } from 'undici';

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
  const byUrl = new WeakMap<URL, Pool>();
  return {
    poolFor(upstream) {
      const known = byUrl.get(upstream);
      if (known !== undefined) return known;
      const { origin } = upstream;
      const pool = pools.get(origin) ?? openPool(upstream, options.connectTimeoutMs);
      pools.set(origin, pool);
      byUrl.set(upstream, pool);
      return pool;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

function openPool(upstream: URL, timeout: number): Pool {
  return new Pool(upstream.origin, {
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    // Heads pass as HTTP/1.1 fields.
    allowH2: false,
    connect: upstreamConnector(upstream, timeout),
    maxHeaderSize: 64 * 1024,
  });
}

/** The certificate is asked for under the upstream's own name, never under the client's `Host`; an address has no name to ask for. */
function upstreamConnector({ hostname }: URL, timeout: number): buildConnector.connector {
  const host = hostname.replace(/^\[|\]$/g, '');
  const servername = isIP(host) === 0 ? host : '';
  const connect = buildConnector({ timeout, allowH2: false });
  return (options, callback) => connect({ ...options, servername }, callback);
}
