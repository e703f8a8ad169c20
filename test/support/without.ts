/** `npm run test:long` sets it: what a thorough run cannot run, it must not pass over. */
const MUST_RUN = 'FAIRLEAD_TEST_ALL';

/** Skips what needs a component that cannot be had here, with the reason printed. In CI and in a thorough run that is a failure. */
export function without(what: string, reason: string): undefined {
  if (process.env['CI'] === 'true' || process.env[MUST_RUN] === 'true') throw new Error(`${what}: ${reason}`);
  process.stderr.write(`skipped, ${what}: ${reason}\n`);
  return undefined;
}
