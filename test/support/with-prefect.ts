import { request } from 'node:http';
import { describe, inject } from 'vitest';
import { type PrefectServer, serverAt } from './prefect.ts';
import type { PrefectEnvironment } from './prefect-environment.ts';
import type { SharedPrefect } from './shared-prefect.ts';

/** The environment with the pinned Prefect; undefined, with the reason printed, where it cannot be had. */
export const environment: PrefectEnvironment | undefined = (await ask<Partial<SharedPrefect>>('/environment')).environment;

/** As `describe`, but skipped as a whole where no Prefect can be had (never under CI). */
export const describeWithPrefect = describe.skipIf(environment === undefined);

/** The Prefect server that all test files of a run share: name flows, pools and blocks so that files do not meet. */
export async function sharedServer(): Promise<PrefectServer> {
  return serverAt(await ask<SharedPrefect>('/server'));
}

export function theEnvironment(): PrefectEnvironment {
  if (environment === undefined) throw new Error('no Prefect here');
  return environment;
}

/** A first installation takes minutes, longer than `fetch` waits for a head. */
function ask<T>(path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: inject('prefectBroker'), path }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (answer.statusCode === 200) resolve(JSON.parse(text) as T);
        else reject(new Error(text));
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
