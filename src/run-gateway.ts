import type { Config } from './config/config.ts';
import { onHangup } from './config/reload.ts';
import { asProblem } from './core/problem.ts';
import { endingSignal } from './ending.ts';
import { startGateway } from './start-gateway.ts';

/** `fairlead up`: runs until SIGTERM or SIGINT, drains, and ends; a second signal does not wait. SIGHUP reads files anew. */
export async function runGateway(config: Config, version: string): Promise<number> {
  const gateway = await startGateway(config, { version }).catch((error: unknown) => {
    const problem = asProblem(error);
    const cause = problem.cause instanceof Error ? `: ${problem.cause.message}` : '';
    process.stderr.write(
      `fairlead: the gateway did not start: ${startSentence(error) ?? problem.message + cause} [${problem.code}]\n`,
    );
    return undefined;
  });
  if (gateway === undefined) return 1;
  onHangup(process, () => gateway.reload());
  await new Promise<void>((resolve) => {
    endingSignal().addEventListener('abort', () => resolve(), { once: true });
  });
  await gateway.close();
  return 0;
}

/** The usual reason, in one sentence. */
function startSentence(error: unknown): string | undefined {
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === 'EADDRINUSE') return `port ${port ?? '?'} on ${address ?? 'this host'} is taken by another program`;
  if (code === 'EACCES') return `port ${port ?? '?'} needs more rights than this process has`;
  return undefined;
}
