import { istioVerbs } from './cli/istio/group.ts';
import { emptyProgram, runProgram } from './cli/run-program.ts';
import { endWithReader } from './reader-gone.ts';
import { readVersion } from './version.ts';

/** The bin of the packed package for `fairlead istio …`: a bundle of its own, which Node 20 can run. */
endWithReader();
const version = await readVersion();

process.exitCode = await runProgram(process.argv.slice(2), (run) => {
  const program = emptyProgram('Istio rules in files: evaluated, explained, linted, compared', version, [
    'fairlead istio explain --help',
  ]);
  istioVerbs(program, run);
  return program;
});
