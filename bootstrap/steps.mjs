import { createRequire } from 'node:module';

const { run } = createRequire(import.meta.url)('./child.cjs');

/** Runs Node programs one after the other; each is `{name, args}`. Says how each ended; ends with 1 when any failed. */
export async function runSteps(steps) {
  const failed = [];
  for (const { name, args } of steps) {
    const started = Date.now();
    const result = await run(process.execPath, args, {});
    if (result.signal) process.exit(1);
    const isFailed = result.code !== 0;
    if (isFailed) failed.push(name);
    process.stderr.write(`${isFailed ? 'FAILED' : 'ok'} ${name} ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  }
  const summary = failed.length === 0 ? '' : `: ${failed.join(', ')}`;
  process.stdout.write(`\n${steps.length - failed.length} passed, ${failed.length} failed${summary}\n`);
  process.exit(failed.length === 0 ? 0 : 1);
}
