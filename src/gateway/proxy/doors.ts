import type { Limits, ListenAddress, Timeouts, Tls } from '../config.ts';
import type { BoundTarget, Corridor } from '../port.ts';
import type { OwnPaths } from './own-paths.ts';
import { openProxyDoor, type ProxyDoor } from './server.ts';
import type { UpstreamPools } from './upstream-pools.ts';

export interface ProxyDoorsParts {
  readonly corridor: Corridor;
  readonly config: {
    readonly listen: { readonly proxy?: ListenAddress | undefined };
    readonly tls: Tls | undefined;
    readonly limits: Limits;
    readonly timeouts: Timeouts;
    readonly targets: readonly { readonly name: string; readonly port: number | undefined }[];
  };
  readonly targets: readonly BoundTarget[];
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly pools: UpstreamPools;
  readonly ownPaths: OwnPaths;
}

export interface ProxyDoors {
  readonly ports: Readonly<Record<string, number>>;
  reloadTls(tls: { readonly cert: string; readonly key: string }): void;
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** The listener for hosts, and one on loopback for each target with a port of its own. */
export async function openProxyDoors(parts: ProxyDoorsParts): Promise<ProxyDoors> {
  const { corridor, config, pools, ownPaths, tls } = parts;
  const shared = {
    corridor,
    limits: config.limits,
    timeouts: config.timeouts,
    ownPaths,
    dispatcherFor: (target: BoundTarget) => pools.poolFor(target.upstream),
  };
  const opened: [name: string, door: ProxyDoor][] = [];
  const drain = async (graceMs: number): Promise<void> => {
    await Promise.all(opened.map(([, door]) => door.drain(graceMs)));
  };
  try {
    if (config.listen.proxy !== undefined) {
      const scheme = config.tls === undefined ? 'http' : 'https';
      opened.push([
        '*',
        await openProxyDoor({ ...shared, listen: config.listen.proxy, scheme, ...(tls === undefined ? {} : { tls }) }),
      ]);
    }
    for (const { name, port } of config.targets) {
      if (port !== undefined)
        opened.push([name, await openProxyDoor({ ...shared, listen: { host: '127.0.0.1', port }, scheme: 'http' })]);
    }
  } catch (error) {
    await drain(0);
    throw error;
  }
  return {
    ports: Object.fromEntries(opened.map(([name, door]) => [name, door.port])),
    reloadTls(fresh) {
      for (const [name, door] of opened) if (name === '*') door.reloadTls(fresh);
    },
    drain,
    close: () => drain(0),
  };
}
