import { Command, CommanderError } from 'commander';
import { asProblem } from '../core/problem.ts';
import { EXIT } from './functions.ts';
import { printable } from './output.ts';
import { examplesText } from './verb.ts';

/** Turns a verb, whose result is the exit code, into what the parser calls. */
export type Run = (verb: () => Promise<number>) => () => Promise<void>;

/** Parses a command line and runs its verb. Resolves with the exit code; what fails is told on standard error. */
export async function runProgram(argv: readonly string[], build: (run: Run) => Command): Promise<number> {
  let code: number = EXIT.ok;
  const run = (verb: () => Promise<number>) => async (): Promise<void> => {
    code = await verb();
  };
  const program = build(run);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return explainFailure(error);
  }
}

/** The command itself, without its verbs. */
export function emptyProgram(description: string, version: string, examples: readonly string[]): Command {
  return new Command('fairlead')
    .description(description)
    .addHelpText('before', examplesText(examples))
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print examples and options')
    .helpCommand('help [verb]', 'print examples and options of a verb')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('run `fairlead --help`, or `fairlead VERB --help`')
    .configureHelp({ sortSubcommands: false });
}

/** One line on standard error, and what to do next below it; the exit code of its kind. */
function explainFailure(error: unknown): number {
  const problem = asProblem(error);
  const text = problem.code === 'INTERNAL' && problem.cause instanceof Error ? problem.cause.message : problem.message;
  const hint = problem.hint === undefined ? '' : `\n  ${printable(problem.hint)}`;
  process.stderr.write(`fairlead: ${printable(text)} [${printable(problem.code)}]${hint}\n`);
  if (problem.code === 'USAGE') return EXIT.usage;
  if (problem.kind === 'denied') return EXIT.denied;
  return problem.kind === 'invalid' ? EXIT.invalid : EXIT.failed;
}
