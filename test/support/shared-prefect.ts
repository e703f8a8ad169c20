import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { type OwnPrefectServer, startServer } from './prefect.ts';
import { findPrefectEnvironment, type PrefectEnvironment } from './prefect-environment.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Port on 127.0.0.1 that answers where the shared Prefect server is, and starts it when first asked. */
    prefectBroker: number;
  }
}

export interface SharedPrefect {
  readonly environment: PrefectEnvironment;
  readonly port: number;
  readonly authString: string;
}

/** One Prefect server for all test files of a run, since each start costs ten seconds of CPU; started when first asked for. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let environment: Promise<PrefectEnvironment | undefined> | undefined;
  let server: Promise<OwnPrefectServer> | undefined;

  async function answer(path: string): Promise<unknown> {
    environment ??= findPrefectEnvironment();
    const found = await environment;
    if (found === undefined || path === '/environment') return { environment: found };
    server ??= startServer(found);
    const { port, authString } = await server;
    return { environment: found, port, authString };
  }

  const broker = createServer((request, response) => {
    answer(request.url ?? '').then(
      (found) => response.writeHead(200).end(JSON.stringify(found)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : 'unknown error'),
    );
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  project.provide('prefectBroker', (broker.address() as AddressInfo).port);
  return async () => {
    broker.close();
    broker.closeAllConnections();
    await (await server?.catch(() => undefined))?.close();
  };
}
