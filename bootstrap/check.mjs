// Everything that reads the sources without running them: formatting and lint, types, floating promises.
import { spawnSync } from 'node:child_process';

const steps = [
  ['biome', 'node_modules/@biomejs/biome/bin/biome', ['ci', '--error-on-warnings', '.']],
  ['tsc', 'node_modules/typescript/bin/tsc', ['--noEmit', '-p', '.']],
  [
    'oxlint',
    'node_modules/oxlint/bin/oxlint',
    [
      '--type-aware',
      '-D',
      'typescript/no-floating-promises',
      '-D',
      'typescript/no-misused-promises',
      '--quiet',
      'src',
      'test',
      'bench',
    ],
  ],
];

let failed = 0;
for (const [name, file, args] of steps) {
  const started = Date.now();
  const result = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' });
  const isFailed = result.status !== 0;
  if (isFailed) failed += 1;
  process.stderr.write(`${isFailed ? 'FAILED' : 'ok'} ${name} ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}
process.exit(failed === 0 ? 0 : 1);
