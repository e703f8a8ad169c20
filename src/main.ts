import type { CliFunctions } from './cli/functions.ts';
import { runCli } from './cli/program.ts';
import type { Config } from './config/config.ts';
import { endWithReader } from './reader-gone.ts';
import { readVersion } from './version.ts';

/** The bin. Everything heavy is loaded by the verb that needs it. */
const functions: CliFunctions = {
  version: await readVersion(),
  async up(config) {
    return await (await import('./run-gateway.ts')).runGateway(config, this.version);
  },
  async demo(options) {
    return await (await import('./run-demo.ts')).runDemoCommand({ ...options, version: this.version });
  },
  async checkPolicies(config: Config, files) {
    const [{ checkPolicies }, { policyTools }, { ENFORCED }] = await Promise.all([
      import('./control/activation.ts'),
      import('./policy-tools.ts'),
      import('./enforced.ts'),
    ]);
    return checkPolicies(policyTools(config), ENFORCED, files);
  },
};

endWithReader();
process.exitCode = await runCli(process.argv.slice(2), functions);
