import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from './config/load.ts';
import { diagnosticText } from './core/diagnostic.ts';
import { demoAssets } from './demo/assets.ts';
import { runDemo } from './demo/supervisor.ts';
import { endingSignal } from './ending.ts';
import { startGateway } from './start-gateway.ts';

/** `fairlead demo` and `npm start`. Ends on Ctrl-C or SIGTERM; a second signal does not wait. */
export async function runDemoCommand(options: { readonly dir?: string; readonly version: string }): Promise<number> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const isClone = existsSync(join(root, 'bootstrap', 'run.cjs'));
  return await runDemo({
    startGateway: async (configFile, { logFile }) => {
      const { config, diagnostics } = loadConfig(await readFile(configFile, 'utf8'), configFile);
      if (config === undefined) throw new Error(diagnostics.map(diagnosticText).join('\n'));
      return await startGateway(config, { logFile, version: options.version });
    },
    folder: resolve(options.dir ?? (isClone ? join(root, '.fairlead', 'demo') : join(dataHome(), 'fairlead', 'demo'))),
    assets: demoAssets(root),
    env: process.env,
    output: process.stderr,
    command: isClone ? 'npm run -s fairlead --' : 'npx fairlead',
    now: () => Date.now(),
    randomBytes: (count) => new Uint8Array(randomBytes(count)),
    signal: endingSignal(['SIGINT', 'SIGTERM', 'SIGHUP']),
  });
}

/** XDG Base Directory Specification: `$XDG_DATA_HOME`, else `~/.local/share`. */
function dataHome(): string {
  return process.env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share');
}
