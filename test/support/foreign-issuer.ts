import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { IssuerOrder } from './foreign-issuer-process.ts';

export interface ForeignIssuer {
  readonly issuer: string;
  close(): Promise<void>;
}

/** Starts an OpenID provider that knows nothing of Fairlead, as a process of its own. It ends with this process, too. */
export async function startForeignIssuer(order: IssuerOrder): Promise<ForeignIssuer> {
  const child = fork(join(import.meta.dirname, 'foreign-issuer-process.ts'), [], { execArgv: [], silent: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += String(text)));
  const exited = once(child, 'exit');
  const ready = new Promise<{ readonly issuer: string }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { issuer: string }));
    child.once('exit', () => reject(new Error(`the issuer ended: ${output}`)));
  });
  child.send(order);
  const { issuer } = await ready;
  return {
    issuer,
    async close() {
      child.kill();
      await exited;
    },
  };
}
