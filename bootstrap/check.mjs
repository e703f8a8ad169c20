// Everything that reads the sources without running them: formatting and lint, types, floating promises.
import { runSteps } from './steps.mjs';

const PROMISES = ['-D', 'typescript/no-floating-promises', '-D', 'typescript/no-misused-promises'];

await runSteps([
  { name: 'biome', args: ['node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', '.'] },
  { name: 'tsc', args: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'] },
  { name: 'oxlint', args: ['node_modules/oxlint/bin/oxlint', '--type-aware', ...PROMISES, '--quiet', 'src', 'test', 'bench'] },
]);
