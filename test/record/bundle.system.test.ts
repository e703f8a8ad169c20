import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../support/records.ts';

const root = resolve(import.meta.dirname, '../..');

it('writes the record from a bundle of JavaScript as from its sources', async () => {
  const dir = temporaryFolder(onTestFinished);
  await build({
    entryPoints: ['test/record/appender.ts', 'src/writer-thread.ts', 'src/search-thread.ts'].map((file) => join(root, file)),
    outdir: dir,
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    logLevel: 'warning',
  });
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  const run = spawnSync(process.execPath, [join(dir, 'appender.js'), 'serial', join(dir, 'data'), '3'], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  expect(run.stderr).toBe('');
  expect(run.stdout.match(/^ack /gm)).toHaveLength(3);
});
