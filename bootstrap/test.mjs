// `npm test`: lint, types, unit tests, then the tests that start real servers. `--long` runs what takes over three minutes.
import { spawnSync } from 'node:child_process';

const isLong = process.argv.includes('--long');
const rest = process.argv.slice(2).filter((argument) => argument !== '--long');
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default'];
const steps = isLong
  ? [[...vitest, '--project', 'long', ...rest]]
  : [
      ['bootstrap/check.mjs'],
      [...vitest, '--project', 'unit', ...rest],
      [...vitest, '--project', 'system', '--passWithNoTests', ...rest],
    ];

let failed = 0;
for (const step of steps) {
  const result = spawnSync(process.execPath, step, { stdio: 'inherit' });
  if (result.status !== 0) failed += 1;
}
process.stdout.write(`\n${steps.length - failed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
