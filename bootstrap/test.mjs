// `npm test`: lint, types, unit tests, then the tests that start real servers. `--long` runs what takes over three minutes.
import { runSteps } from './steps.mjs';

const isLong = process.argv.includes('--long');
const rest = process.argv.slice(2).filter((argument) => argument !== '--long');
// What is chosen by name may be in one of the two alone.
const chosen = rest.length === 0 ? [] : ['--passWithNoTests', ...rest];
// What it cannot run, a thorough run does not pass over.
if (isLong) process.env.FAIRLEAD_TEST_ALL = 'true';
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default'];

await runSteps(
  isLong
    ? [
        { name: 'unit tests, each property in full', args: [...vitest, '--project', 'unit', ...chosen] },
        { name: 'long tests', args: [...vitest, '--project', 'long', ...chosen] },
      ]
    : [
        { name: 'check', args: ['bootstrap/check.mjs'] },
        { name: 'unit tests', args: [...vitest, '--project', 'unit', ...rest] },
        { name: 'system tests', args: [...vitest, '--project', 'system', '--passWithNoTests', ...rest] },
      ],
);
