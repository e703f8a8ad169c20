import { type Command, Option } from 'commander';
import type { Format } from './output.ts';

/** A verb below `parent`. Its help begins with what to type. */
export function verb(parent: Command, usage: string, summary: string, examples: readonly string[]): Command {
  return parent.command(usage).description(summary).addHelpText('before', examplesText(examples));
}

export function examplesText(examples: readonly string[]): string {
  return `Examples:\n${examples.map((example) => `  ${example}`).join('\n')}\n`;
}

export function formatOption(): Option {
  return new Option('-o, --output <format>', 'how to print')
    .choices(['table', 'json', 'yaml'] satisfies Format[])
    .default('table');
}
